/**
 * One contender of `sdk.bench.ts`: makes updates, 50 at a time, for some rounds, and prints what each round took. The packages
 * are taken as they are built, and as they are published.
 */
import { createClient } from "@webflow-users/sdk"
import { Pool } from "undici"
import { WebflowClient } from "webflow-api-3.1.3"

const [name = "", origin = "", counted = "0", rounds = "1"] = process.argv.slice(2)
const concurrency = 50
const siteId = "580e63e98c9a982ac9b8b741"
const baseUrl = `${origin}/v2`
const token = "a-token-as-long-as-they-are"
const patch = { data: { name: "Some One", plan: "gold" }, accessGroups: ["webflowers"] }

type Update = (userId: string) => Promise<unknown>

const pathOf = (userId: string) => `/v2/sites/${siteId}/users/${userId}`
const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" }

/** Whoever checks nothing parses the answer all the same: nobody updates a user and does not look. */
const contenders: Record<string, () => Update> = {
  "undici Pool.request": () => {
    const pool = new Pool(origin, { connections: concurrency })
    return async (userId) => {
      const body = JSON.stringify(patch)
      const answer = await pool.request({ path: pathOf(userId), method: "PATCH", headers, body })
      return await answer.body.json()
    }
  },
  "@webflow-users/sdk": () => {
    const { users } = createClient({ baseUrl, token })
    return (userId) => users.update(siteId, userId, patch)
  },
  fetch: () => async (userId) => {
    const answer = await fetch(origin + pathOf(userId), { method: "PATCH", headers, body: JSON.stringify(patch) })
    return await answer.json()
  },
  "@webflow-users/sdk by fetch": () => {
    const { users } = createClient({ baseUrl, token, fetch })
    return (userId) => users.update(siteId, userId, patch)
  },
  "webflow-api 3.1.3": () => {
    const environment = { base: origin, dataApi: baseUrl, contentDeliveryApi: origin, production: baseUrl, cdn: origin }
    const { users } = new WebflowClient({ accessToken: token, environment })
    return (userId) => users.update(siteId, userId, patch)
  },
}

const update = contenders[name]?.()
if (update === undefined) throw new Error(`There is no ${name}`)

const updates = Number(counted)
const round = async () => {
  let begun = 0
  const one = async () => {
    while (begun < updates) await update((begun++ % 4096).toString(16).padStart(24, "0"))
  }
  const cpu = process.cpuUsage()
  const since = performance.now()
  await Promise.all(Array.from({ length: concurrency }, one))
  const { user, system } = process.cpuUsage(cpu)
  return { updates, milliseconds: performance.now() - since, cpu: (user + system) / 1000 }
}

// What is compiled while it is measured is no part of what a call costs.
await round()
for (let index = 0; index < Number(rounds); index += 1) console.log(JSON.stringify(await round()))
process.exit(0)
