/** What was answered is kept, whenever the process dies: killed in the midst of updates, ten times. */
import { createHash, randomInt } from "node:crypto"
import { mkdtemp, rm } from "node:fs/promises"
import { DatabaseSync } from "node:sqlite"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setImmediate } from "node:timers/promises"
import { parseSiteId, type SiteId, type User, UserEvents, UserId, UserStore } from "@webflow-users/core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { open } from "./proxy.ts"
import { dial, request } from "./raw.ts"
import * as Spawned from "./spawned.ts"

const seed = Number(process.env["TEST_SEED"] ?? randomInt(2 ** 31))
const rounds = 10
const updates = 2_000
const connections = 16

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
// Fewer users than connections, so that updates of one user come from several of them.
const users = Array.from({ length: 12 }, (_, index): User => ({
  id: UserId.make(`6287ec36a841b25637c6${(0x6000 + index).toString(16)}`),
  lastUpdated: "2024-05-20T13:46:12.093Z",
  accessGroups: [{ slug: "webflowers", type: "admin" }],
  data: { name: `Member ${index}`, email: `member${index}@example.com` },
}))

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "webflow-users-kill-"))
})
afterAll(() => rm(folder, { recursive: true }))

/** The same for the same seed: after how many answers the process is killed, and how many turns of the loop later. */
const momentOf = (round: number) => {
  const dice = createHash("sha256").update(`${seed} ${round}`).digest()
  return { answers: 1 + (dice.readUInt32BE(0) % (updates - connections - 1)), turns: dice.readUInt32BE(4) % 8 }
}

const update = (token: string, user: User, name: string) =>
  request(
    `PATCH /v2/sites/${siteId}/users/${user.id}`,
    [`Authorization: Bearer ${token}`, "Content-Type: application/json"],
    JSON.stringify({ data: { name } }),
  )

describe(`killed with TEST_SEED=${seed}`, () => {
  const moments = Array.from({ length: rounds }, (_, round) => ({ round, ...momentOf(round) }))
  it.each(moments)(
    "round $round, after $answers answers, every acknowledged update is there",
    { timeout: 120_000 },
    async ({ round, answers, turns }) => {
      const file = join(folder, `${round}.db`)
      const before = open(`file:${file}`)
      await before.add({ id: siteId, users })
      const token = await before.token(siteId)
      await before.close()

      const acknowledged: Array<User> = []
      let sent = 0
      const due = Promise.withResolvers<void>()
      const call = async (origin: string) => {
        using connection = await dial(origin)
        while (sent < updates) {
          const user = users[sent % users.length] as User
          sent += 1
          connection.send(update(token, user, `Update ${sent}`))
          const answer = await connection.next()
          if (answer === undefined) return
          expect(answer.status).toBe(200)
          acknowledged.push(JSON.parse(answer.body) as User)
          if (acknowledged.length === answers) due.resolve()
        }
      }
      await using proxy = await Spawned.start(`file:${file}`)
      const calls = Promise.all(Array.from({ length: connections }, () => call(proxy.origin)))
      await Promise.race([due.promise, calls])
      for (let turn = 0; turn < turns; turn += 1) await setImmediate()
      expect(await proxy.end("SIGKILL")).toMatchObject({ signal: "SIGKILL" })
      await calls
      expect(acknowledged.length).toBeGreaterThanOrEqual(answers)
      expect(acknowledged.length).toBeLessThan(updates)

      // It starts again on what the killed one left, and serves.
      await using again = await Spawned.start(`file:${file}`)
      using connection = await dial(again.origin)
      connection.send(update(token, users[0] as User, "After the kill"))
      const answer = await connection.next()
      expect(answer?.status).toBe(200)
      acknowledged.push(JSON.parse(answer?.body ?? "null") as User)
      expect(await again.end("SIGTERM")).toMatchObject({ code: 0 })

      const database = new DatabaseSync(file)
      expect(database.prepare("PRAGMA integrity_check").all()).toEqual([{ integrity_check: "ok" }])
      database.close()

      await using after = open(`file:${file}`)
      let recorded = 0
      for (const user of users) {
        const events = await after.run(UserEvents.use((service) => service.ofUser(siteId, user.id)))
        const kept = await after.run(UserStore.UserStore.use((service) => service.get(siteId, user.id)))
        recorded += events.length
        // Each event starts where the one before it ended, and the user is what the last one made.
        expect(events.map((event) => event.before)).toEqual([user, ...events.map((event) => event.after)].slice(0, -1))
        expect(kept).toEqual(events.at(-1)?.after ?? user)
        const record = new Set(events.map((event) => JSON.stringify(event.after)))
        const lost = acknowledged.filter(({ id }) => id === user.id).filter((one) => !record.has(JSON.stringify(one)))
        expect(lost).toEqual([])
      }
      // Beyond what was acknowledged there is at most what was being answered.
      expect(recorded).toBeGreaterThanOrEqual(acknowledged.length)
      expect(recorded).toBeLessThanOrEqual(acknowledged.length + connections)
    },
  )
})
