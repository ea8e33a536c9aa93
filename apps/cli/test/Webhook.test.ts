/** `webhook …` of the built command line, against a real receiver. */
import { createHmac } from "node:crypto"
import { describe, expect, it } from "vitest"
import { receive } from "../../../packages/stores/test/receiver.ts"
import { ada, bo, errorIn, fresh, otherSiteId, seeded, siteId } from "./run.ts"
import { hasTerminal, show } from "./terminal.ts"

type Store = Awaited<ReturnType<typeof seeded>>

const url = "https://hooks.example.com/users?key=hush"
const webhook = async (store: Store, ...args: ReadonlyArray<string>) => {
  const outcome = await store.cli(["webhook", ...args])
  expect(outcome).toMatchObject({ code: 0, stderr: "" })
  return JSON.parse(outcome.stdout)
}
const add = (store: Store, target = url, ...more: ReadonlyArray<string>) =>
  webhook(store, "add", "--site", siteId, "--url", target, ...more)
const update = async (store: Store, user: string, name: string) =>
  expect(await store.cli(["update", siteId, user, "--name", name])).toMatchObject({ code: 0 })

/** As a worker leaves what it has given up. */
const park = (store: Store) =>
  store.query(`UPDATE webhook_deliveries SET state = 'parked', attempts = 4, failed_at = '2026-11-25T09:00:00.000Z',
    failure_status = 500, failure_reason = 'It answered 500, and only 200 is a success'`)

