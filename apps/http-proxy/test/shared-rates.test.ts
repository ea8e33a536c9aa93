/**
 * Two built proxies whose callers' tokens are in one PostgreSQL: a token's rate is one rate, and what becomes of a token both
 * know at once. It is so where the users are there too, and where another server has them.
 */
import { it } from "@effect/vitest"
import { AccessTokens, parseSiteId, type SiteId, type User, UserId } from "@webflow-users/core"
import { Effect } from "effect"
import { describe, expect } from "vitest"
import { database, outsider } from "../../../test/postgres.ts"
import { open } from "./proxy.ts"
import * as Spawned from "./spawned.ts"
import * as Upstream from "./upstream.ts"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const user: User = { id: UserId.make("6287ec36a841b25637c663df"), accessGroups: [], data: { name: "Member" } }

const disposed = <A extends AsyncDisposable>(acquire: () => Promise<A>) =>
  Effect.acquireRelease(Effect.promise(acquire), (resource) =>
    Effect.promise(async () => resource[Symbol.asyncDispose]()),
  )

/** How a proxy is started: its users with the tokens in a database, or with the server behind. */
const kinds = {
  "on the store": (address: string) => Spawned.start(address),
  "in front of another server": (address: string, behind: string) =>
    Spawned.start(behind, { env: { WEBFLOW_USERS_TOKEN: "held", WEBFLOW_USERS_TOKEN_STORE: address } }),
}

/** A database, the store on it in this process, a server, and two proxies. */
const replicas = (kind: keyof typeof kinds) =>
  Effect.gen(function* () {
    const address = yield* database()
    const store = yield* disposed(async () => open(address))
    yield* Effect.promise(() => store.add({ id: siteId, users: [user] }))
    const server = yield* Effect.acquireRelease(Effect.promise(Upstream.start), ({ stop }) => Effect.promise(stop))
    server.json(200, user)
    const proxies = yield* Effect.all([1, 2].map(() => disposed(() => kinds[kind](address, server.address))))
    const ask = (index: number, token: string) =>
      Effect.promise(async () => {
        const response = await fetch(`${proxies[index % 2]?.origin}/v2/sites/${siteId}/users/${user.id}`, {
          headers: { authorization: `Bearer ${token}` },
        })
        const remaining = response.headers.get("x-ratelimit-remaining")
        return { index, status: response.status, remaining: Number(remaining), headers: response.headers }
      })
    return { address, store, server, ask }
  })

describe.each(Object.keys(kinds) as Array<keyof typeof kinds>)("two proxies %s", (kind) => {
  it.live("let a token ask as often as one of them would", () =>
    Effect.gen(function* () {
      const { address, store, server, ask } = yield* replicas(kind)
      const client = yield* outsider(address)
      const minute = Effect.promise(async () => {
        const { rows } = await client.query("SELECT floor(extract(epoch FROM clock_timestamp()) / 60)::int AS minute")
        return (rows[0] as { readonly minute: number }).minute
      })
      const rate = 40
      const token = yield* Effect.promise(() => store.token(siteId, ["users:read"], rate))
      const began = yield* minute
      // More than two minutes allow: the database's own minute may turn in between, and once at most.
      const answers = yield* Effect.forEach(
        Array.from({ length: 2 * rate + 20 }, (_, index) => index),
        (index) => ask(index, token),
        { concurrency: 16 },
      )
      const minutes = (yield* minute) - began + 1
      const passed = answers.filter(({ status }) => status === 200)
      const refused = answers.filter(({ status }) => status === 429)
      expect(passed.length + refused.length).toBe(answers.length)
      // What is refused goes no further.
      expect(server.asked).toHaveLength(kind === "on the store" ? 0 : passed.length)
      // How often each number of requests that remain was told, beginning with the first: once a minute, without a gap.
      const told = Array.from(
        { length: rate },
        (_, taken) => passed.filter((one) => one.remaining === rate - 1 - taken).length,
      )
      expect(told.toSorted((a, b) => b - a)).toEqual(told)
      // Within one minute as many as one proxy would let pass, and no request more.
      if (minutes === 1) expect(passed).toHaveLength(rate)
      expect(told[0]).toBeLessThanOrEqual(minutes)
      expect(refused.every((one) => one.remaining === 0 && Number(one.headers.get("retry-after")) >= 1)).toBe(true)
      for (const half of [0, 1]) expect(passed.some(({ index }) => index % 2 === half)).toBe(true)
    }),
  )

  it.live("both know at once what became of a token", () =>
    Effect.gen(function* () {
      const { store, ask } = yield* replicas(kind)
      const tokens = <A, E>(use: (service: AccessTokens.AccessTokens["Service"]) => Effect.Effect<A, E>) =>
        Effect.promise(() => store.run(AccessTokens.AccessTokens.use(use)))
      const statuses = (token: string) =>
        Effect.map(Effect.all([ask(0, token), ask(1, token)]), (answers) => answers.map(({ status }) => status))
      const first = yield* Effect.promise(() => store.token("all"))
      const id = String(first.split("_")[1])
      expect(yield* statuses(first)).toEqual([200, 200])
      const second = (yield* tokens(({ rotate }) => rotate(id)))?.token ?? ""
      expect(yield* statuses(first)).toEqual([401, 401])
      expect(yield* statuses(second)).toEqual([200, 200])
      yield* tokens(({ revoke }) => revoke(id))
      expect(yield* statuses(second)).toEqual([401, 401])
    }),
  )

  it.live("fail a request that cannot be counted as one that the store fails, and go on when it can", () =>
    Effect.gen(function* () {
      const { address, store, ask } = yield* replicas(kind)
      const token = yield* Effect.promise(() => store.token(siteId, ["users:read"], 1000))
      const free = yield* Effect.promise(() => store.token(siteId, ["users:read"]))
      const client = yield* outsider(address)
      const rename = (from: string, to: string) =>
        Effect.promise(() => client.query(`ALTER TABLE ${from} RENAME TO ${to}`))
      yield* rename("rate_counts", "gone")
      const away = yield* ask(0, token)
      expect([away.status, away.headers.get("retry-after")]).toEqual([503, "5"])
      expect((yield* ask(0, free)).status).toBe(200)
      yield* rename("gone", "rate_counts")
      expect((yield* ask(0, token)).status).toBe(200)
    }),
  )
})
