/** A file that is there as a whole or not at all. */
import { dirname } from "node:path"
import { Effect, Exit, FileSystem, type PlatformError, Predicate, Random, Stream } from "effect"
import { OutputExists, OutputUnwritable } from "../Failure.ts"

/**
 * Writes a file beside its name first, and gives it the name when all of it is on the disk. What it holds are members' data: it
 * is its owner's to read. What has the name already stays, unless `force` says otherwise.
 */
export const write = Effect.fnUntraced(function* <E, R>(
  name: string,
  bytes: Stream.Stream<Uint8Array, E, R>,
  { force }: { readonly force: boolean },
) {
  const fs = yield* FileSystem.FileSystem
  const writing = <A, R1>(step: Effect.Effect<A, PlatformError.PlatformError, R1>) =>
    Effect.mapError(step, unwritable(name))
  // A name may lead elsewhere: what is replaced is the file, not the link to it.
  const path = (yield* fs.exists(name).pipe(writing)) ? yield* fs.realPath(name).pipe(writing) : name
  yield* mayBeWritten(name, force)

  const unfinished = `${path}.${(yield* Random.nextIntBetween(0, 36 ** 6)).toString(36)}.part`
  yield* Effect.addFinalizer((exit) => (Exit.isSuccess(exit) ? Effect.void : Effect.ignore(fs.remove(unfinished))))
  const file = yield* fs.open(unfinished, { flag: "wx", mode: 0o600 }).pipe(writing)
  yield* Stream.runForEach(bytes, (some) => writing(file.writeAll(some)))
  yield* writing(file.sync)
  yield* mayBeWritten(name, force)
  yield* fs.rename(unfinished, path).pipe(writing)
  // The name is on the disk when its folder is; where a folder cannot be told so, it is a moment later.
  const folder = Effect.flatMap(fs.open(dirname(path), { flag: "r" }), (opened) => opened.sync)
  yield* Effect.ignore(folder)
}, Effect.scoped)

const mayBeWritten = Effect.fnUntraced(function* (name: string, force: boolean) {
  const fs = yield* FileSystem.FileSystem
  if (!(yield* Effect.mapError(fs.exists(name), unwritable(name)))) return
  if (!force) return yield* new OutputExists({ message: `${name} is there already, and --force replaces it` })
  const { type } = yield* Effect.mapError(fs.stat(name), unwritable(name))
  if (type !== "File") return yield* new OutputExists({ message: `${name} is no file, and is not replaced by one` })
})

/** What a file system, or who reads standard output, says when there is no writing. */
export const unwritable =
  (name: string) =>
  ({ reason }: PlatformError.PlatformError): OutputUnwritable => {
    const cause = reason.cause instanceof Error ? reason.cause.message : reason.message
    const isClosed = Predicate.hasProperty(reason.cause, "code") && reason.cause.code === "EPIPE"
    return new OutputUnwritable({ message: `${name} cannot be written: ${cause}`, isClosed })
  }
