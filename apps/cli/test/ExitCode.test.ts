import type { ChildProcess } from "node:child_process"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { describe, expect, it } from "vitest"
import { ada, cli, errorIn, fresh, seeded, siteId } from "./run.ts"
import { envelope, serve } from "./server.ts"

const page = "<html><body>Something in between</body></html>"

/** What another server answers, and what that is to the shell. */
const answers: ReadonlyArray<readonly [status: number, body: string, exitCode: number, error: object]> = [
  [401, envelope("not_authorized", "Who?"), 3, { tag: "NotAuthorized", code: "not_authorized", message: "Who?" }],
  [401, page, 3, { tag: "UpstreamInvalidResponse" }],
  [403, envelope("missing_scopes", "No scope"), 3, { tag: "MissingScopes" }],
  [403, envelope("forbidden", "Not yours"), 3, { tag: "SiteForbidden" }],
  [403, envelope("forbidden", "The token may not make this change"), 3, { tag: "ChangeForbidden", code: "forbidden" }],
  [403, envelope("users_not_enabled", "Off"), 3, { tag: "UsersNotEnabled" }],
  [403, page, 3, { tag: "UpstreamInvalidResponse" }],
  [429, envelope("too_many_requests", "Slow down"), 4, { tag: "TooManyRequests", retryAfter: 60 }],
  [429, page, 4, { tag: "TooManyRequests" }],
  [500, envelope("internal_error", "Oops"), 5, { tag: "InternalError", message: "Oops" }],
  [503, page, 5, { tag: "UpstreamInvalidResponse", status: 503 }],
  [200, page, 5, { tag: "UpstreamInvalidResponse", status: 200 }],
  [404, envelope("user_not_found", "Nobody"), 6, { tag: "UserNotFound" }],
  [404, envelope("resource_not_found", "Nowhere"), 6, { tag: "SiteNotFound" }],
  [404, page, 6, { tag: "UpstreamInvalidResponse" }],
  [400, envelope("validation_error", "Wrong"), 2, { tag: "InvalidPatch" }],
  [410, page, 1, { tag: "UpstreamInvalidResponse", status: 410 }],
]

describe("another server", { concurrent: true }, () => {
  it.each(answers)("answers %i %s", async (status, body, exitCode, error) => {
    await using server = await serve(() => ({ status, headers: { "retry-after": "60" }, body }))
    const env = { WEBFLOW_USERS_UPSTREAM_ATTEMPTS: "1" }
    const outcome = await cli(["--store", server.address, "get", siteId, ada.id], { env })
    expect(outcome.code).toBe(exitCode)
    expect(errorIn(outcome)).toMatchObject({ status, ...error })
  })

  it("gets the token, and nobody else does", async () => {
    await using server = await serve(() => ({ status: 401, body: envelope("not_authorized", "Who?") }))
    const env = { WEBFLOW_USERS_STORE: server.address, WEBFLOW_USERS_TOKEN: "wfu_hush" }
    const outcome = await cli(["update", siteId, ada.id, "--name", "Al", "--debug"], { env })
    expect(outcome.code).toBe(3)
    expect(server.requests.map(({ method, headers }) => [method, headers.authorization])).toEqual([
      ["PATCH", "Bearer wfu_hush"],
    ])
    expect(outcome.stdout + outcome.stderr).not.toContain("hush")
  })

  it("is asked without one when there is none", async () => {
    await using server = await serve(() => ({ status: 200, body: JSON.stringify(ada) }))
    const outcome = await cli(["get", siteId, ada.id, "--store", server.address])
    expect(JSON.parse(outcome.stdout)).toEqual(ada)
    expect(server.requests[0]?.headers.authorization).toBeUndefined()
  })

  it("cannot be reached", async () => {
    const { address } = await (async () => {
      await using server = await serve(() => undefined)
      return server
    })()
    const outcome = await cli(["get", siteId, ada.id, "--store", address])
    expect(outcome.code).toBe(5)
    expect(errorIn(outcome)).toMatchObject({ tag: "Unreachable", cause: expect.stringContaining("ECONNREFUSED") })
  })

  it("is waited for no longer after an interruption", async () => {
    let child: ChildProcess | undefined
    await using server = await serve(() => void child?.kill("SIGINT"))
    const outcome = await cli(["get", siteId, ada.id, "--store", server.address], {
      started: (started) => (child = started),
    })
    expect(outcome).toEqual({ code: 130, stdout: "", stderr: "" })
  })

  it("cannot be imported into", async () => {
    const store = fresh()
    writeFileSync(join(store.cwd, "users.json"), JSON.stringify({ users: [ada] }))
    const args = ["import", "users.json", "--site", siteId, "--store", "https://me:hush@example.com/v2"]
    const outcome = await store.cli(args)
    expect(outcome.code).toBe(2)
    expect(errorIn(outcome)).toMatchObject({ tag: "UnusableAddress", code: "unusable_address" })
    expect(outcome.stderr).not.toContain("hush")
  })
})

const spoilt = async () => {
  const store = await seeded()
  const database = new DatabaseSync(store.path)
  database.exec(`UPDATE users SET document = '{"hush": 1}'`)
  database.close()
  return store
}

