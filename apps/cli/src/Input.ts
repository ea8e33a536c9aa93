/** Bytes from outside: a file, or standard input where `-` stands for one. */
import { Effect, FileSystem, type PlatformError, Sink, Stdio, Stream } from "effect"
import { UnreadableInput } from "./Failure.ts"

export const read = Effect.fnUntraced(
  function* (source: string) {
    if (source !== "-") return yield* (yield* FileSystem.FileSystem).readFile(source)
    const { stdin } = yield* Stdio.Stdio
    return Buffer.concat(yield* Stream.runCollect(stdin))
  },
  (reading, source) => Effect.mapError(reading, (error) => unreadable(source, error)),
)

const unreadable = (source: string, { reason }: PlatformError.PlatformError) =>
  new UnreadableInput({ message: `${nameOf(source)} cannot be read: ${whyNot(reason)}` })

export const notUtf8 = (source: string) =>
  new UnreadableInput({ message: `${nameOf(source)} is not UTF-8. Save or export it as UTF-8` })

/** The same, as it comes. */
export const stream = (source: string) =>
  Stream.unwrap(
    Effect.gen(function* () {
      if (source !== "-") return (yield* FileSystem.FileSystem).stream(source)
      return (yield* Stdio.Stdio).stdin
    }),
  ).pipe(Stream.mapError((error) => unreadable(source, error)))

/** How it begins, at least so many bytes of it if there are, and all of it as it comes. */
export const peek = Effect.fnUntraced(function* (source: string, length: number) {
  const isShort = (chunks: ReadonlyArray<Uint8Array>) => chunks.reduce((sum, chunk) => sum + chunk.length, 0) < length
  const beginning = Sink.fold(
    (): ReadonlyArray<Uint8Array> => [],
    isShort,
    (chunks, chunk: Uint8Array) => Effect.succeed([...chunks, chunk]),
  )
  const [chunks, rest] = yield* Stream.peel(stream(source), beginning)
  return { head: Buffer.concat(chunks), bytes: Stream.concat(Stream.fromIterable(chunks), rest) }
})

/** Bytes as text. */
export const textOf = (source: string, bytes: Uint8Array): Effect.Effect<string, UnreadableInput> =>
  Effect.try({
    try: () => new TextDecoder("utf-8", { fatal: true }).decode(bytes),
    catch: () => notUtf8(source),
  })

/** Text as JSON. */
export const parseJson = (source: string, text: string): Effect.Effect<unknown, UnreadableInput> =>
  Effect.try({
    try: (): unknown => JSON.parse(text),
    catch: (thrown) =>
      new UnreadableInput({ message: `${nameOf(source)} is not valid JSON: ${(thrown as SyntaxError).message}` }),
  })

/** A file as JSON. */
export const readJson = Effect.fnUntraced(function* (source: string) {
  return yield* parseJson(source, yield* textOf(source, yield* read(source)))
})

/** Its name for messages. */
export const nameOf = (source: string): string => (source === "-" ? "Standard input" : source)

const whyNot = (reason: PlatformError.PlatformError["reason"]): string => {
  if (reason._tag === "NotFound") return "there is no such file"
  if (reason._tag === "PermissionDenied") return "permission denied"
  return reason.cause instanceof Error ? reason.cause.message : reason.message
}
