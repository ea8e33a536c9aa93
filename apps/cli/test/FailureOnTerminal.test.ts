/** What a person sees of what fails, and while the command waits. */
import { describe, expect, it } from "vitest"
import { ada, fresh, siteId } from "./run.ts"
import { type Answer, envelope, serve, serveUsers } from "./server.ts"
import { hasTerminal, show } from "./terminal.ts"

const rename = ["update", siteId, "ada@example.com", "--name", "Al"]
const renameById = ["update", siteId, ada.id, "--name", "Al"]
const once = { WEBFLOW_USERS_UPSTREAM_ATTEMPTS: "1" }
const twice = { WEBFLOW_USERS_UPSTREAM_ATTEMPTS: "2" }
const internalError = { status: 500, body: envelope("internal_error", "An Internal Error occurred") }
const again = "run the same command again"

describe.skipIf(!hasTerminal)("on a terminal", { concurrent: true }, () => {
  it("a server that fails at updates", async () => {
    await using server = await serveUsers([ada], ({ method }) =>
      method === "PATCH" ? { ...internalError, headers: { "x-request-id": "req-7", "retry-after": "0" } } : undefined,
    )
    expect(await show(fresh(), [...rename, "--store", server.address], twice)).toEqual({
      code: 5,
      lines: [
        "The server answered 500. Trying again …",
        "Error: An Internal Error occurred",
        "  User ada@example.com: whether the update was made is not known; to make it twice does no harm. It was tried 2 times.",
        "  The server calls this request req-7.",
        `  Next: ${again}. If it fails for long, ask whoever runs the server.`,
      ],
    })
  })

  it("a server that is silent", async () => {
    await using server = await serve(() => undefined)
    const env = { ...twice, WEBFLOW_USERS_UPSTREAM_TIMEOUT: "100 millis" }
    const { code, lines } = await show(fresh(), ["get", siteId, ada.id, "--store", server.address], env)
    expect(code).toBe(5)
    expect(lines.slice(0, 2)).toEqual([
      "The server did not answer in time. Trying again …",
      "Error: The server did not answer in time",
    ])
    expect(lines.slice(3)).toEqual([
      `  User ${ada.id}. It was tried 2 times.`,
      `  Next: ${again}. To wait longer, set WEBFLOW_USERS_UPSTREAM_TIMEOUT, as in WEBFLOW_USERS_UPSTREAM_TIMEOUT="2 minutes", and WEBFLOW_USERS_UPSTREAM_DEADLINE for all tries together.`,
    ])
  })

  it("a server that is not there", async () => {
    expect(await show(fresh(), [...renameById, "--store", "http://127.0.0.1:1/v2"], once)).toEqual({
      code: 5,
      lines: [
        "Error: The server could not be reached",
        "  connect ECONNREFUSED 127.0.0.1:1: nothing listens there",
        `  User ${ada.id}: nothing was changed. It was tried once.`,
        `  Next: check --store (or WEBFLOW_USERS_STORE), and that the server runs; then ${again}.`,
      ],
    })
  })

  it("a server that does not speak TLS", async () => {
    await using server = await serve(() => undefined)
    const store = server.address.replace("http:", "https:")
    expect((await show(fresh(), [...renameById, "--store", store])).lines.slice(0, 3)).toEqual([
      "Error: No secure connection to the server could be made",
      "  wrong version number: the server does not speak TLS, so it may want http:",
      `  User ${ada.id}: nothing was changed.`,
    ])
  })

  it("a page of a gateway, which cannot reach the terminal", async () => {
    const body = "<html>\r\n  <h1>502 \u001b[31m\u009b2J\u202eBad Gateway</h1>"
    const headers = { "cf-ray": "8f0\u009b2J-AMS" }
    await using server = await serve(() => ({ status: 502, headers, body }))
    expect(await show(fresh(), [...renameById, "--store", server.address], once)).toEqual({
      code: 5,
      lines: [
        "Error: The server's answer is not one of the contract",
        "  Status 502, and it begins: <html> <h1>502 [31m2JBad Gateway</h1>",
        `  User ${ada.id}: whether the update was made is not known; to make it twice does no harm. It was tried once.`,
        "  The server calls this request 8f02J-AMS.",
        `  Next: ${again}. If it fails for long, ask whoever runs the server.`,
      ],
    })
  })

  it("an error that is on no list", async () => {
    await using server = await serve(() => ({ status: 409, body: envelope("conflict", "Somebody else was faster") }))
    expect(await show(fresh(), ["list", siteId, "--store", server.address])).toEqual({
      code: 1,
      lines: [
        "Error: Somebody else was faster",
        "  Status 409, conflict",
        "  Next: ask whoever runs the server what it means.",
      ],
    })
  })

  it("a token that is not known", async () => {
    await using server = await serve(() => ({
      status: 401,
      body: envelope("not_authorized", "Request not authorized"),
    }))
    const { code, lines } = await show(fresh(), [...renameById, "--store", server.address])
    expect(code).toBe(3)
    expect(lines).toEqual([
      "Error: Request not authorized",
      `  User ${ada.id}: nothing was changed.`,
      expect.stringMatching(/^ {2}Next: set WEBFLOW_USERS_TOKEN to a token that /),
    ])
  })

  it("a pause that the server asks for is told, and what was wanted is done after it", async () => {
    const answers: Array<Answer> = [
      { status: 429, headers: { "retry-after": "0.1" }, body: envelope("too_many_requests", "Slow down") },
    ]
    await using server = await serveUsers([ada], () => answers.shift())
    expect((await show(fresh(), [...renameById, "--store", server.address])).lines).toEqual([
      "The server asks to wait 1 second.",
      "The server answered 429. Trying again …",
      `Updated ada@example.com (${ada.id})`,
      '  name: "Al"',
    ])
  })

  it("what a server says stays harmless with --json and --debug", async () => {
    const evil = "\u001b[31m\u009b2J\u0007\u202ered\nnext"
    const body = envelope("validation_error", evil, [evil, { param: evil, description: evil }, { [evil]: evil }])
    await using server = await serve(() => ({ status: 400, body }))
    const args = [...renameById, "--store", server.address, "--debug"]
    for (const flags of [[], ["--json"]]) {
      const { lines } = await show(fresh(), [...args, ...flags])
      expect(lines.join("\n").match(/[^\n\P{Cc}]/gu) ?? []).toEqual([])
      expect(lines.join("\n")).toContain("next")
    }
  })
})
