/**
 * What our layers cost on top of the HTTP client below them: one PATCH through `Upstream` over undici, beside the same PATCH
 * by undici's `Pool.request` alone, 50 at a time, in one run. The server has a process of its own.
 *
 * CPU is this process's, in microseconds a request; it travels between machines better than requests a second do.
 */
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { SiteId, UserId, UserPatch, UserStore } from "@webflow-users/core"
import { createClient } from "@webflow-users/sdk"
import { StoreAddress } from "@webflow-users/stores"
import { Effect, ManagedRuntime, Redacted } from "effect"
import { Pool } from "undici"

const concurrency = 50
const requests = 4_000
const rounds = 5

const siteId = SiteId.make("580e63e98c9a982ac9b8b741")
const userId = UserId.make("6287ec36a841b25637c663df")
const token = "token"
const patch = { data: { name: "Some One", "accept-privacy": false }, accessGroups: ["webflowers"] }

const listening = async (): Promise<{ readonly origin: string; readonly stop: () => void }> => {
  const file = fileURLToPath(new URL("forwarding-server.ts", import.meta.url))
  const child = spawn(process.execPath, [file], { stdio: ["pipe", "pipe", "inherit"] })
  for await (const chunk of child.stdout) {
    const origin = /listens on (http:\S+)/.exec(String(chunk))?.[1]
    if (origin !== undefined) return { origin, stop: () => void child.kill() }
  }
  throw new Error("The server ended")
}
const { origin, stop } = await listening()

/** So many at a time, until all are answered. */
const limited = async (one: () => Promise<unknown>) => {
  let left = requests
  const worker = async () => {
    while (left > 0) {
      left -= 1
      await one()
    }
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
}

const pool = new Pool(origin, { connections: concurrency })
const client = createClient({ baseUrl: `${origin}/v2`, token })
const init = {
  method: "PATCH",
  headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
  body: JSON.stringify(patch),
} as const
const path = `/v2/sites/${siteId}/users/${userId}`

const runtime = ManagedRuntime.make(StoreAddress.layer(`${origin}/v2`, { token: Redacted.make(token) }))
const update = UserStore.UserStore.use((store) => store.update(siteId, userId, UserPatch.UserPatch.from(patch)))

/** Each beside what it stands on. */
const contenders: Record<string, () => Promise<unknown>> = {
  "undici Pool.request": () => limited(async () => await (await pool.request({ path, ...init })).body.json()),
  "Upstream over undici": () =>
    runtime.runPromise(Effect.forEach(Array(requests).keys(), () => update, { concurrency, discard: true })),
  fetch: () => limited(async () => await (await fetch(origin + path, init)).json()),
  "SDK over fetch": () => limited(() => client.users.update(siteId, userId, patch)),
}

const names = Object.keys(contenders)
const seen = new Map(names.map((name) => [name, [] as Array<{ readonly perSecond: number; readonly cpu: number }>]))
// The first round warms up.
for (let round = 0; round <= rounds; round += 1) {
  for (const name of round % 2 === 0 ? names : names.toReversed()) {
    const before = process.cpuUsage()
    const start = performance.now()
    await contenders[name]?.()
    const seconds = (performance.now() - start) / 1000
    const { user, system } = process.cpuUsage(before)
    if (round > 0) seen.get(name)?.push({ perSecond: requests / seconds, cpu: (user + system) / requests })
  }
}
for (const [name, results] of seen) {
  const cpus = results.map(({ cpu }) => cpu).toSorted((a, b) => a - b)
  const best = Math.max(...results.map(({ perSecond }) => perSecond))
  const [least = 0, median = 0] = [cpus[0], cpus[cpus.length >> 1]]
  console.log(
    `${name.padEnd(21)} ${least.toFixed(0)} µs CPU (median ${median.toFixed(0)}), ${best.toFixed(0)} requests/s`,
  )
}
await Promise.all([client.close(), runtime.dispose(), pool.close()])
stop()
