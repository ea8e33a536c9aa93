/** Files of lines of JSON: how a run keeps what it has to remember, however much that is. */
import { Effect, FileSystem, type PlatformError, Result, Stream } from "effect"

/** The lines of a file. */
export const lines = (path: string): Stream.Stream<string, PlatformError.PlatformError, FileSystem.FileSystem> =>
  Stream.unwrap(Effect.map(FileSystem.FileSystem, (fs) => fs.stream(path))).pipe(Stream.decodeText, Stream.splitLines)

/** The values of a file, in their order. A line that was not written to its end is none. */
export const read = <A>(path: string) =>
  Stream.filterMap(lines(path), (line) => Result.try(() => JSON.parse(line) as A))

/** The values of a file that need not be there. */
export const readIfThere = <A>(path: string) =>
  Stream.unwrap(
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      return (yield* fs.exists(path)) ? read<A>(path) : Stream.empty
    }),
  )

/** How much text becomes bytes at once: to do so line by line costs more, and all together there may be more than text can be. */
const pieceLength = 1_000_000

const encode = (values: ReadonlyArray<unknown>): Uint8Array => {
  const pieces: Array<Buffer> = []
  let piece = ""
  for (const value of values) {
    piece += `${JSON.stringify(value)}\n`
    if (piece.length < pieceLength) continue
    pieces.push(Buffer.from(piece))
    piece = ""
  }
  const last = Buffer.from(piece)
  return pieces.length === 0 ? last : Buffer.concat([...pieces, last])
}

export interface Writer {
  readonly write: (values: ReadonlyArray<unknown>) => Effect.Effect<void, PlatformError.PlatformError>
  /** Until all that was written is on the disk. */
  readonly sync: Effect.Effect<void, PlatformError.PlatformError>
}

/** Opens a file for adding lines. What is in it is members' data: it is its owner's to read. */
export const append = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  const isTorn = yield* endsWithin(path)
  const file = yield* fs.open(path, { flag: "a", mode: 0o600 })
  // A line that was not written to its end must not become one with the next.
  if (isTorn) yield* file.writeAll(Buffer.from("\n"))
  return { write: (values) => file.writeAll(encode(values)), sync: file.sync } satisfies Writer
})

const endsWithin = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  if (!(yield* fs.exists(path))) return false
  const { size } = yield* fs.stat(path)
  if (Number(size) === 0) return false
  const file = yield* fs.open(path, { flag: "r" })
  yield* file.seek(BigInt(size) - 1n, "start")
  const last = new Uint8Array(1)
  yield* file.read(last)
  return last[0] !== 0x0a
}, Effect.scoped)
