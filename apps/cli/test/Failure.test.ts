/** What a failure tells beside its kind: whom it was about, what has become of the update, what to do next. */
import { UpstreamSettings } from "@webflow-users/stores"
import { describe, expect, it } from "vitest"
import { ada, cli, errorIn, fresh, seeded, siteId } from "./run.ts"
import { type Answer, envelope, serve, serveUsers } from "./server.ts"

const page = "<html><body>Something in between</body></html>"
const once = { WEBFLOW_USERS_UPSTREAM_ATTEMPTS: "1" }
const twice = { WEBFLOW_USERS_UPSTREAM_ATTEMPTS: "2" }
const rename = (...more: ReadonlyArray<string>) => ["update", siteId, ada.id, "--name", "Al", ...more]

/** An answer to an update, whether the update may have been made, and what the next step has to name. */
const answers: ReadonlyArray<readonly [status: number, body: string, outcome: string, named: ReadonlyArray<string>]> = [
  [400, envelope("validation_error", "Wrong"), "unchanged", ["Correct"]],
  [400, envelope("bad_request", "Wrong"), "unchanged", ["--data"]],
  [401, envelope("not_authorized", "Who?"), "unchanged", ["WEBFLOW_USERS_TOKEN"]],
  [401, page, "unchanged", ["WEBFLOW_USERS_TOKEN"]],
  [403, page, "unchanged", ["WEBFLOW_USERS_TOKEN"]],
  [403, envelope("missing_scopes", "No scope"), "unchanged", ["WEBFLOW_USERS_TOKEN", "users:write"]],
  [403, envelope("forbidden", "Not yours"), "unchanged", ["WEBFLOW_USERS_TOKEN", "site"]],
  [403, envelope("users_not_enabled", "Off"), "unchanged", ["enable users"]],
  [404, envelope("user_not_found", "Nobody"), "unchanged", ["webflow-users list SITE", "--store"]],
  [404, envelope("resource_not_found", "Nowhere"), "unchanged", ["webflow-users site list", "--store"]],
  [404, page, "unchanged", ["--store", "https://users.example.com/v2"]],
  [409, envelope("conflict", "No"), "unchanged", ["whoever runs the server"]],
  [302, "", "unchanged", ["--store"]],
  [429, envelope("too_many_requests", "Slow down"), "unchanged", ["Run", "WEBFLOW_USERS_UPSTREAM_RATE"]],
  [500, envelope("internal_error", "Oops"), "unknown", ["Run the same command again"]],
  [503, page, "unknown", ["Run the same command again"]],
  [200, page, "unknown", ["--store"]],
]

describe("an update that another server", { concurrent: true }, () => {
  it.each(answers)("answers with %i %s is %s", async (status, body, outcome, named) => {
    await using server = await serve(() => ({ status, body }))
    const error = errorIn(await cli(rename("--store", server.address), { env: once }))
    expect(error).toMatchObject({ user: ada.id, outcome })
    for (const name of named) expect(error["nextStep"]).toContain(name)
    // Where trying again might have helped, it says that nobody did.
    expect(error["attempts"]).toBe(status === 429 || status >= 500 ? 1 : undefined)
  })

  it("does not answer in time is unknown", async () => {
    await using server = await serve(() => undefined)
    const env = { ...twice, WEBFLOW_USERS_UPSTREAM_TIMEOUT: "100 millis" }
    expect(errorIn(await cli(rename("--store", server.address), { env }))).toMatchObject({
      tag: "TimedOut",
      outcome: "unknown",
      attempts: 2,
      nextStep: expect.stringContaining("WEBFLOW_USERS_UPSTREAM_TIMEOUT"),
    })
  })

  it("cuts off is unknown", async () => {
    await using server = await serve((request) => void request.socket.destroy())
    expect(errorIn(await cli(rename("--store", server.address), { env: twice }))).toMatchObject({
      tag: "ConnectionLost",
      outcome: "unknown",
      attempts: 2,
    })
  })

  it("was never reached by is unchanged, however often it was tried", async () => {
    const { address } = await (async () => {
      await using server = await serve(() => undefined)
      return server
    })()
    expect(errorIn(await cli(rename("--store", address), { env: twice }))).toMatchObject({
      tag: "Unreachable",
      outcome: "unchanged",
      attempts: 2,
      nextStep: expect.stringContaining("--store"),
    })
  })

  it("failed at before it could no longer be reached is unknown", async () => {
    await using server = await serve((_, { close }) => {
      close()
      return { status: 500, headers: { connection: "close" }, body: envelope("internal_error", "Oops") }
    })
    expect(errorIn(await cli(rename("--store", server.address), { env: twice }))).toMatchObject({
      tag: "Unreachable",
      outcome: "unknown",
      attempts: 2,
    })
  })

  it("is asked over TLS and does not speak it is unchanged", async () => {
    await using server = await serve(() => undefined)
    const error = errorIn(await cli(rename("--store", server.address.replace("http:", "https:")), { env: once }))
    expect(error).toMatchObject({ tag: "TlsFailed", outcome: "unchanged" })
    expect(error["nextStep"]).toContain("NODE_EXTRA_CA_CERTS")
  })

  it("fails at before anything is sent is unchanged", async () => {
    const broken = { status: 500, body: envelope("internal_error", "Oops") }
    await using server = await serveUsers([ada], ({ method }) => (method === "GET" ? broken : undefined))
    const to = ["--store", server.address]
    for (const args of [
      ["update", siteId, "ada@example.com", "--name", "Al", ...to],
      ["update", siteId, ada.id, "--add-group", "gold", ...to],
    ]) {
      expect(errorIn(await cli(args, { env: once }))).toMatchObject({ tag: "InternalError", outcome: "unchanged" })
    }
    expect(server.sent).toEqual([])
  })
})

