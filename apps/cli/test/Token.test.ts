import { createHash } from "node:crypto"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { errorIn, fresh, otherSiteId, seeded, siteId } from "./run.ts"

type Store = Awaited<ReturnType<typeof seeded>>

const create = async (store: Store, ...scopes: ReadonlyArray<string>) =>
  await createWith(
    store,
    scopes.flatMap((scope) => ["--scope", scope]),
  )
const createWith = async (store: Store, args: ReadonlyArray<string>) => {
  const outcome = await store.cli(["token", "create", "--site", siteId, ...args])
  expect(outcome).toMatchObject({ code: 0, stderr: "" })
  return JSON.parse(outcome.stdout)
}
const list = async (store: Store) => JSON.parse((await store.cli(["token", "list", "--json"])).stdout)

describe("token", { concurrent: true }, () => {
  it("create gives a token once; the store keeps its hash", async () => {
    const store = await seeded()
    const issued = await create(store, "users:write", "users:read", "users:write")
    expect(Object.keys(issued)).toEqual(["id", "token", "siteId", "scopes", "createdOn", "rate"])
    expect(issued).toMatchObject({ siteId, scopes: ["users:write", "users:read"], rate: null })
    const hash = createHash("sha256").update(issued.token).digest("hex")
    const [row, ...others] = store.query("SELECT * FROM access_tokens")
    expect(row).toMatchObject({ id: issued.id, site_id: siteId, scopes: "users:write users:read", hash, rate: null })
    expect(others).toEqual([])
    expect(JSON.stringify(row)).not.toContain(issued.token)
  })

  it("list shows every token, and none in full", async () => {
    const store = await seeded()
    const { token: one, ...first } = await create(store, "users:read")
    const { token: two, ...second } = await create(store, "users:write")
    expect(one).not.toBe(two)
    expect(await list(store)).toEqual([first, second])
  })

  it.each([["1"], ["60"], ["100000"]])("create --rate %s limits a token, and list shows it", async (rate) => {
    const store = await seeded()
    const { token: _, ...limited } = await createWith(store, ["--scope", "users:write", "--rate", rate])
    expect(limited.rate).toBe(Number(rate))
    expect(store.query("SELECT rate FROM access_tokens")).toEqual([{ rate: Number(rate) }])
    expect(await list(store)).toEqual([limited])
  })

  it.each([["0"], ["-1"], ["1.5"], ["1e3"], ["100001"], ["many"], [""], [" 60"], ["٦٠"]])(
    "create --rate=%s is refused, and the message says what a rate is",
    async (rate) => {
      const store = await seeded()
      const outcome = await store.cli(["token", "create", "--site", siteId, "--scope", "users:read", `--rate=${rate}`])
      expect(outcome.code).toBe(2)
      expect(errorIn(outcome)).toMatchObject({
        tag: "Usage",
        message: expect.stringMatching(/--rate.*a whole number from 1 to 100000/s),
      })
      expect(store.query("SELECT * FROM access_tokens")).toEqual([])
    },
  )

  it("create --help says what a rate is, and what Webflow's were", async () => {
    const { code, stdout } = await fresh().cli(["token", "create", "--help"])
    expect(code).toBe(0)
    expect(stdout).toMatch(/--rate.*requests a minute.*60 and 120/)
  })

  it("list of a store that is new is empty", async () => {
    expect(await list(fresh())).toEqual([])
  })

  it("revoke takes one back and leaves the others", async () => {
    const store = await seeded()
    const first = await create(store, "users:read")
    const second = await create(store, "users:read")
    const outcome = await store.cli(["token", "revoke", first.id])
    expect(outcome).toMatchObject({ code: 0, stderr: "" })
    expect(JSON.parse(outcome.stdout)).toEqual({ id: first.id, revoked: true })
    expect((await list(store)).map(({ id }: { id: string }) => id)).toEqual([second.id])
  })

  it("revoke of what is no id says so, without repeating it", async () => {
    const store = await seeded()
    const { token, id } = await create(store, "users:read")
    const outcome = await store.cli(["token", "revoke", token])
    expect(outcome.code).toBe(6)
    expect(errorIn(outcome)).toMatchObject({ tag: "TokenNotFound", code: "token_not_found", status: null })
    expect(outcome.stderr).not.toContain(id)
    expect(await list(store)).toHaveLength(1)
  })

  it.each([
    [["--site", siteId], 2, "Usage"],
    [["--site", siteId, "--scope", "users:delete"], 2, "Usage"],
    [["--site", siteId, "--scope", "users:read", "--scope", "sites:read"], 2, "Usage"],
    [["--site", "mine", "--scope", "users:read"], 2, "InvalidId"],
    [["--site", otherSiteId, "--scope", "users:read"], 6, "SiteNotFound"],
  ])("create %j is refused", async (args, code, tag) => {
    const store = await seeded()
    const outcome = await store.cli(["token", "create", ...args])
    expect(outcome.code).toBe(code)
    expect(errorIn(outcome)).toMatchObject({ tag })
    expect(store.query("SELECT * FROM access_tokens")).toEqual([])
  })

  describe("of a proxy in front of another server", () => {
    const behind = { WEBFLOW_USERS_STORE: "http://127.0.0.1:1/v2" }

    it("are kept in the usual place, without asking that server", async () => {
      const store = fresh()
      const issued = await store.cli(["token", "create", "--site", otherSiteId, "--scope", "users:read"], {
        env: behind,
      })
      expect(issued).toMatchObject({ code: 0, stderr: "" })
      expect(existsSync(join(store.cwd, "webflow-users.db"))).toBe(true)
      const { id } = JSON.parse(issued.stdout)
      const listed = await store.cli(["token", "list"], { env: behind })
      expect(JSON.parse(listed.stdout)).toMatchObject([{ id, siteId: otherSiteId }])
      expect(await store.cli(["token", "revoke", id], { env: behind })).toMatchObject({ code: 0 })
    })

    it("are kept where WEBFLOW_USERS_TOKEN_STORE says, which has to be a store of one's own", async () => {
      const store = fresh()
      const env = { ...behind, WEBFLOW_USERS_TOKEN_STORE: `file:${store.path}` }
      const args = ["token", "create", "--site", siteId, "--scope", "users:read"]
      expect(await store.cli(args, { env })).toMatchObject({ code: 0 })
      expect(store.query("SELECT site_id FROM access_tokens")).toEqual([{ site_id: siteId }])
      const elsewhere = await store.cli(args, {
        env: { ...env, WEBFLOW_USERS_TOKEN_STORE: "https://users.example.com" },
      })
      expect(elsewhere.code).toBe(2)
      expect(errorIn(elsewhere)).toMatchObject({ tag: "UnusableAddress" })
    })
  })

  it("of a store of one's own may be kept in another", async () => {
    const [store, tokens] = [await seeded(), fresh()]
    const env = { WEBFLOW_USERS_TOKEN_STORE: `file:${tokens.path}` }
    const issue = (site: string) => store.cli(["token", "create", "--site", site, "--scope", "users:read"], { env })
    expect(await issue(siteId)).toMatchObject({ code: 0 })
    expect(tokens.query("SELECT site_id FROM access_tokens")).toEqual([{ site_id: siteId }])
    // The users are where they were.
    expect(errorIn(await issue(otherSiteId))).toMatchObject({ tag: "SiteNotFound" })
    expect(store.query("SELECT * FROM access_tokens")).toEqual([])
  })
})
