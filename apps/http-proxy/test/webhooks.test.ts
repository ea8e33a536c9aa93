/** The built proxy telling a real receiver of updates, and several of them sharing the work. */
import { createHmac } from "node:crypto"
import type { ServerResponse } from "node:http"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setImmediate } from "node:timers/promises"
import { AddWebhook, parseSiteId, type SiteId, type User, UserId, WebhookMessage, Webhooks } from "@webflow-users/core"
import * as OpenApi from "@webflow-users/core/wire/OpenApi"
import { StoreAddress } from "@webflow-users/stores"
import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import { Effect, Exit, Layer, ManagedRuntime, Redacted, Scope } from "effect"
import { Ajv2020 } from "ajv/dist/2020.js"
import { afterAll, describe, expect, it } from "vitest"
import { receive } from "../../../packages/stores/test/receiver.ts"
import { database, outsider } from "../../../test/postgres.ts"
import { open } from "./proxy.ts"
import * as Spawned from "./spawned.ts"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const users = Array.from({ length: 8 }, (_, index): User => ({
  id: UserId.make(`6287ec36a841b25637c6500${index}`),
  accessGroups: [],
  data: { name: "Before", email: `member${index}@example.com` },
}))

const folder = await mkdtemp(join(tmpdir(), "webflow-users-webhooks-"))
afterAll(() => rm(folder, { recursive: true }))
let files = 0
const newFile = () => `file:${folder}/${(files += 1)}.db`

/** Looks often, and may go to this machine. */
const eager: Spawned.Told = { args: ["--webhook-poll-interval", "20 millis", "--allow-private-webhooks"] }

/** A store with the users, a webhook to a receiver, and a token. */
const prepared = async (address: string, url: string) => {
  await using store = open(address)
  await store.add({ id: siteId, users })
  const runtime = ManagedRuntime.make(
    Layer.merge(StoreAddress.layerWithWebhooks(address), NodeCrypto.layerSecureRandom),
  )
  const added = await runtime.runPromise(AddWebhook.addWebhook(siteId, url, () => false))
  const standing = () => runtime.runPromise(Webhooks.use((webhooks) => Effect.map(webhooks.list, ([one]) => one!)))
  /** Goes on when this holds of how the webhook stands. */
  const until = async (holds: (one: Awaited<ReturnType<typeof standing>>) => boolean) => {
    // The receiver is in this process too, and has to have its turns.
    while (!holds(await standing())) await setImmediate()
  }
  return {
    token: await store.token(siteId),
    secret: Redacted.value(added.secret),
    id: added.id,
    standing,
    until,
    isTold: () => until(({ pending }) => pending === 0),
    [Symbol.asyncDispose]: () => runtime.dispose(),
  }
}

/** An update; whether it was acknowledged. */
const update = async (origin: string, token: string, { id }: User, name: string) => {
  const response = await fetch(`${origin}/v2/sites/${siteId}/users/${id}`, {
    method: "PATCH",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ data: { name } }),
  })
  return { status: response.status, user: (await response.json()) as User }
}

const namesOf = ({ received }: Awaited<ReturnType<typeof receive>>) =>
  received.map(({ payload }) => payload.data["name"])

