/** Who asks, where proxies in front of this one are trusted to say so: in this process, and in the record of a deployed one. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseSiteId, type SiteId, type User, UserEvents, UserId } from "@webflow-users/core"
import { Option } from "effect"
import { afterAll, describe, expect, it } from "vitest"
import { Addresses } from "@webflow-users/server"
import { open } from "./proxy.ts"
import * as Spawned from "./spawned.ts"

const trusting = (text: string) => Option.getOrThrow(Addresses.parse(text))

describe("the address of who asks", () => {
  const rows: ReadonlyArray<
    readonly [why: string, trusted: string, remote: string, forwarded: string, caller: string]
  > = [
    ["nobody is trusted", "", "127.0.0.1", "203.0.113.9", "127.0.0.1"],
    ["the one in front is not the trusted one", "10.0.0.0/8", "192.0.2.1", "203.0.113.9", "192.0.2.1"],
    ["one in front", "127.0.0.1", "127.0.0.1", "203.0.113.9", "203.0.113.9"],
    ["a caller who claims to be another", "127.0.0.1", "127.0.0.1", "198.51.100.1, 203.0.113.9", "203.0.113.9"],
    ["two in front", "127.0.0.1, 10.0.0.0/8", "127.0.0.1", "198.51.100.1, 203.0.113.9,10.1.2.3", "203.0.113.9"],
    ["nothing but those in front", "10.0.0.0/8", "10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"],
    ["no header", "10.0.0.0/8", "10.0.0.1", "", "10.0.0.1"],
    ["words in the place of an address", "127.0.0.1", "127.0.0.1", "203.0.113.9, unknown", "127.0.0.1"],
    ["a socket of both versions", "127.0.0.1", "::ffff:127.0.0.1", "::ffff:203.0.113.9", "203.0.113.9"],
    ["version 6", "fd00::/8", "fd00::1", "2001:db8::7", "2001:db8::7"],
    ["an address with a port", "127.0.0.1", "127.0.0.1", "203.0.113.9:1234", "203.0.113.9"],
    ["version 6 with a port", "127.0.0.1", "127.0.0.1", "[2001:db8::1]:443", "2001:db8::1"],
    ["version 6 in brackets", "127.0.0.1", "127.0.0.1", "[2001:db8::1]", "2001:db8::1"],
    ["version 4 within version 6, with a port", "127.0.0.1", "127.0.0.1", "[::ffff:203.0.113.9]:80", "203.0.113.9"],
    [
      "one in front that is named with its port",
      "127.0.0.1, 10.0.0.0/8",
      "127.0.0.1",
      "203.0.113.9, 10.1.2.3:80",
      "203.0.113.9",
    ],
    ["words with a port", "127.0.0.1", "127.0.0.1", "unknown:80", "127.0.0.1"],
    ["a mapped network", "::ffff:10.0.0.0/104", "10.1.2.3", "203.0.113.9", "203.0.113.9"],
    ["not who is outside of a mapped network", "::ffff:10.0.0.0/104", "11.1.2.3", "203.0.113.9", "11.1.2.3"],
    ["a mapped address", "::FFFF:10.0.0.1", "::ffff:10.0.0.1", "203.0.113.9", "203.0.113.9"],
    ["a network of version 6 and a caller of version 4", "fd00::/8", "10.0.0.1", "203.0.113.9", "10.0.0.1"],
  ]
  it.each(rows)("%s", (_, trusted, remote, forwarded, caller) => {
    expect(Addresses.callerOf(remote, forwarded, trusting(trusted))).toBe(caller)
  })

  it.each([
    "localhost",
    "10.0.0.0/33",
    "10.0.0.0/x",
    "10.0.0.0/8/8",
    "10.0.0",
    "fd00::/129",
    "::ffff:10.0.0.0/95",
    "::ffff:10.0.0.0/129",
    "10.0.0.1:80",
    "10.0.0.0/",
    "1.2.3.4 5.6.7.8",
  ])("cannot be told by %s", (text) => expect(Option.isNone(Addresses.parse(text))).toBe(true))
})

describe("the record", () => {
  const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
  const user: User = { id: UserId.make("6287ec36a841b25637c663df"), accessGroups: [], data: { name: "Member" } }
  const path = `/v2/sites/${siteId}/users/${user.id}`

  it("has the address a trusted proxy names, and of others that of their socket", async () => {
    const folder = await mkdtemp(join(tmpdir(), "webflow-users-addresses-"))
    afterAll(() => rm(folder, { recursive: true }))
    const store = `file:${folder}/users.db`
    await using own = open(store)
    await own.add({ id: siteId, users: [user] })
    const headers = {
      authorization: `Bearer ${await own.token(siteId)}`,
      "x-forwarded-for": "198.51.100.1, 203.0.113.9",
    }
    for (const args of [[], ["--trusted-proxies", "127.0.0.0/8"]]) {
      await using proxy = await Spawned.start(store, { args })
      expect((await fetch(proxy.origin + path, { method: "PATCH", headers })).status).toBe(200)
      expect((await fetch(proxy.origin + path, { headers })).status).toBe(200)
      const { stderr } = await proxy.end("SIGTERM")
      expect(stderr.match(/"warn".*all callers behind one count as one address/g) ?? []).toHaveLength(
        args.length === 0 ? 1 : 0,
      )
    }
    const events = await own.run(UserEvents.use((record) => record.ofUser(siteId, user.id)))
    expect(events.map(({ address }) => address)).toEqual(["127.0.0.1", "203.0.113.9"])
  })

  it("is not begun where the setting cannot be read", async () => {
    const { code, stderr } = await Spawned.run({ env: { WEBFLOW_USERS_TRUSTED_PROXIES: "nginx" } })
    expect(code).toBe(2)
    expect(stderr).toContain("10.0.0.0/8 or fd00::/8 (--trusted-proxies or WEBFLOW_USERS_TRUSTED_PROXIES)")
  })
})
