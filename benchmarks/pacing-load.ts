/**
 * One contender of `pacing.bench.ts`, in a process of its own: updates so many users on the server at an address, and
 * prints what it took.
 */
import { setTimeout as sleep } from "node:timers/promises"
import { SiteId, UserId, UserPatch, UserStore } from "@webflow-users/core"
import { createClient } from "@webflow-users/sdk"
import { StoreAddress } from "@webflow-users/stores"
import { Effect, Redacted } from "effect"
import { Pool, RetryAgent } from "undici"
import { WebflowClient } from "webflow-api-3.1.3"

export interface Outcome {
  readonly milliseconds: number
  /** CPU of this process, in microseconds an update. */
  readonly cpu: number
  /** How many updates it says have failed. */
  readonly failed: number
}

export interface Job {
  readonly origin: string
  readonly users: ReadonlyArray<string>
  /** What the server allows, for whoever has to be told. */
  readonly limit: number
  readonly window: number
}

const siteId = SiteId.make("580e63e98c9a982ac9b8b741")
const token = "token"
const patch = { data: { name: "Some One", "accept-privacy": true } }
const concurrency = 50
const request = {
  method: "PATCH",
  headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
  body: JSON.stringify(patch),
} as const
const pathOf = (user: string) => `/v2/sites/${siteId}/users/${user}`

/** Runs so many at a time. Gives how many failed. */
const limited = async (users: ReadonlyArray<string>, update: (user: string) => PromiseLike<unknown>) => {
  const waiting = [...users]
  let failed = 0
  const worker = async () => {
    for (let user = waiting.shift(); user !== undefined; user = waiting.shift()) {
      await update(user).then(undefined, () => (failed += 1))
    }
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
  return failed
}

export const contenders = {
  /** All at once: whoever calls it does not pace. */
  "webflow-users, SDK": async ({ origin, users, window }) => {
    const client = createClient({ baseUrl: `${origin}/v2`, token, rateLimit: { window } })
    const results = await Promise.allSettled(users.map((user) => client.users.update(siteId, user, patch)))
    await client.close()
    return results.filter(({ status }) => status === "rejected").length
  },

  "webflow-users, undici": ({ origin, users, window }) =>
    Effect.gen(function* () {
      const store = yield* UserStore.UserStore
      const results = yield* Effect.forEach(
        users,
        (user) => Effect.exit(store.update(siteId, UserId.make(user), UserPatch.UserPatch.from(patch))),
        { concurrency },
      )
      return results.filter(({ _tag }) => _tag === "Failure").length
    }).pipe(
      Effect.provide(StoreAddress.layer(`${origin}/v2`, { token: Redacted.make(token), rateLimit: { window } })),
      Effect.runPromise,
    ),

  "undici RetryAgent": async ({ origin, users }) => {
    const agent = new RetryAgent(new Pool(origin, { connections: concurrency }), {
      methods: ["PATCH"],
      statusCodes: [429],
    })
    const failed = await limited(users, async (user) => {
      const { body } = await agent.request({ origin, path: pathOf(user), ...request })
      return await body.json()
    })
    await agent.close()
    return failed
  },

  "webflow-api 3.1.3": ({ origin, users }) => {
    const url = `${origin}/v2`
    const environment = { base: url, dataApi: url, contentDeliveryApi: url, production: url, cdn: url }
    const client = new WebflowClient({ accessToken: token, environment })
    return limited(users, async (user) => await client.users.update(siteId, user, patch))
  },

  /** Told the limit, as a program would be that was written for this one server. */
  "fetch, told the limit": ({ origin, users, limit, window }) => {
    const begun: Array<number> = []
    const turn = async () => {
      for (;;) {
        const now = performance.now()
        const earliest = (begun.at(-limit) ?? -window) + window
        if (earliest <= now) return void begun.push(now)
        await sleep(Math.ceil(earliest - now))
      }
    }
    return limited(users, async (user) => {
      for (;;) {
        await turn()
        const response = await fetch(origin + pathOf(user), request)
        const body = await response.json()
        if (response.status !== 429) return body
        await sleep(Number(response.headers.get("retry-after")) * 1000)
      }
    })
  },
} satisfies Record<string, (job: Job) => Promise<number>>

if (import.meta.main) {
  const [name = "", origin = "", count = "0", limit = "0", window = "0"] = process.argv.slice(2)
  const users = Array.from({ length: Number(count) }, (_, index) => index.toString(16).padStart(24, "0"))
  const run = contenders[name as keyof typeof contenders]
  const before = process.cpuUsage()
  const start = performance.now()
  const failed = await run({ origin, users, limit: Number(limit), window: Number(window) })
  const milliseconds = performance.now() - start
  const { user, system } = process.cpuUsage(before)
  console.log(JSON.stringify({ milliseconds, cpu: (user + system) / users.length, failed } satisfies Outcome))
  // Some keep their connections open.
  process.exit(0)
}
