/** Large sites in little memory, and readers who take their time. */
import { spawn } from "node:child_process"
import { createHash } from "node:crypto"
import { once } from "node:events"
import { createReadStream, readFileSync } from "node:fs"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import { pipeline } from "node:stream/promises"
import { Effect, Exit, Scope } from "effect"
import { afterAll, expect, it } from "vitest"
import { database, outsider } from "../../../test/postgres.ts"
import { writeLarge } from "./archive.ts"
import { jsonLines, resultOf } from "./bulk.ts"
import { cli, fresh, main, newFolder, type Outcome, siteId } from "./run.ts"

const scope = Effect.runSync(Scope.make())
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))
const inScope = <A>(effect: Effect.Effect<A, never, Scope.Scope>) => Effect.runPromise(Scope.provide(effect, scope))

const sumOf = async (path: string) => {
  const hash = createHash("sha256")
  await pipeline(createReadStream(path), hash)
  return hash.digest("hex")
}

/** In MB: what V8 may use, and the most that all of a process was seen to take. */
const heap = 96
const most = 450

/** Runs a command with little memory, and looks at how much it takes. */
const frugally = async (args: ReadonlyArray<string>): Promise<Outcome & { readonly peak: number }> => {
  let peak = 0
  const outcome = await cli(args, {
    cwd: newFolder(),
    env: { NODE_OPTIONS: `--max-old-space-size=${heap}` },
    started: (child) => {
      const look = setInterval(() => {
        try {
          const status = readFileSync(`/proc/${child.pid}/status`, "utf8")
          peak = Math.max(peak, Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024)
        } catch {
          // It has ended.
        }
      }, 100)
      child.once("exit", () => clearInterval(look))
    },
  })
  return { ...outcome, peak }
}

it("100,000 users and as many events need no more memory than few", { timeout: 900_000 }, async () => {
  const store = fresh()
  const [large, again] = [join(store.cwd, "large.jsonl"), join(store.cwd, "again.jsonl")]
  await writeLarge(large, 100_000)
  const [file, postgres, back] = [`file:${store.path}`, await inScope(database()), `file:${fresh().path}`]
  const commands = [
    ["import", large, "--store", file],
    ["export", "--site", siteId, "--store", file, "--output", again],
    ["copy", "--from", file, "--to", postgres],
    ["copy", "--from", postgres, "--to", back],
  ]
  for (const args of commands) {
    const { code, peak, stdout } = await frugally(args)
    expect({ command: args[0], code }).toEqual({ command: args[0], code: 0 })
    expect(jsonLines(stdout)[0]).toMatchObject({ users: 100_000, events: 100_000 })
    if (process.platform === "linux") expect(peak).toBeGreaterThan(40)
    expect(peak).toBeLessThan(most)
  }
  expect(await sumOf(again)).toBe(await sumOf(large))
})

it("a reader may take longer than the database lets a session stand still", { timeout: 300_000 }, async () => {
  const store = fresh()
  await writeLarge(join(store.cwd, "large.jsonl"), 5000)
  const address = await inScope(database())
  const imported = await cli(["import", "large.jsonl", "--store", address], { cwd: store.cwd })
  expect(resultOf(imported)).toMatchObject({ users: 5000 })
  const client = await inScope(outsider(address))
  const child = spawn(process.execPath, [main, "export", "--site", siteId, "--store", address], {
    cwd: store.cwd,
    env: {},
    stdio: ["ignore", "pipe", "ignore"],
  })
  const closed = once(child, "close")
  // Longer than the session may be idle, and than its connection may be silent.
  const transactions = `SELECT extract(epoch FROM now() - xact_start)::float AS age FROM pg_stat_activity
    WHERE application_name = 'webflow-users' AND datname = current_database() AND xact_start IS NOT NULL`
  let oldest = 0
  while (oldest < 45) {
    const { rows } = await client.query<{ age: number }>(transactions)
    const age = Math.max(0, ...rows.map((row) => row.age))
    // Statements before it begin and end at once; the one that waits has to stay.
    if (age < oldest && oldest > 5) throw new Error(`It has not waited for its reader: ${oldest} seconds`)
    oldest = age
    await new Promise(setImmediate)
  }
  const [stdout] = await Promise.all([text(child.stdout), closed])
  expect(child.exitCode).toBe(0)
  expect(stdout).toBe(readFileSync(join(store.cwd, "large.jsonl"), "utf8"))
})
