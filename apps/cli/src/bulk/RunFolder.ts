/** A run's folder: what it is to do, what has become of it, and who is at it. */
import { DateTime, Effect, FileSystem, Option, type PlatformError, Random, Schema } from "effect"
import { RunBusy, RunNotFound, RunUnwritable } from "../Failure.ts"

/** Where runs are recorded: below the folder that the command is called in. */
export const root = ".webflow-users/runs"

/** What a run is to do, as `run.json` keeps it from when it is planned. */
export const Run = Schema.Struct({
  version: Schema.Literal(1),
  id: Schema.String,
  kind: Schema.Literals(["bulk", "undo"]),
  /** The run that it takes back. */
  undoes: Schema.optionalKey(Schema.String),
  siteId: Schema.String,
  /** Its address; of one with a password in it only what may be shown, and then whoever goes on says it again. */
  store: Schema.Struct({ address: Schema.String, isWhole: Schema.Boolean }),
  createdAt: Schema.String,
  input: Schema.optionalKey(
    Schema.Struct({ name: Schema.String, format: Schema.Literals(["csv", "ndjson"]), sha256: Schema.String }),
  ),
  /** The headings of a table. */
  headings: Schema.optionalKey(Schema.Array(Schema.String)),
  options: Schema.Struct({
    map: Schema.Record(Schema.String, Schema.String),
    emptyClears: Schema.Boolean,
    failFast: Schema.Boolean,
    concurrency: Schema.optionalKey(Schema.Int),
    rate: Schema.optionalKey(Schema.Int),
  }),
  counts: Schema.Struct({
    rows: Schema.Int,
    changes: Schema.Int,
    unchanged: Schema.Int,
    invalid: Schema.Int,
  }),
})
export type Run = typeof Run.Type

/** What has become of a run, as `summary.json` keeps it from when it ended or was stopped. */
export const Summary = Schema.Struct({
  updated: Schema.Int,
  failed: Schema.Int,
  left: Schema.Int,
  endedAt: Schema.String,
})
export type Summary = typeof Summary.Type

export interface Folder {
  readonly path: string
  readonly run: string
  readonly rows: string
  readonly changes: string
  readonly problems: string
  readonly journal: string
  readonly summary: string
  /** Files of this name and a process's number say who is at it. */
  readonly lock: string
  readonly failures: (format: "csv" | "ndjson") => string
}

const folderAt = (path: string): Folder => ({
  path,
  run: `${path}/run.json`,
  rows: `${path}/rows.ndjson`,
  changes: `${path}/changes.ndjson`,
  problems: `${path}/problems.ndjson`,
  journal: `${path}/journal.ndjson`,
  summary: `${path}/summary.json`,
  lock: `${path}/lock`,
  failures: (format) => `${path}/failures.${format}`,
})

export const folderOf = (id: string): Folder => folderAt(`${root}/${id}`)

/** What a file system says when a run cannot be recorded. */
export const unwritable = ({ reason }: PlatformError.PlatformError): RunUnwritable => {
  const cause = reason.cause instanceof Error ? reason.cause.message : reason.message
  return new RunUnwritable({ message: `The run cannot be recorded in ${root}: ${cause}` })
}

/** Makes the folder of a new run. Its name begins with when that is, so that names sort by it. */
export const create = Effect.fnUntraced(function* () {
  const fs = yield* FileSystem.FileSystem
  const now = DateTime.formatIso(yield* DateTime.now)
  const suffix = yield* Random.nextIntBetween(0, 36 ** 4)
  const id = `${now.slice(0, 19).replaceAll(/[-:]/g, "").replace("T", "-")}-${suffix.toString(36).padStart(4, "0")}`
  yield* fs.makeDirectory(root, { recursive: true, mode: 0o700 })
  // What is here is members' data, and is not to be committed with somebody's code.
  yield* fs.writeFileString(`${root}/../.gitignore`, "*\n")
  yield* sweep
  yield* fs.makeDirectory(`${root}/${id}`, { mode: 0o700 })
  return { id, folder: folderOf(id), createdAt: now }
}, Effect.mapError(unwritable))

/** A run that was killed while it was planned has changed nothing, and is nobody's to go on with. */
const sweep = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  for (const name of yield* fs.readDirectory(root)) {
    const folder = folderOf(name)
    if (yield* fs.exists(folder.run)) continue
    const { living, dead } = yield* holders(folder)
    // Somebody else may be sweeping, too.
    if (living.length === 0 && dead.length > 0) yield* Effect.ignore(fs.remove(folder.path, { recursive: true }))
  }
})

