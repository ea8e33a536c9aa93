/** Whether the proxy can serve, as load balancers ask it. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { parseSiteId, type SiteId, type User, UserId } from "@webflow-users/core"
import { Effect, Layer } from "effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { database, outsider } from "../../../test/postgres.ts"
import { Ready } from "@webflow-users/server"
import { open, start } from "./proxy.ts"
import { dial, request } from "./raw.ts"
import * as Spawned from "./spawned.ts"
import * as Upstream from "./upstream.ts"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const user: User = { id: UserId.make("6287ec36a841b25637c663d0"), accessGroups: [], data: { name: "Ada" } }

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "webflow-users-ready-"))
})
afterAll(() => rm(folder, { recursive: true }))

const ask = async (origin: string) => {
  const answer = await fetch(`${origin}/ready`)
  return [answer.status, await answer.json()]
}
const yes = [200, { status: "ready" }]
const no = (checks: Record<string, string>) => [503, { status: "unavailable", checks }]

/** Asks until the answer is another: what was found stands for a second. */
const until = async (origin: string, expected: unknown) => {
  for (;;) {
    const found = await ask(origin)
    if (JSON.stringify(found) === JSON.stringify(expected)) return
  }
}

describe("a store of one's own", () => {
  it.each(["memory:", "file"])("is ready when it has been opened: %s", async (address) => {
    await using proxy = await Spawned.start(address === "file" ? `file:${folder}/new.db` : address)
    expect(await ask(proxy.origin)).toEqual(yes)
    const head = await fetch(`${proxy.origin}/ready?verbose`, { method: "HEAD" })
    expect([head.status, await head.text(), head.headers.get("content-length")]).toEqual([200, "", "18"])
    const post = await fetch(`${proxy.origin}/ready`, { method: "POST" })
    expect([post.status, post.headers.get("allow")]).toEqual([405, "GET, HEAD"])
  })

  it("that lacks its tables, or has those of an earlier version, is not ready, and is again when it has them", async () => {
    const file = join(folder, "tables.db")
    await using proxy = await Spawned.start(`file:${file}`)
    expect(await ask(proxy.origin)).toEqual(yes)
    using opened = new DatabaseSync(file)
    const down = no({ store: "unavailable", tokens: "ready" })
    opened.exec("ALTER TABLE webflow_users_migrations RENAME TO gone")
    await until(proxy.origin, down)
    opened.exec("ALTER TABLE gone RENAME TO webflow_users_migrations")
    await until(proxy.origin, yes)
    opened.exec("DELETE FROM webflow_users_migrations WHERE migration_id = 1")
    await until(proxy.origin, down)
    const { stderr } = await proxy.end("SIGTERM")
    const lines = Spawned.linesOf(stderr)
    expect(lines[0]).toMatchObject({ level: "warn", message: "Not ready to serve", check: "store" })
    expect(JSON.stringify(lines[0])).toContain("no such table: webflow_users_migrations")
    expect(JSON.stringify(lines.at(-1))).toContain("tables of an earlier version")
  })

  it("that later programs have brought further is ready: replicas are replaced one by one", async () => {
    const file = join(folder, "later.db")
    await using proxy = await Spawned.start(`file:${file}`)
    using later = new DatabaseSync(file)
    later.exec("INSERT INTO webflow_users_migrations (migration_id, name) VALUES (9999, 'later')")
    expect(await ask(proxy.origin)).toEqual(yes)
  })

  it("on PostgreSQL is not ready when its database has gone", async () => {
    const check = Effect.gen(function* () {
      const address = yield* database()
      const proxy = yield* Effect.acquireRelease(
        Effect.promise(() => Spawned.start(address)),
        (started) => Effect.promise(() => started[Symbol.asyncDispose]()),
      )
      expect(yield* Effect.promise(() => ask(proxy.origin))).toEqual(yes)
      const name = new URL(address).pathname.slice(1)
      const client = yield* outsider(address.replace(name, "postgres"))
      yield* Effect.promise(() => client.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`))
      yield* Effect.promise(() =>
        client.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`),
      )
      yield* Effect.promise(() => until(proxy.origin, no({ store: "unavailable", tokens: "unavailable" })))
      yield* Effect.promise(() => client.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`))
      yield* Effect.promise(() => until(proxy.origin, yes))
    })
    await Effect.runPromise(Effect.scoped(check))
  })

  it("that does not answer at all is not ready after two seconds", async () => {
    const hanging = Layer.effect(
      Ready.Checks,
      Effect.map(Ready.remembered("store", Effect.never), (store) => ({ store })),
    )
    const proxy = await start("memory:", { id: siteId, users: [user] }, undefined, hanging)
    expect(await ask(proxy.origin)).toEqual(no({ store: "unavailable" }))
    await proxy.stop()
  })

  it("is asked once where many ask", async () => {
    let asked = 0
    const counting = Layer.effect(
      Ready.Checks,
      Effect.map(
        Ready.remembered(
          "store",
          Effect.andThen(
            Effect.yieldNow,
            Effect.sync(() => void (asked += 1)),
          ),
        ),
        (store) => ({ store }),
      ),
    )
    const proxy = await start("memory:", { id: siteId, users: [user] }, undefined, counting)
    const answers = await Promise.all(Array.from({ length: 100 }, () => ask(proxy.origin)))
    expect(answers.every(([status]) => status === 200)).toBe(true)
    // A second may have passed on a machine that is busy.
    expect(asked).toBeLessThan(10)
    await proxy.stop()
  })
})

describe("in front of another server", () => {
  it("is ready without asking it, which counts requests, and whether or not it is there", async () => {
    const server = await Upstream.start()
    await using passing = await Spawned.start(server.address, { args: ["--auth", "passthrough"] })
    expect(await ask(passing.origin)).toEqual(yes)
    expect(server.asked).toEqual([])
    await server.stop()
  })

  it("is not ready where the tokens of its own callers cannot be read", async () => {
    const tokens = join(folder, "tokens.db")
    await open(`file:${tokens}`).close()
    await using proxy = await Spawned.start("http://127.0.0.1:9/v2", { args: ["--token-store", `file:${tokens}`] })
    expect(await ask(proxy.origin)).toEqual(yes)
    using opened = new DatabaseSync(tokens)
    opened.exec("ALTER TABLE access_tokens RENAME TO gone")
    await until(proxy.origin, no({ tokens: "unavailable" }))
  })
})

it("is not ready when it has been told to stop, and still alive", async () => {
  const store = `file:${folder}/stop.db`
  await using before = open(store)
  await before.add({ id: siteId, users: [user] })
  const token = await before.token(siteId)
  await using proxy = await Spawned.start(store, { args: ["--faults"] })
  using connection = await dial(proxy.origin)
  // The delay ends with the stop; what was accepted behind it is answered then.
  const late = [`Authorization: Bearer ${token}`, "Webflow-Users-Fault: delay=60000"]
  connection.send(
    request(`GET /v2/sites/${siteId}/users/${user.id}`, late) + request("GET /ready") + request("GET /health"),
  )
  // Both have arrived when what came after them over another connection is answered.
  expect(await ask(proxy.origin)).toEqual(yes)
  const ended = proxy.end("SIGTERM")
  expect((await connection.next())?.status).toBe(200)
  const ready = await connection.next()
  expect([ready?.status, JSON.parse(ready?.body ?? "")]).toEqual(no({ server: "unavailable" }))
  expect((await connection.next())?.status).toBe(200)
  expect((await ended).code).toBe(0)
})
