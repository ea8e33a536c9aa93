/** What a program of somebody's keeps in an `AsyncLocalStorage`, or puts in the place of Node's timers, when calls are made at once. */
import { AsyncLocalStorage } from "node:async_hooks"
import { subscribe, unsubscribe } from "node:diagnostics_channel"
import { createClient } from "@webflow-users/sdk"
import { sample, startServer } from "@webflow-users/sdk/testing"
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest"
import { json, serve, siteId, user } from "./serve.ts"

const ids = ["1", "2", "3"].map((digit) => digit.repeat(24))

it("each call is sent, and its hooks run, in the context in which it was made", async () => {
  await using server = await serve((response) => json(response, 200, user))
  const context = new AsyncLocalStorage<string>()
  const heard: Array<readonly [string | undefined, string | undefined]> = []
  const sent: Array<readonly [string | undefined, string | undefined]> = []
  const idIn = (url: string) => ids.find((id) => url.endsWith(id))
  // As instrumentation of undici does it.
  const onCreate = (message: unknown) => {
    const { path } = (message as { readonly request: { readonly path: string } }).request
    sent.push([idIn(path), context.getStore()])
  }
  subscribe("undici:request:create", onCreate)
  onTestFinished(() => void unsubscribe("undici:request:create", onCreate))
  await using client = createClient({
    baseUrl: server.baseUrl,
    token: "t",
    onResponse: ({ request }) => void heard.push([idIn(request.url), context.getStore()]),
  })
  // The first one is let go alone, to learn of limits.
  await client.users.get(siteId, ids[0] ?? "")
  sent.length = heard.length = 0
  await Promise.all(ids.map((id) => context.run(id, () => client.users.get(siteId, id))))
  const own = ids.map((id) => [id, id])
  expect(sent.toSorted()).toEqual(own)
  expect(heard.toSorted()).toEqual(own)
})

describe("with a false clock", () => {
  afterEach(() => void vi.useRealTimers())

  it("calls are answered, and again when it is gone", async () => {
    vi.useFakeTimers()
    await using server = await startServer({ seed: sample.seed })
    const id = async () => {
      await using client = createClient({ baseUrl: server.baseUrl, token: server.token })
      return (await client.users.get(sample.siteId, sample.userIds.ada)).id
    }
    expect(await id()).toBe(sample.userIds.ada)
    vi.useRealTimers()
    expect(await id()).toBe(sample.userIds.ada)
  })
})