describe("webhook", { concurrent: true }, () => {
  it("add gives its secret once; list has the rest, and how it stands", async () => {
    const store = await seeded()
    const { secret, ...added } = await add(store)
    expect(Object.keys(added)).toEqual(["id", "siteId", "url", "createdOn"])
    expect(secret).toMatch(/^[0-9a-f]{64}$/)
    expect(await webhook(store, "list")).toEqual([{ ...added, pending: 0, parked: 0, lastFailure: null }])
    expect(store.query("SELECT secret FROM webhooks")).toEqual([{ secret }])
    const other = await add(store)
    expect(other.secret).not.toBe(secret)
  })

  it("list of a store that is new is empty", async () => {
    expect(await webhook(fresh(), "list")).toEqual([])
  })

  it("update and bulk have their updates told, and deliveries lists them", async () => {
    const store = await seeded()
    const { id } = await add(store)
    await update(store, ada.id, "Ada L.")
    const bulk = await store.cli(["bulk", siteId, "-", "--format", "csv", "--yes"], {
      input: `id,name\n${bo.id},Bo B.\n`,
    })
    expect(bulk.code).toBe(0)
    const deliveries = await webhook(store, "deliveries", id)
    expect(deliveries).toMatchObject([
      { userId: ada.id, state: "pending", attempts: 0, lastFailure: null },
      { userId: bo.id, state: "pending", attempts: 0, lastFailure: null },
    ])
    expect(await webhook(store, "list")).toMatchObject([{ pending: 2, parked: 0 }])
    // A dry run changes nothing, and so tells nothing.
    await store.cli(["update", siteId, ada.id, "--name", "Nobody", "--dry-run"])
    expect(await webhook(store, "list")).toMatchObject([{ pending: 2 }])
  })

  it("shows what is parked and why; replay has it told anew, by default or with --parked", async () => {
    const store = await seeded()
    const { id } = await add(store)
    for (const more of [[], ["--parked"]]) {
      await update(store, ada.id, "Ada L.")
      park(store)
      const failure = {
        at: "2026-11-25T09:00:00.000Z",
        status: 500,
        reason: "It answered 500, and only 200 is a success",
      }
      const [one] = await webhook(store, "list")
      expect(one).toMatchObject({ pending: 0, lastFailure: failure })
      expect(await webhook(store, "deliveries", id)).toMatchObject([
        { state: "parked", attempts: 4, lastFailure: failure },
      ])
      expect(await webhook(store, "replay", id, ...more)).toEqual({ id, replayed: 1 })
      expect(await webhook(store, "deliveries", id)).toMatchObject([{ state: "pending", attempts: 0 }])
      store.query("DELETE FROM webhook_deliveries")
    }
    expect(await webhook(store, "replay", id)).toEqual({ id, replayed: 0 })
  })

  it("replay --since has every update since then told anew", async () => {
    const store = await seeded()
    await update(store, ada.id, "Before there was a webhook")
    await update(store, ada.id, "And once more")
    store.query("UPDATE user_events SET at = '2026-11-24T23:59:59.999Z' WHERE sequence = 1")
    store.query("UPDATE user_events SET at = '2026-11-25T00:00:00.000Z' WHERE sequence = 2")
    const { id } = await add(store)
    expect(await webhook(store, "replay", id, "--since", "2026-11-25T01:00:00.001+01:00")).toMatchObject({
      replayed: 0,
    })
    expect(await webhook(store, "replay", id, "--since", "2026-11-25")).toMatchObject({ replayed: 1 })
    // What is pending from before is told anew too.
    expect(await webhook(store, "replay", id, "--since", "2026-11-24T23:59:59Z")).toMatchObject({ replayed: 2 })
    expect(await webhook(store, "deliveries", id)).toMatchObject([{ sequence: 1 }, { sequence: 2 }])
  })

  it.each([["yesterday"], ["2026-13-01"], ["2026-11-25T09:00:00"], ["25.11.2026"], [""]])(
    "replay --since=%s is refused, and it is said what a date is",
    async (since) => {
      const store = await seeded()
      const { id } = await add(store)
      const outcome = await store.cli(["webhook", "replay", id, `--since=${since}`])
      expect(outcome.code).toBe(2)
      expect(errorIn(outcome)).toMatchObject({ tag: "Usage", message: expect.stringMatching(/such as 2026-11-25/) })
    },
  )

  it("replay of what is parked, and since a day, at once is refused", async () => {
    const store = await seeded()
    const { id } = await add(store)
    const outcome = await store.cli(["webhook", "replay", id, "--parked", "--since", "2026-11-25"])
    expect(outcome.code).toBe(2)
    expect(errorIn(outcome)).toMatchObject({ tag: "Usage", message: expect.stringContaining("leave out --parked") })
  })

  it("test sends a signed sample, tells the status, and leaves the outbox alone", async () => {
    await using receiver = await receive()
    const store = await seeded()
    const { id, secret } = await add(store, receiver.url, "--allow-private-webhooks")
    await update(store, ada.id, "Ada L.")
    expect(await webhook(store, "test", id, "--allow-private-webhooks")).toEqual({ id, status: 200 })
    const [{ headers, body, payload }, ...more] = receiver.received as [(typeof receiver.received)[0]]
    expect([more, payload.data["sample"], payload.data["name"]]).toEqual([[], true, "Sample User"])
    expect(headers["x-webflow-signature"]).toBe(
      createHmac("sha256", secret).update(`${headers["x-webflow-timestamp"]}:${body}`).digest("hex"),
    )
    expect(await webhook(store, "list")).toMatchObject([{ pending: 1, parked: 0 }])
  })

  it("test tells what a receiver answered that does not do, and a variable allows where it goes", async () => {
    await using receiver = await receive((_, response) => response.writeHead(302, { location: "/" }).end())
    const store = await seeded()
    const { id } = await add(store, receiver.url, "--allow-private-webhooks")
    const refused = await store.cli(["webhook", "test", id])
    expect(refused.code).toBe(1)
    expect(errorIn(refused)).toMatchObject({
      code: "delivery_failed",
      message: expect.stringContaining("is not public"),
    })
    const answered = await store.cli(["webhook", "test", id], { env: { WEBFLOW_USERS_ALLOW_PRIVATE_WEBHOOKS: "true" } })
    expect(answered.code).toBe(1)
    expect(errorIn(answered)).toMatchObject({
      tag: "DeliveryFailed",
      status: 302,
      message: "It answered 302, and only 200 is a success",
    })
  })

  it("remove takes one away with what it had to tell, and leaves the others", async () => {
    const store = await seeded()
    const [first, second] = [await add(store), await add(store)]
    await update(store, ada.id, "Ada L.")
    expect(await webhook(store, "remove", first.id)).toEqual({ id: first.id, removed: true })
    expect(await webhook(store, "list")).toMatchObject([{ id: second.id, pending: 1 }])
    expect(store.query("SELECT webhook_id FROM webhook_deliveries")).toEqual([{ webhook_id: second.id }])
  })

  it.each([["remove"], ["replay"], ["test"], ["deliveries"]])("%s of an id that is none says so", async (command) => {
    const store = await seeded()
    const outcome = await store.cli(["webhook", command, "6287ec36a841b25637c663df"])
    expect(outcome.code).toBe(6)
    expect(errorIn(outcome)).toMatchObject({
      tag: "WebhookNotFound",
      code: "webhook_not_found",
      nextStep: expect.stringContaining("webflow-users webhook list"),
    })
  })

  it.each([
    [["--site", siteId], 2, "Usage", "url"],
    [["--url", url], 2, "Usage", "site"],
    [["--site", "mine", "--url", url], 2, "InvalidId", "Provided ID is invalid"],
    [["--site", otherSiteId, "--url", url], 6, "SiteNotFound", "site"],
    [["--site", siteId, "--url", "hooks.example.com"], 2, "InvalidPatch", "https: or http:"],
    [["--site", siteId, "--url", "file:///etc/passwd"], 2, "InvalidPatch", "https: or http:"],
    [["--site", siteId, "--url", "https://me:hush@example.com/"], 2, "InvalidPatch", "user name or a password"],
    [["--site", siteId, "--url", "http://localhost/"], 2, "InvalidPatch", "--allow-private-webhooks"],
    [["--site", siteId, "--url", "http://169.254.169.254/latest"], 2, "InvalidPatch", "is not public"],
    [["--site", siteId, "--url", "http://[::ffff:10.0.0.1]/"], 2, "InvalidPatch", "is not public"],
    [["--site", siteId, "--url", `https://example.com/${"x".repeat(2050)}`], 2, "InvalidPatch", "2048"],
  ])("add %j is refused", async (args, code, tag, words) => {
    const store = await seeded()
    const outcome = await store.cli(["webhook", "add", ...args])
    expect(outcome.code).toBe(code)
    const error = errorIn(outcome)
    expect(error).toMatchObject({ tag })
    expect(JSON.stringify(error)).toContain(words)
    expect(JSON.stringify(error)).not.toContain("hush@")
    expect(store.query("SELECT * FROM webhooks")).toEqual([])
  })

  it.each(["memory:", "https://users.example.com/v2"])("a store like %s has none", async (address) => {
    const outcome = await fresh().cli(["webhook", "list"], { env: { WEBFLOW_USERS_STORE: address } })
    expect(outcome.code).toBe(2)
    expect(errorIn(outcome)).toMatchObject({
      tag: "UnusableAddress",
      message: expect.stringContaining("Webhooks need"),
    })
  })
})

