/** Several proxies on one PostgreSQL: to callers they are one, also while the database is away. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { AccessTokens, parseSiteId, type SiteId, type User, UserEvents, UserId } from "@webflow-users/core"
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest"
import { onServer, prepareServer, type Server } from "../../../test/postgres-server.ts"
import { open } from "./proxy.ts"
import * as Spawned from "./spawned.ts"
import { keepUpdating } from "./updating.ts"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const user: User = { id: UserId.make("6287ec36a841b25637c663df"), accessGroups: [], data: { name: "Member" } }
const path = `/v2/sites/${siteId}/users/${user.id}`

let server: Server
beforeAll(async () => {
  server = await prepareServer()
  await server.start()
})
afterAll(() => server.stop())

const parentOf = (pid: string) => {
  try {
    return Number(readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ")[1])
  } catch {
    return undefined
  }
}

/** The first process of the server, and those that it has started. */
const postgresProcesses = (): ReadonlyArray<number> => {
  const first = firstProcess()
  return [
    first,
    ...readdirSync("/proc")
      .filter((pid) => /^\d+$/.test(pid) && parentOf(pid) === first)
      .map(Number),
  ]
}

const firstProcess = () => Number(readFileSync(join(server.folder, "postmaster.pid"), "utf8").split("\n")[0])

/** As by a failing machine: its first process, which started all the others. */
const kill = () => process.kill(firstProcess(), "SIGKILL")

/** It refuses to start as long as one of those others has not noticed yet. */
const restart = async () => {
  for (let attempt = 1; ; attempt += 1) {
    const problem = await server.start().then(
      () => undefined,
      (error: unknown) => error,
    )
    if (problem === undefined) return
    if (attempt === 500) throw problem
  }
}

it(
  "replicas that start together on an empty database, lose it under load, and get it back",
  { timeout: 120_000 },
  async () => {
    const started = await Promise.all(Array.from({ length: 3 }, () => Spawned.start(server.address)))
    const [one, two] = started as [(typeof started)[0], (typeof started)[0]]
    await using own = open(server.address)
    await own.add({ id: siteId, users: [user] })
    const token = await own.token(siteId)
    const updates = keepUpdating([one.origin, two.origin], path, token)
    for (const _ of [1, 2]) {
      await updates.more(updates.acknowledged, 100)
      kill()
      await updates.more(updates.refusals, 40)
      expect(updates.refusals.at(-1)).toMatchObject({
        status: 503,
        headers: { "retry-after": "5" },
        body: expect.stringContaining('"message":"The store could not be read or written"'),
      })
      await restart()
      // Eight callers, one after the other each: also of the other replica's.
      await updates.more(updates.acknowledged, 100)
    }
    await updates.stop()
    expect(new Set(updates.refusals.map(({ status }) => status))).toEqual(new Set([503]))

    const events = await own.run(UserEvents.use((record) => record.ofUser(siteId, user.id)))
    const names = events.map(({ after }) => after.data.name)
    // What was not answered may be there, whole: then the database died between its commit and the answer.
    expect(updates.acknowledged.filter((name) => !names.includes(name as string))).toEqual([])
    expect(new Set(names).size).toBe(names.length)
    expect(events.map(({ before }) => before)).toEqual([user, ...events.slice(0, -1).map(({ after }) => after)])

    const ask = async (origin: string) => {
      const response = await fetch(origin + path, { headers: { authorization: `Bearer ${token}` } })
      return [response.status, ((await response.json()) as { data?: User["data"] }).data?.name]
    }
    expect(await Promise.all([ask(one.origin), ask(two.origin)])).toEqual([
      [200, names.at(-1)],
      [200, names.at(-1)],
    ])
    await own.run(AccessTokens.AccessTokens.use(({ revoke }) => revoke(token.split("_")[1] ?? "")))
    expect((await Promise.all([ask(one.origin), ask(two.origin)])).map(([status]) => status)).toEqual([401, 401])
    for (const proxy of started) expect(await proxy.end("SIGTERM")).toMatchObject({ code: 0 })
  },
)

it("a stop while the database stands still ends, and tells those who wait", { timeout: 120_000 }, async () => {
  const address = onServer(server.address, "template1")
  await using own = open(address)
  await own.add({ id: siteId, users: [user] })
  const headers = { authorization: `Bearer ${await own.token(siteId)}` }
  await using proxy = await Spawned.start(address)
  expect((await fetch(proxy.origin + path, { headers })).status).toBe(200)

  const processes = postgresProcesses()
  for (const pid of processes) process.kill(pid, "SIGSTOP")
  onTestFinished(() => {
    for (const pid of processes) process.kill(pid, "SIGCONT")
  })
  const waiting = ["PATCH", "GET", "PATCH"].map((method) => fetch(proxy.origin + path, { method, headers }))
  // They have come by the time that another has been answered.
  expect((await fetch(`${proxy.origin}/health`)).status).toBe(200)
  const ended = proxy.end("SIGTERM")
  expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([503, 503, 503])
  await ended
})
