import { createHash } from "node:crypto"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
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

const sha256 = (token: string) => createHash("sha256").update(token).digest("hex")

/** A store as it was before tokens had more than scopes and a rate. */
const version4 = `
  CREATE TABLE webflow_users_migrations (migration_id integer PRIMARY KEY NOT NULL,
    created_at datetime NOT NULL DEFAULT current_timestamp, name VARCHAR(255) NOT NULL);
  INSERT INTO webflow_users_migrations (migration_id, name) VALUES
    (1, 'create_tables'), (2, 'token_rates'), (3, 'site_declarations'), (4, 'sort_orders');
  CREATE TABLE sites (id TEXT PRIMARY KEY, created_on TEXT NOT NULL, declaration TEXT);
  CREATE TABLE users (site_id TEXT NOT NULL REFERENCES sites (id), id TEXT NOT NULL, email TEXT NOT NULL,
    status TEXT NOT NULL, created_on TEXT NOT NULL, last_login TEXT NOT NULL, updated_on TEXT NOT NULL,
    document TEXT NOT NULL, PRIMARY KEY (site_id, id));
  CREATE TABLE access_groups (site_id TEXT NOT NULL REFERENCES sites (id), slug TEXT NOT NULL, id TEXT NOT NULL,
    name TEXT NOT NULL, short_id TEXT NOT NULL, created_on TEXT NOT NULL, PRIMARY KEY (site_id, slug));
  CREATE TABLE user_events (sequence INTEGER PRIMARY KEY AUTOINCREMENT, site_id TEXT NOT NULL, user_id TEXT NOT NULL,
    at TEXT NOT NULL, actor TEXT NOT NULL, before_user TEXT NOT NULL, after_user TEXT NOT NULL);
  CREATE TABLE access_tokens (id TEXT PRIMARY KEY, site_id TEXT NOT NULL, scopes TEXT NOT NULL, hash TEXT NOT NULL,
    created_on TEXT NOT NULL, rate INTEGER);`