describe("a command that changes nothing", { concurrent: true }, () => {
  it.each([
    [["get", siteId, "ada@example.com"], "ada@example.com"],
    [["get", siteId, ada.id], ada.id],
    [["list", siteId], undefined],
    [rename("--dry-run"), ada.id],
  ])("says nothing of an outcome: %j", async (args, user) => {
    await using server = await serve(() => ({ status: 500, body: envelope("internal_error", "Oops") }))
    const error = errorIn(await cli([...args, "--store", server.address], { env: twice }))
    expect(error).toMatchObject({ tag: "InternalError", attempts: 2, nextStep: expect.stringContaining("Run") })
    expect(error).not.toHaveProperty("outcome")
    expect(error["user"]).toBe(user)
  })
})

it.each([
  ["0.5", "Wait 1 second, then run the same command again"],
  ["60", "Wait 60 seconds, then run the same command again"],
  ["600", "Wait 10 minutes, then run the same command again"],
  ["86400", "Wait 24 hours, then run the same command again"],
])("Retry-After: %s is told in words", async (seconds, words) => {
  const answer = { status: 429, headers: { "retry-after": seconds }, body: envelope("too_many_requests", "Slow down") }
  await using server = await serve(() => answer)
  const error = errorIn(await cli(rename("--store", server.address), { env: once }))
  expect(error).toMatchObject({ retryAfter: Number(seconds), nextStep: expect.stringContaining(words) })
})

it("an answer of something in between can be recognised, and asked about", async () => {
  await using server = await serve(() => ({ status: 502, headers: { "cf-ray": "8f0-AMS" }, body: page }))
  const error = errorIn(await cli(rename("--store", server.address), { env: once }))
  expect(error).toMatchObject({ excerpt: page, requestId: "8f0-AMS" })
})

describe("a store of one's own", { concurrent: true }, () => {
  it.each([
    [["update", siteId, "ffffffffffffffffffffffff", "--name", "x"], "UserNotFound", "webflow-users list SITE"],
    [["update", "ffffffffffffffffffffffff", ada.id, "--name", "x"], "SiteNotFound", "--store"],
    [["update", siteId, "ada", "--name", "x"], "InvalidId", "24 hexadecimal"],
    [["update", siteId, ada.id, "--data", "{"], "BadRequest", "--data"],
    [["update", siteId, ada.id, "--data", "@nowhere.json"], "UnreadableInput", "Correct"],
    [["token", "revoke", "ffffffffffffffffffffffff"], "TokenNotFound", "token list"],
  ])("%j says what to do next, and nothing of tries", async (args, tag, named) => {
    const error = errorIn(await (await seeded()).cli(args))
    expect(error).toMatchObject({ tag, nextStep: expect.stringContaining(named) })
    expect(error).not.toHaveProperty("attempts")
    if (args[0] === "update") expect(error).toMatchObject({ user: args[2], outcome: "unchanged" })
  })

  it("that fails is no internal error to who owns it", async () => {
    const store = await seeded()
    store.query("DROP TABLE user_events")
    const error = errorIn(await store.cli(rename()))
    expect(error).toMatchObject({
      tag: "StoreUnavailable",
      message: "The store could not be read or written",
      outcome: "unchanged",
      nextStep: expect.stringContaining("disk"),
    })
    expect(error).not.toHaveProperty("attempts")
  })

  it("with something in it that nobody expects leaves open what was done", async () => {
    const store = await seeded()
    store.query(`UPDATE users SET document = '{"hush": 1}'`)
    expect(errorIn(await store.cli(rename()))).toMatchObject({ tag: "Unexpected", user: ada.id, outcome: "unknown" })
  })
})

