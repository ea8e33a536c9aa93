/** How others make many updates over HTTP, 50 at a time. Nobody updates a user and does not look: the answer is parsed. */
import { setTimeout as sleep } from "node:timers/promises"
import { atOnce, limited, main, patch, siteId, token } from "../updates-meter.mjs"

/** @param {string} user */
const pathOf = (user) => `/v2/sites/${siteId}/users/${user}`
const request = {
  method: "PATCH",
  headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
}

/** @type {import("../updates-meter.mjs").Contenders} */
const contenders = {
  "undici Pool.request": async ({ origin }) => {
    const { Pool } = await import("undici")
    const pool = new Pool(origin, { connections: atOnce })
    return (count) =>
      limited(count, async (user) => {
        const { body } = await pool.request({ ...request, path: pathOf(user), body: JSON.stringify(patch) })
        return await body.json()
      })
  },

  /** Which sends again what is refused, when the server says. */
  "undici RetryAgent": async ({ origin }) => {
    const { Pool, RetryAgent } = await import("undici")
    const agent = new RetryAgent(new Pool(origin, { connections: atOnce }), { methods: ["PATCH"], statusCodes: [429] })
    return (count) =>
      limited(count, async (user) => {
        const { body } = await agent.request({ ...request, origin, path: pathOf(user), body: JSON.stringify(patch) })
        return await body.json()
      })
  },

  fetch:
    ({ origin }) =>
    (count) =>
      limited(count, async (user) => {
        const answer = await fetch(origin + pathOf(user), { ...request, body: JSON.stringify(patch) })
        return await answer.json()
      }),

  /** As a program would be that was written for this one server. */
  "fetch, told the limit": ({ origin, limit, window }) => {
    /** @type {Array<number>} */
    const begun = []
    const turn = async () => {
      for (;;) {
        const now = performance.now()
        const earliest = (begun.at(-limit) ?? -window) + window
        if (earliest <= now) return void begun.push(now)
        await sleep(Math.ceil(earliest - now))
      }
    }
    return (count) =>
      limited(count, async (user) => {
        for (;;) {
          await turn()
          const answer = await fetch(origin + pathOf(user), { ...request, body: JSON.stringify(patch) })
          const body = await answer.json()
          if (answer.status !== 429) return body
          await sleep(Number(answer.headers.get("retry-after")) * 1000)
        }
      })
  },

  "webflow-api 3.1.3": async ({ origin }) => {
    const { WebflowClient } = await import("webflow-api-3.1.3")
    const url = `${origin}/v2`
    const environment = { base: origin, dataApi: url, contentDeliveryApi: origin, production: url, cdn: origin }
    const { users } = new WebflowClient({ accessToken: token, environment })
    return (count) => limited(count, async (user) => await users.update(siteId, user, patch))
  },
}
await main(contenders)