describe("token", { concurrent: true }, () => {
  it("create gives a token once; the store keeps its hash", async () => {
    const store = await seeded()
    const issued = await create(store, "users:write", "users:read", "users:write")
    expect(issued).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{24}$/),
      token: expect.stringMatching(/^wfu_[0-9a-f]{24}_[0-9a-f]{64}$/),
      label: null,
      siteId,
      scopes: ["users:write", "users:read"],
      fields: null,
      groups: null,
      rate: null,
      createdOn: expect.any(String),
      expiresOn: null,
      isExpired: false,
      previousUntil: null,
    })
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

  it("create grants what it is told, and list shows all of it", async () => {
    const store = await seeded()
    const flags = ["--field", "name", "--field", "Company, Inc", "--field", "name", "--no-groups", "--label", "Form ☃"]
    const { token: _, ...form } = await createWith(store, ["--scope", "users:write", "--expires", "90 days", ...flags])
    expect(form).toMatchObject({
      siteId,
      label: "Form ☃",
      fields: ["name", "Company, Inc"],
      groups: [],
      isExpired: false,
    })
    expect(Date.parse(form.expiresOn) - Date.parse(form.createdOn)).toBeGreaterThan(90 * 86_400_000 - 60_000)
    expect(Date.parse(form.expiresOn) - Date.parse(form.createdOn)).toBeLessThanOrEqual(90 * 86_400_000)
    const everywhere = await store.cli([
      "token",
      "create",
      "--all-sites",
      "--scope",
      "users:write",
      "--no-fields",
      "--group",
      "gold",
    ])
    const { token: _two, ...all } = JSON.parse(everywhere.stdout)
    expect(all).toMatchObject({ siteId: "all", label: null, fields: [], groups: ["gold"], expiresOn: null })
    expect(await list(store)).toEqual([form, all])
  })

  it.each([
    ["2099-01-31", "2099-01-31T00:00:00.000Z"],
    ["2099-01-31T18:00:00Z", "2099-01-31T18:00:00.000Z"],
    ["2099-01-31t18:00:00.5+02:00", "2099-01-31T16:00:00.500Z"],
    ["2096-02-29", "2096-02-29T00:00:00.000Z"],
  ])("create --expires %s ends at %s", async (when, moment) => {
    const store = await seeded()
    expect(await createWith(store, ["--scope", "users:read", "--expires", when])).toMatchObject({ expiresOn: moment })
  })

  const onSite = ["--site", siteId]
  const writing = ["--scope", "users:write"]
  it.each<[ReadonlyArray<string>, RegExp]>([
    [writing, /--site SITE, or --all-sites/],
    [[...onSite, "--all-sites", ...writing], /--site and --all-sites contradict/],
    [[...onSite, ...writing, "--field", "name", "--no-fields"], /--field and --no-fields contradict/],
    [[...onSite, ...writing, "--group", "gold", "--no-groups"], /--group and --no-groups contradict/],
    [[...onSite, "--scope", "users:read", "--field", "name"], /^--field .*without --scope users:write/],
    [[...onSite, "--scope", "users:read", "--no-groups"], /^--no-groups .*without --scope users:write/],
    [[...onSite, ...writing, "--field", "email"], /--field email: can be changed by no update/],
    [[...onSite, ...writing, "--field", "__proto__"], /--field __proto__: is not a name for a field/],
    [[...onSite, ...writing, "--field="], /--field: a field needs a name/],
    [[...onSite, ...writing, "--group= "], /--group: must not be empty/],
    [[...onSite, ...writing, "--label="], /--label: must not be empty/],
    [[...onSite, ...writing, "--label", "a\tb"], /--label: must have no control characters/],
    [[...onSite, ...writing, "--label", "x".repeat(101)], /--label: must be at most 100 characters/],
    [[...onSite, ...writing, "--expires", "soon"], /--expires soon: say a time such as "90 days"/],
    [[...onSite, ...writing, "--expires", "90"], /--expires 90: say a time/],
    [[...onSite, ...writing, "--expires", "2099-02-29"], /--expires 2099-02-29: say a time/],
    [[...onSite, ...writing, "--expires", "2099-01-31T18:00:00"], /say a time/],
    [[...onSite, ...writing, "--expires", "9999999 days"], /say a time/],
    [[...onSite, ...writing, "--expires", "infinity"], /say a time/],
    [[...onSite, ...writing, "--expires=-5 minutes"], /say a time/],
    [[...onSite, ...writing, "--expires", "2020-01-01"], /2020-01-01: that is over already/],
  ])("create %j is refused, and says why", async (args, message) => {
    const store = await seeded()
    const outcome = await store.cli(["token", "create", ...args])
    expect(outcome.code).toBe(2)
    const usage = "webflow-users token create [flags]"
    expect(errorIn(outcome)).toMatchObject({ tag: "Usage", message: expect.stringMatching(message), usage })
    expect(store.query("SELECT * FROM access_tokens")).toEqual([])
  })

  it("list says which have expired", async () => {
    const store = await seeded()
    const { id } = await createWith(store, ["--scope", "users:read", "--expires", "1 millis"])
    expect(await list(store)).toMatchObject([{ id, isExpired: true }])
    const rotated = await store.cli(["token", "rotate", id])
    expect(rotated.code).toBe(2)
    expect(errorIn(rotated)).toMatchObject({ tag: "TokenExpired", message: expect.stringMatching(/has expired on/) })
  })

  it("rotate gives another secret for the same token, and keeps the old one as long as it is told", async () => {
    const store = await seeded()
    const grants = ["--scope", "users:write", "--field", "name", "--rate", "7", "--label", "Form"]
    const { token: first, ...issued } = await createWith(store, grants)
    const rotate = async (...args: ReadonlyArray<string>) => {
      const outcome = await store.cli(["token", "rotate", issued.id, ...args])
      expect(outcome).toMatchObject({ code: 0, stderr: "" })
      return JSON.parse(outcome.stdout)
    }
    const { token: second, ...same } = await rotate()
    expect(same).toEqual(issued)
    expect(second).toMatch(new RegExp(`^wfu_${issued.id}_[0-9a-f]{64}$`))
    expect(second).not.toBe(first)
    const hashes = "SELECT hash, previous_hash FROM access_tokens"
    expect(store.query(hashes)).toEqual([{ hash: sha256(second), previous_hash: null }])
    const { token: third, previousUntil } = await rotate("--grace", "1 hour")
    expect(store.query(hashes)).toEqual([{ hash: sha256(third), previous_hash: sha256(second) }])
    expect(await list(store)).toEqual([{ ...issued, previousUntil }])
    expect(Date.parse(previousUntil)).toBeGreaterThan(Date.now() + 3_500_000)
  })

  it.each([["0"], ["soon"], ["-1 hour"], ["infinity"]])("rotate --grace=%s is refused", async (grace) => {
    const store = await seeded()
    const { id } = await create(store, "users:read")
    const before = store.query("SELECT * FROM access_tokens")
    const outcome = await store.cli(["token", "rotate", id, `--grace=${grace}`])
    expect(outcome.code).toBe(2)
    expect(errorIn(outcome)).toMatchObject({ message: expect.stringMatching(/--grace.*above zero/) })
    expect(store.query("SELECT * FROM access_tokens")).toEqual(before)
  })

  it("rotate of what is no id says so, without repeating it", async () => {
    const store = await seeded()
    const { token, id } = await create(store, "users:read")
    const outcome = await store.cli(["token", "rotate", token])
    expect(outcome.code).toBe(6)
    expect(errorIn(outcome)).toMatchObject({ tag: "TokenNotFound" })
    expect(outcome.stderr).not.toContain(id)
  })

  it("those of a store from before keep what they had", async () => {
    const store = fresh()
    const database = new DatabaseSync(store.path)
    database.exec(version4)
    const id = "6287ec36a841b25637c66399"
    database
      .prepare("INSERT INTO access_tokens (id, site_id, scopes, hash, created_on, rate) VALUES (?, ?, ?, ?, ?, 60)")
      .run(id, siteId, "users:read users:write", sha256("old"), "2026-01-01T00:00:00.000Z")
    database.close()
    const nothing = { label: null, fields: null, groups: null, expiresOn: null, isExpired: false, previousUntil: null }
    const scopes = ["users:read", "users:write"]
    expect(await list(store)).toEqual([
      { ...nothing, id, siteId, scopes, rate: 60, createdOn: "2026-01-01T00:00:00.000Z" },
    ])
    expect(store.query("SELECT hash FROM access_tokens")).toEqual([{ hash: sha256("old") }])
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