describe("no secret is told", { concurrent: true }, () => {
  const token = "wfu_hush/hush"
  const said = `Who is ${token}?`
  const answersWith: ReadonlyArray<readonly [where: string, answer: Answer]> = [
    ["as a message", { status: 401, body: envelope("not_authorized", said) }],
    ["among details", { status: 400, body: envelope("validation_error", "No", [{ param: token, description: said }]) }],
    ["as a code", { status: 409, body: envelope(token, "No") }],
    ["in a page", { status: 500, body: `<html>${said}</html>` }],
    ["in a page for a success", { status: 200, body: `<html>${said}</html>` }],
    ["as a user", { status: 200, body: JSON.stringify({ ...ada, id: token }) }],
    ["in a header", { status: 500, headers: { "x-request-id": token }, body: envelope("internal_error", "No") }],
    ["in a redirect", { status: 302, headers: { location: `https://example.com/${token}` }, body: "" }],
  ]
  it.each(answersWith)("that a server repeats %s", async (_, answer) => {
    await using server = await serve(() => answer)
    const env = { ...once, WEBFLOW_USERS_TOKEN: token }
    for (const args of [rename(), ["get", siteId, "ada@example.com"], ["list", siteId]]) {
      const outcome = await cli([...args, "--debug", "--store", server.address], { env })
      expect(outcome.code).not.toBe(0)
      expect(outcome.stdout + outcome.stderr).not.toContain("hush")
    }
    expect(server.requests[0]?.headers.authorization).toBe(`Bearer ${token}`)
  })

  it.each([
    ["a token that cannot be sent", { WEBFLOW_USERS_TOKEN: "hush\nhush" }, "http://127.0.0.1:1/v2"],
    ["a password in an address", { WEBFLOW_USERS_TOKEN: "hush-hush" }, "http://me:hush@127.0.0.1:1/v2"],
    ["a password in an address that is none", {}, "http://me:hush@[127/v2"],
  ])("of %s", async (_, env, store) => {
    const outcome = await cli(rename("--debug", "--store", store), { env: { ...once, ...env } })
    expect(outcome.code).toBe(2)
    expect(outcome.stdout + outcome.stderr).not.toContain("hush")
  })
})

describe("settings", { concurrent: true }, () => {
  it.each(Object.values(UpstreamSettings.settings).map(({ variable, expected }) => [variable, expected]))(
    "%s has to be what it can be",
    async (variable, expected) => {
      const store = fresh()
      const outcome = await store.cli(rename("--store", "http://127.0.0.1:1/v2"), { env: { [variable]: "0" } })
      expect(outcome.code).toBe(2)
      expect(errorIn(outcome)).toMatchObject({
        tag: "UnusableSetting",
        code: "unusable_setting",
        status: null,
        message: `${variable} has to be ${expected}`,
        nextStep: expect.any(String),
      })
    },
  )

  it.each([
    ["WEBFLOW_USERS_EMAIL_AND_PASSWORD", "refuse or ignore"],
    ["WEBFLOW_USERS_ECOMMERCE_GROUPS", "keep or replace"],
  ])("%s has to be %s", async (variable, values) => {
    const store = await seeded()
    const outcome = await store.cli(rename(), { env: { [variable]: "burn" } })
    expect(outcome.code).toBe(2)
    expect(errorIn(outcome)).toMatchObject({ tag: "UnusableSetting", message: `${variable} has to be ${values}` })
    expect(store.user(ada.id)).toEqual(ada)
  })

  it("of another server are told by --help, with what they are where nobody says", async () => {
    const { stdout } = await cli(["--help"])
    for (const { variable, standard } of Object.values(UpstreamSettings.settings)) {
      const line = stdout.split("\n").find((text) => text.includes(variable))
      expect(line).toMatch(new RegExp(`^ +${variable} +\\w.+\\(${standard}\\)$`))
    }
  })
})