/** A folder for a plan that is only to be looked at, gone with the scope. */
export const temporary = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  return folderAt(yield* fs.makeTempDirectoryScoped({ prefix: "webflow-users-" }))
}).pipe(Effect.mapError(unwritable))

/** Keeps a value, whole or not at all. */
const writeWhole = Effect.fnUntraced(function* (path: string, json: unknown) {
  const fs = yield* FileSystem.FileSystem
  const file = yield* fs.open(`${path}.new`, { flag: "w", mode: 0o600 })
  yield* file.writeAll(new TextEncoder().encode(`${JSON.stringify(json, null, 2)}\n`))
  yield* file.sync
  yield* fs.rename(`${path}.new`, path)
}, Effect.scoped)

export const writeRun = (folder: Folder, run: Run) => Effect.mapError(writeWhole(folder.run, run), unwritable)
export const writeSummary = (folder: Folder, summary: Summary) =>
  Effect.mapError(writeWhole(folder.summary, summary), unwritable)

const decodeRun = Schema.decodeUnknownOption(Schema.fromJsonString(Run))
const decodeSummary = Schema.decodeUnknownOption(Schema.fromJsonString(Summary))

const textOf = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  return yield* Effect.orElseSucceed(fs.readFileString(path), () => "")
})

/** A run that was recorded. */
export const open = Effect.fnUntraced(function* (id: string) {
  const isName = /^[\w-]+$/.test(id)
  const folder = folderOf(id)
  const run = isName ? decodeRun(yield* textOf(folder.run)) : Option.none()
  if (Option.isNone(run)) return yield* new RunNotFound({ message: `There is no run ${id} in ${root}` })
  return { folder, run: run.value }
})

export const readSummary = (folder: Folder) =>
  Effect.map(textOf(folder.summary), (text) => Option.getOrUndefined(decodeSummary(text)))

/** All runs that were recorded, the last one first. */
export const list = Effect.fnUntraced(function* () {
  const fs = yield* FileSystem.FileSystem
  const names = yield* Effect.orElseSucceed(fs.readDirectory(root), () => [])
  const found = yield* Effect.forEach(names, (name) => Effect.option(open(name)))
  return found
    .flatMap((each) => Option.toArray(each))
    .toSorted((a, b) => b.run.createdAt.localeCompare(a.run.createdAt))
})

/** The processes that said they are at it, but for this one: one of its number is from before. */
const holders = Effect.fnUntraced(function* (folder: Folder) {
  const fs = yield* FileSystem.FileSystem
  const names = yield* Effect.orElseSucceed(fs.readDirectory(folder.path), () => [])
  const pids = names
    .map((name) => Number(/^lock\.(\d+)$/.exec(name)?.[1]))
    .filter((pid) => pid > 0 && pid !== process.pid)
  return { living: pids.filter(isAlive), dead: pids.filter((pid) => !isAlive(pid)) }
})

/** Whether a process is at it. */
export const isHeld = (folder: Folder) => Effect.map(holders(folder), ({ living }) => living.length > 0)

/** How often who may go first looks whether the other has stepped back. */
const looks = 20

/** Takes a run for this process alone, until the scope ends. One that was killed does not hold it. */
export const hold = Effect.fnUntraced(function* (folder: Folder, id: string) {
  const fs = yield* FileSystem.FileSystem
  const own = `${folder.lock}.${process.pid}`
  // Each says so first and looks then: of two that come at once, both cannot overlook each other.
  yield* Effect.acquireRelease(fs.writeFileString(own, "", { mode: 0o600 }), () => Effect.ignore(fs.remove(own))).pipe(
    Effect.mapError(unwritable),
  )
  for (let look = 1; ; look += 1) {
    const { living, dead } = yield* holders(folder)
    for (const pid of dead) yield* Effect.ignore(fs.remove(`${folder.lock}.${pid}`))
    if (living.length === 0) return
    // If both saw each other, the lower number stays.
    if (look === looks || living.some((pid) => pid < process.pid)) {
      return yield* new RunBusy({ message: `Run ${id} is under way already, in process ${living.join(", ")}` })
    }
    yield* Effect.sleep("50 millis")
  }
})

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    // Somebody else's process is alive as well.
    return error instanceof Error && "code" in error && error.code === "EPERM"
  }
}
