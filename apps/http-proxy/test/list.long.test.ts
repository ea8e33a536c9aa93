/**
 * As many users as a site may have, listed page by page from the built proxy: everyone once, in order, and the process does
 * not grow by it.
 */
import { readFile, mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseSiteId, type SiteId, type User, UserId, type UserPage, type UserSort } from "@webflow-users/core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { open } from "./proxy.ts"
import * as Spawned from "./spawned.ts"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const total = 20_000
const limit = 100

/** Numbers without an order, the same on every run: each below `total` comes once. */
const scattered = (index: number, step: number) => (index * step) % total

const moment = (seconds: number) => new Date(Date.UTC(2024, 0, 1) + seconds * 1_000).toISOString()

const users = Array.from({ length: total }, (_, index): User => {
  const of = scattered(index, 7_919)
  return {
    id: UserId.make((0x6287ec36a841b256n * 0x1_0000_0000n + BigInt(of)).toString(16)),
    isEmailVerified: index % 2 === 0,
    // A hundred share a moment, and a third was never there: what is alike follows each other by id.
    createdOn: moment(Math.floor(scattered(index, 104_729) / 100)),
    lastUpdated: moment(scattered(index, 1_299_709)),
    lastLogin: index % 3 === 0 ? null : moment(scattered(index, 611_953)),
    status: (["invited", "verified", "unverified"] as const)[index % 3] ?? "invited",
    accessGroups: [{ slug: `group-${index % 50}`, type: "admin" }],
    data: {
      name: `Member ${of}`,
      email: `Member.${scattered(index, 15_485_863)}@example.com`,
      "accept-privacy": true,
      "accept-communications": false,
      note: "Some hundred characters of what a site asks its members, so that a page is as large as one. ".repeat(3),
    },
  }
})

/** What an order goes by, written down here again: the store's own could be wrong. */
const keys: Record<string, (user: User) => string> = {
  CreatedOn: (user) => user.createdOn ?? "",
  Email: (user) => String(user.data.email).toLowerCase(),
  Status: (user) => user.status ?? "",
  LastLogin: (user) => user.lastLogin ?? "",
  UpdatedOn: (user) => user.lastUpdated ?? "",
}
const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
const ordered = (sort: string) => {
  const sign = sort.startsWith("-") ? -1 : 1
  const key = keys[sort.replace("-", "")] ?? (() => "")
  return users
    .map((user) => ({ id: user.id, key: key(user) }))
    .toSorted((a, b) => sign * (compare(a.key, b.key) || compare(a.id, b.id)))
    .map(({ id }) => id)
}

let folder: string
let proxy: Awaited<ReturnType<typeof Spawned.start>>
let headers: { readonly authorization: string }
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "webflow-users-list-"))
  const store = open(`file:${folder}/users.db`)
  await store.add({ id: siteId, users })
  headers = { authorization: `Bearer ${await store.token(siteId)}` }
  await store.close()
  proxy = await Spawned.start(`file:${folder}/users.db`)
})
afterAll(async () => {
  await proxy[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

/** Goes through all pages of a list, and gives every id as it came. */
const pages = async (sort: string) => {
  const ids: Array<string> = []
  for (let offset = 0; offset <= total; offset += limit) {
    const query = `offset=${offset}&limit=${limit}&sort=${sort}`
    const response = await fetch(`${proxy.origin}/v2/sites/${siteId}/users?${query}`, { headers })
    const { users: part, ...page } = (await response.json()) as UserPage
    expect(page).toEqual({ count: offset < total ? limit : 0, limit, offset, total })
    ids.push(...part.map((user) => user.id))
  }
  return ids
}

/** What the process has in memory, in MiB. */
const resident = async () => {
  const status = await readFile(`/proc/${proxy.pid}/status`, "utf8")
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024
}

/** The same after so many passes by an index, and one that sorts. */
const residentAfter = async (passes: number) => {
  for (let pass = 0; pass < passes; pass += 1) await pages("CreatedOn")
  await pages("-UpdatedOn")
  return await resident()
}

describe("a site of 20,000 users", () => {
  const sorts: ReadonlyArray<UserSort | ""> = ["", "-CreatedOn", "Email", "-Status", "LastLogin", "-UpdatedOn"]
  it.each(sorts)("is listed whole and in order, sorted by %j", { timeout: 300_000 }, async (sort) => {
    const expected = ordered(sort === "" ? "CreatedOn" : sort)
    const listed = await pages(sort)
    expect(listed.length).toBe(total)
    // The first place that differs, not all of them: to tell 20,000 apart takes a minute.
    expect(listed.findIndex((id, index) => id !== expected[index])).toBe(-1)
  })

  // A pass is 13 MB of answers: a process that kept them, or what they are made of, would grow by 260 MiB and more. A heap grows
  // by steps too, until it has settled: forty passes from a fresh start were seen to take 45 MiB in all, most of it in two.
  it.runIf(process.platform === "linux")("is listed in memory that does not grow", { timeout: 600_000 }, async () => {
    const before = await residentAfter(3)
    const after = await residentAfter(20)
    expect(before).toBeGreaterThan(20)
    expect(after - before).toBeLessThan(128)
  })
})