describe.skipIf(!hasTerminal)("webhook on a terminal", { concurrent: true }, () => {
  it("add shows the secret, and how to check by it", async () => {
    const store = await seeded()
    const { code, lines } = await show(store, ["webhook", "add", "--site", siteId, "--url", url])
    expect(code).toBe(0)
    const [{ id, secret }] = store.query("SELECT id, secret FROM webhooks") as [{ id: string; secret: string }]
    expect(lines[0]).toBe(`Webhook ${id} tells of the updates of site ${siteId} from now on, signed by this secret:`)
    expect(lines).toContain(secret)
    expect(lines.join("\n")).toMatch(/only time.*HMAC-SHA256.*webflow-users webhook test/s)
  })

  it("list, deliveries and replay say how it stands", async () => {
    const store = await seeded()
    expect((await show(store, ["webhook", "list"])).lines).toEqual(["No webhooks"])
    const { id } = await add(store)
    expect((await show(store, ["webhook", "deliveries", id])).lines).toEqual(["Everything was told"])
    await update(store, ada.id, "Ada L.")
    park(store)
    const failure = "2026-11-25T09:00:00.000Z: It answered 500, and only 200 is a success"
    const [head, row] = (await show(store, ["webhook", "list"])).lines as [string, string]
    expect(head.split(/ {2,}/)).toEqual(["ID", "SITE", "URL", "PENDING", "PARKED", "LAST FAILURE"])
    expect(row.split(/ {2,}/)).toEqual([id, siteId, url, "0", "1", failure])
    const [, delivery] = (await show(store, ["webhook", "deliveries", id])).lines as [string, string]
    expect(delivery.split(/ {2,}/)).toEqual(["1", ada.id, "parked", "4 times", failure])
    expect((await show(store, ["webhook", "replay", id])).lines).toEqual(["1 update will be told anew"])
    expect((await show(store, ["webhook", "remove", id])).lines).toEqual([`Removed ${id}`])
  })
})
