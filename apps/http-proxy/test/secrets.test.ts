/** What the process says of its callers and of the users it keeps: nothing, whatever goes wrong. */
import { createHash } from "node:crypto"
import { once } from "node:events"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { buffer } from "node:stream/consumers"
import { mkdtemp, rm } from "node:fs/promises"
import { DatabaseSync } from "node:sqlite"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { AccessTokens, parseSiteId, type SiteId, type User, UserId } from "@webflow-users/core"
import { Effect } from "effect"
import { expect, it } from "vitest"
import { database, outsider } from "../../../test/postgres.ts"
import { open } from "./proxy.ts"
import { dial, request } from "./raw.ts"
import * as Spawned from "./spawned.ts"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const member = (index: number): User => ({
  id: UserId.make(`6287ec36a841b25637c6630${index}`),
  lastUpdated: "2024-05-20T13:46:12.093Z",
  accessGroups: [{ slug: "Confidential-group", type: "admin" }],
  data: { name: `Confidential-name-${index}`, email: `confidential-${index}@example.com`, drink: "Confidential-drink" },
})
const users = [member(1), member(2)]

/** Everything that the proxy can tell, asked for: but for ids, which are told to who asks for them by name. */
const telling = async () => {
  const posted: Array<string> = []
  const collector = createServer(async (incoming, response) => {
    posted.push(JSON.stringify(incoming.headers) + (await buffer(incoming)).toString("latin1"))
    response.end()
  }).listen(0, "127.0.0.1")
  await once(collector, "listening")
  const { port } = collector.address() as AddressInfo
  return {
    posted,
    args: ["--metrics-port", "0", "--log-level", "debug"],
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`, OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" },
    [Symbol.dispose]: () => {
      collector.closeAllConnections()
      collector.close()
    },
  }
}

it("neither users' data nor tokens are in what the process says, though it says what failed", async () => {
  const folder = await mkdtemp(join(tmpdir(), "webflow-users-secrets-"))
  const file = join(folder, "users.db")
  await using store = open(`file:${file}`)
  await store.add({ id: siteId, users })
  const outdated = await store.token(siteId, undefined, { label: "Confidential-label" })
  const rotated = AccessTokens.AccessTokens.use((tokens) => tokens.rotate(String(outdated.split("_")[1])))
  const token = (await store.run(rotated))?.token ?? ""
  const wrongToken = `wfu_${"0".repeat(24)}_${"c0ffee00".repeat(8)}`

  using told = await telling()
  await using proxy = await Spawned.start(`file:${file}`, told)
  const path = (index: number) => `/v2/sites/${siteId}/users/${users[index]?.id}`
  const headers = [`Authorization: Bearer ${token}`, "Content-Type: application/json", "X-Api-Key: Confidential-header"]
  const statuses: Array<number | undefined> = []
  const send = async (bytes: string) => {
    using connection = await dial(proxy.origin)
    connection.send(bytes)
    statuses.push((await connection.next())?.status)
  }
  const patch = (body: string, index = 0) => request(`PATCH ${path(index)}?key=Confidential-query`, headers, body)

  // What goes well, and what is refused.
  await send(patch('{"data":{"name":"Confidential-new-name","drink":"Confidential-new-drink"}}'))
  await send(request(`GET ${path(0)}`, [...headers, "X-Request-Id: confidential@example.com"]))
  await send(request(`GET /v2/sites/${siteId}/users?sort=Confidential-sort`, headers))
  await send(request(`GET ${path(0)}`, [`Authorization: Bearer ${wrongToken}`]))
  await send(request(`GET ${path(0)}`, [`Authorization: Basic ${btoa("Confidential-user:Confidential-password")}`]))
  await send(request("GET /Confidential-path", headers))
  await send(request("GET /v2/sites/Confidential-site/users", headers))
  await send(patch('{"data":{"password":"Confidential-password"},"Confidential-key":1}'))
  await send(patch('{"data":{"email":"Confidential-other@example.com"}}'))
  await send(patch('{"data":"Confidential-not-json'))
  await send(patch(JSON.stringify({ data: { name: "Confidential-long".repeat(100_000) } })))
  await send(request(`PATCH ${path(0)}`, [...headers.slice(0, 1), "Content-Type: Confidential/type"], "Confidential"))
  // Tokens in every way that one can be wrong: half of one, one of before, one for another id, one that is none.
  for (const wrong of [token.slice(0, -8), outdated, token.replace(/wfu_./, "wfu_x"), "Confidential-token"]) {
    await send(request(`GET ${path(0)}`, [`Authorization: Bearer ${wrong}`]))
  }
  await send("Confidential-garbage\r\n\r\n")
  await send(request(`GET ${path(0)}`, [`X-A: ${"Confidential-header".repeat(2_000)}`]))
  // What fails for reasons that nobody outside is told: a document that is damaged, a table that is gone.
  const damaged = new DatabaseSync(file)
  damaged.prepare("UPDATE users SET document = ? WHERE id = ?").run('{"data":"Confidential-damage"}', member(2).id)
  damaged.exec("ALTER TABLE user_events RENAME TO gone")
  damaged.close()
  await send(patch("{}", 1))
  await send(patch('{"data":{"name":"Confidential-unkept"}}', 0))
  const asked = [200, 200, 400, 401, 401, 404, 400, 400, 400, 400, 413, 400]
  expect(statuses).toEqual([...asked, 401, 401, 401, 401, 400, 431, 500, 503])

  const metrics = await (await fetch(proxy.metrics())).text()
  const { code, stdout, stderr } = await proxy.end("SIGTERM")
  const said = [stdout, stderr, metrics, ...told.posted].join("\n")
  expect(code).toBe(0)
  expect(said).toContain("listens on")
  for (const reason of ["no_token", "malformed", "unknown", "wrong_secret"])
    expect(said).toContain(`"reason":"${reason}"`)
  expect(said).toContain("A request failed unexpectedly")
  expect(said).toContain("The store is unavailable")
  expect(Spawned.linesOf(stderr).filter(({ message }) => message === "request")).toHaveLength(statuses.length)
  expect(metrics).toContain("webflow_users_http_requests_total")
  expect(told.posted.join()).toContain("UserStore.update")
  const secrets = [
    /confidential/i,
    new RegExp(btoa("Confidential-user:Confidential-password")),
    new RegExp(token),
    new RegExp(String(token.split("_")[2])),
    ...[token, outdated].map((one) => new RegExp(String(one.split("_")[2]).slice(0, 12))),
    /wfu_/,
    new RegExp(wrongToken),
    new RegExp(createHash("sha256").update(token).digest("hex")),
    ...users.map(({ id }) => new RegExp(id)),
  ]
  expect(secrets.filter((secret) => secret.test(said))).toEqual([])
  await rm(folder, { recursive: true })
})

it("what PostgreSQL says of a row that it does not take is not said, though that it failed is", async () => {
  const check = Effect.gen(function* () {
    const address = yield* database()
    const client = yield* outsider(address)
    yield* Effect.promise(async () => {
      await using store = open(address)
      await store.add({ id: siteId, users })
      const token = await store.token(siteId)
      await client.query("ALTER TABLE users ADD CONSTRAINT no_more CHECK (document NOT LIKE '%unkept%')")
      using told = await telling()
      await using proxy = await Spawned.start(address, told)
      const refused = await fetch(`${proxy.origin}/v2/sites/${siteId}/users/${users[0]?.id}`, {
        method: "PATCH",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: JSON.stringify({ data: { name: "Confidential-unkept" } }),
      })
      expect(refused.status).toBe(503)
      const { stdout, stderr } = await proxy.end("SIGTERM")
      const said = [await refused.text(), stdout, stderr, ...told.posted].join("\n")
      expect(said).toContain("no_more")
      expect(told.posted.join()).toContain("StoreUnavailable")
      expect(said).not.toMatch(/confidential/i)
      for (const { id } of users) expect(said).not.toContain(id)
    })
  })
  await Effect.runPromise(Effect.scoped(check))
})
