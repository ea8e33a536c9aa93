/**
 * Fifty thousand requests that no client should send: wrong in their JSON, in their heads, in their bytes. Each is
 * answered, in the envelope, and changes nobody but whom it is about. `TEST_SEED` repeats a run.
 */
import { randomInt } from "node:crypto"
import { existsSync } from "node:fs"
import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Predicate } from "effect"
import fc from "fast-check"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { problemWith } from "./fuzz/answers.ts"
import { batchOf } from "./fuzz/batch.ts"
import { updates } from "./fuzz/bodies.ts"
import { pour, streams } from "./fuzz/bytes.ts"
import { asksForV1, type Call, type Fill, openLane, sideBySide } from "./fuzz/calls.ts"
import { allows, heads } from "./fuzz/heads.ts"
import { bought, fill, readOnly, targets, type Tokens, watch } from "./fuzz/world.ts"
import type { Answer } from "./raw.ts"
import * as Spawned from "./spawned.ts"

const seed = Number(process.env["TEST_SEED"] ?? randomInt(2 ** 31))

let folder: string
let file: string
let tokens: Tokens
let proxy: Awaited<ReturnType<typeof Spawned.start>>
let store: ReturnType<typeof watch>
let atFirst: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "webflow-users-fuzz-"))
  file = join(folder, "users.db")
  tokens = await fill(file)
  proxy = await Spawned.start(`file:${file}`, { args: ["--failed-authentications", "off"] })
  store = watch(file)
  atFirst = store.unrelated()
})
afterAll(async () => {
  store[Symbol.dispose]()
  await proxy[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

/** When each target was changed last, as answers said: who sends a whole user back sends this. */
const lastUpdated = new Map(targets.map((user) => [user.id as string, String(user.lastUpdated)]))

/** What the names in a request stand for, by the user whose id is in it. */
const fillFor = (text: string): Fill => {
  const user = targets.find(({ id }) => text.includes(id))
  return {
    ...tokens,
    ID: user?.id.toUpperCase() ?? "",
    id: user?.id ?? "",
    email: user?.data.email ?? "",
    lastUpdated: lastUpdated.get(user?.id ?? "") ?? "",
  }
}

/** How many were sent and answered, and with what. */
const counts = { json: 0, heads: 0, bytes: 0 }
const statuses = new Map<string, number>()
const count = (level: keyof typeof counts, answers: ReadonlyArray<Answer>) => {
  counts[level] += 1
  for (const { status } of answers) {
    const name = `${level} ${status}`
    statuses.set(name, (statuses.get(name) ?? 0) + 1)
  }
}

const refuse = (problem: string, answer: Answer): never => {
  throw new Error(`${problem}: ${JSON.stringify(answer).slice(0, 2_000)}`)
}

const connections = Array.from({ length: 32 }, (_, index) => index)

/**
 * Runs a property on batches, until `total` were sent, or for `seconds`, which is several times what it takes. What
 * nobody may change is compared around each batch.
 */
const run = async <T>(
  one: fc.Arbitrary<T>,
  { total, seconds }: { readonly total: number; readonly seconds: number },
  send: (batch: ReadonlyArray<T>) => Promise<void>,
) => {
  const size = 400
  let first: unknown
  const property = fc.asyncProperty(batchOf(one, size), async (batch) => {
    const before = store.unrelated()
    await send(batch).catch((error: unknown) => {
      first ??= error
      throw error
    })
    expect(store.unrelated()).toBe(before)
  })
  const limits = { interruptAfterTimeLimit: seconds * 1_000, markInterruptAsFailure: true }
  await fc.assert(property, { seed, numRuns: Math.ceil(total / size), ...limits }).catch((error: unknown) => {
    // With nobody left to ask, whatever was tried afterwards failed too.
    throw proxy.hasEnded() ? new Error("The proxy has ended, while it was asked this", { cause: first }) : error
  })
  expect(store.unrelated()).toBe(atFirst)
}

/** Sends whole requests. Each is answered once, and as many updates are accepted as answers say. */
const ask = (level: keyof typeof counts, check: (call: Call, answer: Answer) => void) => {
  const lanes = connections.map(() => openLane(proxy.origin))
  const send = async (calls: ReadonlyArray<Call>) => {
    const before = store.events()
    let accepted = 0
    await sideBySide(calls, lanes, async (lane, call) => {
      const answer = await lane.ask(call, fillFor(call.target))
      count(level, [answer])
      const problem = problemWith(answer, { isHead: call.method === "HEAD", isV1: asksForV1(call) })
      if (problem !== undefined) refuse(problem, answer)
      if (answer.status === 200 && call.method === "PATCH") accepted += 1
      check(call, answer)
    })
    expect(store.events() - before).toBe(accepted)
  }
  return { send, [Symbol.dispose]: () => lanes.forEach((lane) => lane[Symbol.dispose]()) }
}

describe(`fuzzed with TEST_SEED=${seed}`, { timeout: 150_000 }, () => {
  it("answers 30,000 updates whose JSON is anything", async () => {
    using lanes = ask("json", (call, answer) => {
      if (answer.status !== 200) return
      const { id, _id, lastUpdated: now, updatedOn: at = now } = JSON.parse(answer.body) as Record<string, unknown>
      const answered = String(id ?? _id)
      if (!call.target.endsWith(answered)) refuse("another user was answered", answer)
      if (Predicate.isString(at)) lastUpdated.set(answered, at)
    })
    await run(updates, { total: 30_000, seconds: 130 }, lanes.send)
    expect(counts.json).toBeGreaterThanOrEqual(30_000)
    // Bodies that are all refused at the first look would try little.
    expect(statuses.get("json 200")).toBeGreaterThan(3_000)
    expect(statuses.get("json 400")).toBeGreaterThan(3_000)
  })

  it("answers 10,000 requests whose head is anything, and lets nobody in without a token", async () => {
    using lanes = ask("heads", (call, answer) => {
      if (answer.status !== 200 || answer.body === '{"status":"ok"}' || call.method === "HEAD") return
      if (!allows(call).includes(call.method)) refuse("who may not got in", answer)
    })
    await run(heads, { total: 10_000, seconds: 60 }, lanes.send)
    expect(counts.heads).toBeGreaterThanOrEqual(10_000)
    for (const status of [200, 400, 401, 403, 404, 405]) expect(statuses.get(`heads ${status}`)).toBeGreaterThan(20)
  })

  it("answers or closes 10,000 connections whose bytes are anything", async () => {
    await run(streams, { total: 10_000, seconds: 80 }, async (batch) => {
      const before = store.events()
      let users = 0
      await sideBySide(batch, connections, async (_, stream) => {
        const answers = await pour(proxy.origin, stream, fillFor(stream.text))
        count("bytes", answers)
        for (const answer of answers) {
          if (answer.status === 100) continue
          const problem = problemWith(answer)
          if (problem !== undefined) refuse(problem, answer)
          if (answer.status === 200 && answer.body.startsWith('{"id"')) users += 1
        }
      })
      // Nothing is done that is not told.
      expect(store.events() - before).toBeLessThanOrEqual(users)
    })
    expect(counts.bytes).toBeGreaterThanOrEqual(10_000)
    for (const status of [200, 400]) expect(statuses.get(`bytes ${status}`)).toBeGreaterThan(1_000)
  })

  it("is the process it was, has said next to nothing, and leaves a store that is whole", async () => {
    expect(counts.json + counts.heads + counts.bytes).toBeGreaterThanOrEqual(50_000)
    expect((await fetch(`${proxy.origin}/health`)).status).toBe(200)
    const memory = `/proc/${proxy.pid}/status`
    if (existsSync(memory)) {
      const kilobytes = Number(/^VmRSS:\s+(\d+) kB$/m.exec(await readFile(memory, "utf8"))?.[1])
      statuses.set("MB of memory", Math.round(kilobytes / 1024))
      expect(kilobytes).toBeLessThan(600 * 1024)
    }
    const ended = await proxy.end("SIGTERM")
    expect(ended).toMatchObject({ code: 0, signal: null })
    expect(ended.stdout.trim().split("\n")).toHaveLength(1)
    // That some presented no good token is logged, twenty a minute, and how many the others were; once, that somebody claims to
    // call for another; and nothing else.
    const lines = ended.stderr.trim().split("\n")
    const failed = lines.filter((line) => /authentications? failed/i.test(line))
    const claims = lines.filter((line) => line.includes("X-Forwarded-For"))
    expect(claims.length).toBeLessThan(2)
    expect(lines.length - failed.length - claims.length).toBe(0)
    expect(failed.length).toBeLessThan(21 * 10)
    expect(failed.filter((line) => /bearer|wfu_|planted/i.test(line))).toEqual([])

    expect(store.integrity()).toEqual([{ integrity_check: "ok" }])
    expect(store.unrelated()).toBe(atFirst)
    const after = store.targets()
    expect(after.map(({ id }) => id)).toEqual(targets.map(({ id }) => id))
    for (const [index, user] of after.entries()) {
      expect(user).toMatchObject({ ...readOnly, id: targets[index]!.id })
      expect(user.data.email).toBe(targets[index]!.data.email)
      expect(user.accessGroups.filter(({ type }) => type === "ecommerce")).toEqual([bought])
      expect(Object.keys(user.data).length).toBeLessThanOrEqual(200)
    }
    process.stdout.write(`Answered, by status: ${JSON.stringify(Object.fromEntries(statuses))}\n`)
  })
})
