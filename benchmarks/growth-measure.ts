/** What is asked of a store of any size, and how long each question takes. */
import { readdirSync, readFileSync } from "node:fs"
import {
  parseSiteId,
  parseUserId,
  type SiteId,
  UserEvents,
  type UserId,
  UserPatch,
  UserStore,
} from "@webflow-users/core"
import type { UserSort } from "@webflow-users/core"
import { StoreAddress } from "@webflow-users/stores"
import { ManagedRuntime } from "effect"
import { isQuick } from "./report.ts"
import { deep, emailOf, perSite, siteIdOf, userIdOf } from "./growth-seed.ts"

/** A store that is open: how many users it has, and what its database has used of the CPU so far, in microseconds. */
export interface Open {
  readonly users: number
  readonly runtime: ReturnType<typeof runtimeOf>
  readonly databaseCpu: () => number
}

export const runtimeOf = (address: string) => ManagedRuntime.make(StoreAddress.layerOwned(address))

/** CPU of the processes that serve a database of a PostgreSQL server. */
export const backendsCpu = (postmaster: number, database: string) => () =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && isBackend(name, postmaster, database))
    .reduce((sum, pid) => sum + Number(readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ")[0]) / 1000, 0)

const isBackend = (pid: string, postmaster: number, database: string) => {
  try {
    const parent = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ")[1]
    return (
      Number(parent) === postmaster && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(` tester ${database} `)
    )
  } catch {
    return false
  }
}

export interface Question {
  readonly name: string
  /** How often it is asked in a round; with `--quick` a fourth of that, or ten times. */
  readonly times: number
  readonly ask: (open: Open, turn: number) => Promise<unknown>
}

/** Somebody else each time, of all there are. */
const somebody = ({ users }: Open, turn: number) => {
  const user = (turn * 7_368_787 + 13) % users
  return { user, siteId: site(Math.floor(user / perSite)), userId: parseUserId(userIdOf(user)) as UserId }
}
const site = (number: number) => parseSiteId(siteIdOf(number)) as SiteId
/** One of the sites that are full, or the only one. */
const someSite = ({ users }: Open, turn: number) => site((turn * 7) % Math.ceil(users / perSite))

const list = (sort: UserSort, offset: number): Question => ({
  name: `list ${sort} @${offset}`,
  times: 20,
  ask: async (open, turn) => {
    const store = await open.runtime.runPromise(UserStore.UserStore)
    const at = Math.min(offset, Math.min(open.users, perSite) - 100)
    const { users } = await open.runtime.runPromise(store.list(someSite(open, turn), { offset: at, limit: 100, sort }))
    if (users.length !== 100) throw new Error(`${users.length} users`)
  },
})

/** Pages one behind the other, as who reads all of a list comes to them: ten before the offset and ten behind it, again and again. */
const listOn = (sort: UserSort, offset: number): Question => ({
  name: `list ${sort} @${offset}, page after page`,
  times: 20,
  ask: async (open, turn) => {
    const store = await open.runtime.runPromise(UserStore.UserStore)
    const pages = Math.min(20, open.users / 100)
    const at = Math.min(offset - 1000, Math.min(open.users, perSite) - pages * 100) + (turn % pages) * 100
    const { users } = await open.runtime.runPromise(store.list(site(0), { offset: at, limit: 100, sort }))
    if (users.length !== 100) throw new Error(`${users.length} users`)
  },
})

const history = (offset: number): Question => ({
  name: `history @${offset}`,
  times: 20,
  ask: async ({ runtime }) => {
    const record = await runtime.runPromise(UserEvents)
    const { events } = await runtime.runPromise(
      record.latest(site(0), parseUserId(userIdOf(deep.user)) as UserId, { offset, limit: 100 }),
    )
    if (events.length !== 100) throw new Error(`${events.length} events`)
  },
})

export const questions: ReadonlyArray<Question> = [
  {
    name: "update",
    times: 200,
    ask: async (open, turn) => {
      const { siteId, userId } = somebody(open, turn)
      const store = await open.runtime.runPromise(UserStore.UserStore)
      await open.runtime.runPromise(
        store.update(siteId, userId, UserPatch.UserPatch.from({ data: { name: `Name ${turn}` } })),
      )
    },
  },
  {
    name: "get",
    times: 200,
    ask: async (open, turn) => {
      const { siteId, userId } = somebody(open, turn)
      const store = await open.runtime.runPromise(UserStore.UserStore)
      await open.runtime.runPromise(store.get(siteId, userId))
    },
  },
  {
    name: "findByEmail",
    times: 200,
    ask: async (open, turn) => {
      const { siteId, user } = somebody(open, turn)
      const store = await open.runtime.runPromise(UserStore.UserStore)
      await open.runtime.runPromise(store.findByEmail(siteId, emailOf(user)))
    },
  },
  ...[0, 10_000, 19_900].map((offset) => list("CreatedOn", offset)),
  listOn("CreatedOn", 10_000),
  ...(isQuick
    ? (["-Status"] as const)
    : (["-CreatedOn", "Email", "-Email", "Status", "-Status", "-LastLogin"] as const)
  ).map((sort) => list(sort, 19_900)),
  { ...list("-UpdatedOn", 0), times: 5 },
  history(0),
  history(deep.events - 100),
]

let turn = 0
/** Microseconds of CPU a question, here and in the database. */
export const measure = async ({ ask, times }: Question, open: Open): Promise<number> => {
  const asked = isQuick ? Math.min(times, Math.max(times / 4, 10)) : times
  const cpuBefore = process.cpuUsage()
  const databaseBefore = open.databaseCpu()
  for (let time = 0; time < asked; time += 1) {
    turn += 1
    await ask(open, turn)
  }
  const { user, system } = process.cpuUsage(cpuBefore)
  return (user + system + open.databaseCpu() - databaseBefore) / asked
}