describe("a proxy", () => {
  it("tells the webhook of an update, signed, as Webflow did", async () => {
    await using receiver = await receive()
    const address = newFile()
    await using store = await prepared(address, `${receiver.url}?key=1`)
    await using proxy = await Spawned.start(address, eager)
    const { user } = await update(proxy.origin, store.token, users[0]!, "Zoë")
    await receiver.until((all) => all.length === 1)
    const [{ method, path, headers, body }] = receiver.received as [(typeof receiver.received)[0]]
    expect([method, path, headers["content-type"]]).toEqual(["POST", "/hook?key=1", "application/json"])
    expect(JSON.parse(body)).toEqual({ triggerType: "user_account_updated", payload: user })
    const timestamp = headers["x-webflow-timestamp"]
    expect(Math.abs(Number(timestamp) - Date.parse(user.lastUpdated!))).toBeLessThan(60_000)
    const signature = createHmac("sha256", store.secret).update(`${timestamp}:${body}`).digest("hex")
    expect(headers["x-webflow-signature"]).toBe(signature)
    await store.isTold()
    expect(await proxy.end("SIGTERM")).toMatchObject({ code: 0, stderr: "" })
  })

  it("goes to no address that is not public unless it is allowed to, and names the webhook and its host only", async () => {
    await using receiver = await receive()
    const address = newFile()
    await using store = await prepared(address, `${receiver.url}?key=hush`)
    await using proxy = await Spawned.start(address, { args: ["--webhook-poll-interval", "20 millis"] })
    await update(proxy.origin, store.token, users[0]!, "Personal")
    await store.until(({ lastFailure }) => lastFailure !== undefined)
    expect(await store.standing()).toMatchObject({
      pending: 1,
      lastFailure: { reason: expect.stringMatching(/is not public.*--allow-private-webhooks/) },
    })
    const { stdout, stderr } = await proxy.end("SIGTERM")
    expect(receiver.received).toEqual([])
    expect(stderr).toContain(`"webhook":"${store.id}","host":"${new URL(receiver.url).host}"`)
    expect(stdout + stderr).not.toMatch(/hush|Personal|member\d/)
    expect(stdout + stderr).not.toContain(store.secret)
  })

  it.each<[string, Spawned.Told]>([
    ["--no-webhooks", { args: ["--no-webhooks"] }],
    ["WEBFLOW_USERS_WEBHOOKS=false", { env: { WEBFLOW_USERS_WEBHOOKS: "false" } }],
  ])("delivers none with %s, and they stay", async (_, told) => {
    await using receiver = await receive()
    const address = newFile()
    await using store = await prepared(address, receiver.url)
    await using proxy = await Spawned.start(address, { ...told, args: [...(told.args ?? []), ...eager.args!] })
    await update(proxy.origin, store.token, users[0]!, "x")
    expect(await proxy.end("SIGTERM")).toMatchObject({ code: 0 })
    expect([receiver.received, await store.standing()]).toMatchObject([[], { pending: 1 }])
  })

  it("tries again as often as is set, and parks", async () => {
    await using receiver = await receive((_, response) => response.writeHead(204).end())
    const address = newFile()
    await using store = await prepared(address, receiver.url)
    const args = [...eager.args!, "--webhook-retries", "2", "--webhook-retry-interval", "10 millis"]
    await using _ = await (async () => {
      const proxy = await Spawned.start(address, { args })
      await update(proxy.origin, store.token, users[0]!, "x")
      return proxy
    })()
    await store.until(({ parked }) => parked === 1)
    expect(receiver.received.length).toBe(3)
    expect(await store.standing()).toMatchObject({ pending: 0, lastFailure: { status: 204 } })
  })

  it.each(["SIGTERM", "SIGINT"] as const)(
    "at %s waits for what is under way, keeps it, and ends with 0",
    async (signal) => {
      const held: Array<ServerResponse> = []
      await using receiver = await receive((_, response) => held.push(response))
      const address = newFile()
      await using store = await prepared(address, receiver.url)
      await using proxy = await Spawned.start(address, eager)
      await update(proxy.origin, store.token, users[0]!, "x")
      await receiver.until((all) => all.length === 1)
      const ended = proxy.end(signal)
      // The server has stopped by then.
      await new Promise<void>((resolve) => {
        const look = (): unknown => fetch(`${proxy.origin}/health`).then(look, () => resolve())
        void look()
      })
      held[0]!.end()
      expect(await ended).toMatchObject({ code: 0, signal: null, stderr: "" })
      expect(await store.standing()).toMatchObject({ pending: 0, parked: 0 })
    },
  )

  it.each([
    [["--webhook-retries", "-1"], "a whole number from 0 to 100 (--webhook-retries or WEBFLOW_USERS_WEBHOOK_RETRIES)"],
    [["--webhook-retry-interval", "soon"], "a duration above zero"],
    [["--webhook-poll-interval=0"], "a duration above zero"],
    [["--allow-private-webhooks=perhaps"], "--allow-private-webhooks"],
  ])("does not start with %j, and says what would do", async (args, message) => {
    const { code, stderr } = await Spawned.run({
      args: args as Array<string>,
      env: { WEBFLOW_USERS_STORE: "memory:", PORT: "0" },
    })
    expect(code).toBe(2)
    expect(stderr).toContain(message)
  })
})