describe("a store", { concurrent: true }, () => {
  it.each([["users.db"], ["mysql://me:hush@db/users"], ["file:./missing/users.db"], ["file:."], [""]])(
    "%j cannot be used",
    async (address) => {
      const outcome = await cli(["get", siteId, ada.id, "--store", address])
      expect(outcome.code).toBe(2)
      expect(errorIn(outcome)).toMatchObject({ tag: "UnusableAddress", status: null })
      expect(outcome.stderr).not.toContain("hush")
    },
  )

  it("that is away gives 5, and what to do", async () => {
    const outcome = await cli(["get", siteId, ada.id, "--store", "postgres://me:hush@127.0.0.1:1/users"])
    expect(outcome.code).toBe(5)
    expect(errorIn(outcome)).toMatchObject({
      tag: "StoreAway",
      code: "store_away",
      message: expect.stringContaining("connect ECONNREFUSED 127.0.0.1:1"),
      nextStep: expect.stringContaining("when the store answers"),
    })
    expect(outcome.stderr).not.toContain("hush")
  })

  it("that fails while it is used gives 5 and the reason", async () => {
    const store = await seeded()
    store.query("DROP TABLE user_events")
    const outcome = await store.cli(["update", siteId, ada.id, "--name", "Al"])
    expect(outcome.code).toBe(5)
    expect(errorIn(outcome)).toMatchObject({ tag: "StoreUnavailable", cause: "no such table: user_events" })
    expect(store.user(ada.id)).toEqual(ada)
  })

  describe("with something in it that nobody expects", () => {
    it("gives 1 and a short message", async () => {
      const outcome = await (await spoilt()).cli(["get", siteId, ada.id])
      expect(outcome.code).toBe(1)
      expect(errorIn(outcome)).toEqual({
        tag: "Unexpected",
        code: "unexpected",
        status: null,
        message: expect.stringContaining("--debug"),
        details: [],
        user: ada.id,
      })
    })

    it("--debug tells where it happened, and nothing of what is there", async () => {
      const outcome = await (await spoilt()).cli(["get", siteId, ada.id, "--debug"])
      expect(outcome.code).toBe(1)
      expect(errorIn(outcome)).toMatchObject({
        tag: "Unexpected",
        trace: expect.stringMatching(/\/sql-[\w-]+\.js:\d+:\d+/),
      })
      expect(outcome.stderr).not.toContain("hush")
    })
  })
})

describe("a wrong call", { concurrent: true }, () => {
  const wrong: ReadonlyArray<readonly [args: ReadonlyArray<string>, message: string, usage: string]> = [
    [["--bogus"], "--bogus", "webflow-users <subcommand> [flags]"],
    [["updat"], 'Unknown subcommand "updat"', "webflow-users <subcommand> [flags]"],
    [["get", siteId], "user", "webflow-users get [flags] <site> <user>"],
    [["get", siteId, ada.id, "more"], "more", "webflow-users get [flags] <site> <user>"],
    [["get", siteId, ada.id, "--token", "x"], "--token", "webflow-users get [flags] <site> <user>"],
    [["get", siteId, ada.id, "--store"], "--store", "webflow-users get [flags] <site> <user>"],
    [["export"], "--site", "webflow-users export [flags]"],
    [["copy", "--from", "file:./a.db"], "--to", "webflow-users copy [flags]"],
    [["token", "create", "--scope", "users:read"], "--site", "webflow-users token create [flags]"],
    [["--json=true", "token", "revoke"], "id", "webflow-users token revoke [flags] <id>"],
  ]
  it.each(wrong)("%j", async (args, message, usage) => {
    const outcome = await cli(args)
    expect(outcome.code).toBe(2)
    expect(errorIn(outcome)).toEqual({
      tag: "Usage",
      code: "usage",
      status: null,
      message: expect.stringContaining(message),
      details: [],
      usage,
    })
  })

  it.each([
    [[], "webflow-users <subcommand>"],
    [["token"], "webflow-users token <subcommand>"],
  ])("without a command: %j", async (args, usage) => {
    const outcome = await cli(args)
    expect(outcome).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining(usage) })
    expect(outcome.stderr).toContain("SUBCOMMANDS")
  })
})

describe("a value that is none of its kind", { concurrent: true }, () => {
  const words = '"true" | "yes" | "on" | "1" | "y" | "false" | "no" | "off" | "0" | "n"'
  it.each([
    [["update", siteId, ada.id, "--dry-run=perhaps"], `Expected ${words}`],
    [["list", siteId, "--limit", "ten"], "Expected a string representing a finite number"],
    [["history", siteId, ada.id, "--offset", "1.5"], "Expected an integer"],
    [["webhook", "add", "--site", siteId, "--url", "https://example.com/"], words],
  ])("%j is said with what would do", async (args, expected) => {
    const outcome = await cli(args, { env: { WEBFLOW_USERS_ALLOW_PRIVATE_WEBHOOKS: "perhaps" } })
    expect(outcome.code).toBe(2)
    expect(errorIn(outcome)).toMatchObject({ tag: "Usage", message: expect.stringContaining(expected) })
  })

  it.each(["no", "off", "0"])("a switch may be %s", async (value) => {
    const args = ["update", siteId, ada.id, "--name", "Al", `--dry-run=${value}`, "--store", "memory:"]
    expect(errorIn(await cli(args))).toMatchObject({ tag: "SiteNotFound", outcome: "unchanged" })
  })
})

describe("what is asked about the program itself", { concurrent: true }, () => {
  it.each([
    [["--help"], "import"],
    [["-h"], "Exit codes: 0 done"],
    [["update", "--help"], "--remove-group"],
    [["token", "create", "--help"], "--scope"],
    [["--version"], "webflow-users v0.0.0"],
    [["--completions", "bash"], "token"],
  ])("%j", async (args, text) => {
    const outcome = await cli(args)
    expect(outcome).toMatchObject({ code: 0, stderr: "", stdout: expect.stringContaining(text) })
    // oxlint-disable-next-line no-control-regex
    expect(outcome.stdout).not.toMatch(/\u001b/)
  })
})
