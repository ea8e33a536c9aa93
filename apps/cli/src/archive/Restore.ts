/** What `import` does with the file of an export. */
import { ArchiveLines, SiteArchive, type SiteId } from "@webflow-users/core"
import { Effect, Sink, Stream } from "effect"
import { ImportRefused, type UnreadableInput } from "../Failure.ts"
import { Output } from "../Output.ts"
import * as Store from "../Store.ts"
import * as Progress from "./Progress.ts"
import * as Sha256 from "./Sha256.ts"
import * as Words from "./Words.ts"

/** How much of a file tells whether it is an archive: what is damaged there is one nevertheless. */
export const headLength = 64

/** Whether a file that begins so is an archive. */
export const isArchive = (head: Uint8Array): boolean =>
  Buffer.from(head).subarray(0, headLength).toString("latin1").includes(ArchiveLines.format)

/** Takes an archive into the store. `size` is how long it is, in bytes, where that is known. */
export const restore = Effect.fnUntraced(function* (
  bytes: Stream.Stream<Uint8Array, UnreadableInput>,
  {
    site,
    size,
    skipInvalid,
  }: { readonly site: SiteId | undefined; readonly size: number; readonly skipInvalid: boolean },
) {
  const output = yield* Output
  if (skipInvalid) return yield* refuse("--skip-invalid is not for the file of an export: that is taken in as a whole")
  const reader = ArchiveLines.reader(Sha256.make())
  const told = Progress.alongside(bytes, size, { verb: "bytes taken in" }, lengthOf)
  // The store is not opened before it is known that there is something to put into it.
  const [[first], rest] = yield* Stream.peel(ArchiveLines.decode(told, reader), Sink.take(1))
  if (first?._tag !== "Site") return yield* Effect.fromResult(reader.end())
  const { siteId } = first.site
  if (site !== undefined && site !== siteId) {
    return yield* refuse(
      `The file is of site ${siteId}, and --site says ${site}. Without --site it is taken in as what it is`,
    )
  }
  yield* SiteArchive.SiteArchive.use((archive) =>
    archive.write(siteId, Stream.concat(Stream.succeed(first), rest)),
  ).pipe(Effect.provide(Store.layerArchived))
  const summary = yield* Effect.fromResult(reader.end())
  yield* output.result({ siteId, ...summary }, () => Words.restored(siteId, summary))
})

const refuse = (message: string) => new ImportRefused({ message, details: [] })

const lengthOf = (some: ReadonlyArray<Uint8Array>) => some.reduce((sum, one) => sum + one.length, 0)