describe("several proxies", () => {
  it("on one PostgreSQL tell each update once, those of a user in their order", async () => {
    const scope = Scope.makeUnsafe()
    const address = await Effect.runPromise(Scope.provide(database(), scope))
    await using receiver = await receive()
    {
      await using store = await prepared(address, receiver.url)
      await using one = await Spawned.start(address, eager)
      await using two = await Spawned.start(address, eager)
      const rounds = 25
      await Promise.all(
        users.map(async (user, index) => {
          for (let round = 0; round < rounds; round += 1) {
            const { origin } = (index + round) % 2 === 0 ? one : two
            expect((await update(origin, store.token, user, `${index} ${round}`)).status).toBe(200)
          }
        }),
      )
      await store.isTold()
      expect(receiver.received.length).toBe(users.length * rounds)
      for (const [index, { id }] of users.entries()) {
        const names = receiver.received
          .filter(({ payload }) => payload.id === id)
          .map(({ payload }) => payload.data["name"])
        expect(names).toEqual(Array.from({ length: rounds }, (_, round) => `${index} ${round}`))
      }
    }
    await Effect.runPromise(Scope.close(scope, Exit.void))
  })

  it.each(["SQLite", "PostgreSQL"])(
    "on %s: what one has acknowledged, and is killed over, another tells",
    async (which) => {
      const scope = Scope.makeUnsafe()
      const address = which === "SQLite" ? newFile() : await Effect.runPromise(Scope.provide(database(), scope))
      await using receiver = await receive()
      {
        await using store = await prepared(address, receiver.url)
        const acknowledged: Array<string> = []
        {
          await using proxy = await Spawned.start(address, eager)
          const enough = Promise.withResolvers<void>()
          const updating = Promise.all(
            users.map(async (user, index) => {
              for (let round = 0; ; round += 1) {
                const name = `${index} ${round}`
                const answer = await update(proxy.origin, store.token, user, name).catch(() => undefined)
                if (answer === undefined) return
                acknowledged.push(name)
                if (acknowledged.length === 150) enough.resolve()
              }
            }),
          )
          await enough.promise
          await proxy.end("SIGKILL")
          await updating
        }
        // What the killed one had claimed is nobody's when half a minute has passed: so it has.
        await Effect.runPromise(Effect.scoped(letLeasesEnd(address)))
        await using _ = await Spawned.start(address, eager)
        await store.isTold()
        const told = namesOf(receiver)
        expect(acknowledged.filter((name) => !told.includes(name))).toEqual([])
        for (const index of users.keys()) {
          const rounds = [...new Set(told.map(String).filter((name) => name.startsWith(`${index} `)))]
          expect(rounds).toEqual(rounds.map((_one, round) => `${index} ${round}`))
        }
      }
      await Effect.runPromise(Scope.close(scope, Exit.void))
    },
  )
})

const letLeasesEnd = Effect.fnUntraced(function* (address: string) {
  const change = "UPDATE webhook_deliveries SET due_at = '2000-01-01T00:00:00.000Z' WHERE claimed_by IS NOT NULL"
  if (address.startsWith("postgres")) {
    const client = yield* outsider(address)
    return yield* Effect.promise(() => client.query(change))
  }
  const { DatabaseSync } = yield* Effect.promise(() => import("node:sqlite"))
  const file = yield* Effect.acquireRelease(
    Effect.sync(() => new DatabaseSync(address.slice("file:".length), { timeout: 10_000 })),
    (opened) => Effect.sync(() => opened.close()),
  )
  return file.exec(change)
})

it("of a store whose tokens are kept elsewhere tells what is updated there", async () => {
  await using receiver = await receive()
  const [address, tokens] = [newFile(), newFile()]
  await using store = await prepared(address, receiver.url)
  await using elsewhere = await prepared(tokens, receiver.url)
  await using proxy = await Spawned.start(address, { args: [...eager.args!, "--token-store", tokens] })
  expect((await update(proxy.origin, elsewhere.token, users[0]!, "x")).status).toBe(200)
  await receiver.until((all) => all.length === 1)
  await store.isTold()
})

describe("the description of what a receiver is sent", () => {
  it.each(["flat", "documented"] as const)("fits what is sent, where responses are %s", async (nesting) => {
    const document = OpenApi.make({ version: "0", nesting })
    const { post } = (document["webhooks"] as Record<string, unknown>)["user_account_updated"] as {
      readonly post: Described
    }
    const { schema, example } = post.requestBody.content["application/json"]!
    const ajv = new Ajv2020({ strict: false, validateFormats: false })
    ajv.addSchema(document, "openapi")
    const isValid = ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"openapi#/')) as object)
    const { body, headers } = await Effect.runPromise(
      WebhookMessage.make(
        { url: "https://example.com", secret: Redacted.make("hush") },
        WebhookMessage.sampleUser,
      ).pipe(Effect.provide(NodeCrypto.layerMac)),
    )
    const message = JSON.parse(body)
    expect([isValid(example), isValid(message)]).toEqual([true, true])
    expect(isValid({ ...message, triggerType: "form_submission" })).toBe(false)
    const nested = { ...message, payload: { ...message.payload, data: { data: 7, name: 7 } } }
    expect(isValid(nested)).toBe(false)
    expect(Object.keys(headers)).toEqual(["content-type", ...post.parameters.map(({ name }) => name)])
  })
})

interface Described {
  readonly parameters: ReadonlyArray<{ readonly name: string }>
  readonly requestBody: {
    readonly content: Readonly<Record<string, { readonly schema: object; readonly example: unknown }>>
  }
}
