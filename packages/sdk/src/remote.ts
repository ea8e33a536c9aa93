/** The users of a server, by what a platform sends requests with. */
import { Transport, UserStore } from "@webflow-users/core"
import * as Upstream from "@webflow-users/core/UserStore/Upstream"
import { Context, Effect, Redacted } from "effect"
import { tokenProblem } from "./checkOptions.ts"
import type { RemoteOptions } from "./options.ts"
import type { Platform } from "./platform.ts"
import { told } from "./response.ts"

export const remote = Effect.fnUntraced(function* (
  platform: Platform,
  { baseUrl, token, fetch, timeout, retry, rateLimit, ...hooks }: RemoteOptions,
) {
  const secret = typeof token === "string" ? Redacted.make(token) : asked(token)
  const transport = told(yield* platform.transport(baseUrl, fetch), hooks)
  const store = Upstream.make({ baseUrl, token: secret, timeout, retry, ...(rateLimit && { rateLimit }) })
  return Context.make(UserStore.UserStore, yield* Effect.provideService(store, Transport.Transport, transport))
})

/** What the function throws is no failure of the call's, and what it rejects with. */
const asked = (token: () => string | Promise<string>) =>
  Effect.promise(async () => {
    const given: unknown = await token()
    if (typeof given !== "string") throw new TypeError("token is a function, which has to give text")
    const problem = tokenProblem(given)
    if (problem !== undefined) throw new TypeError(`token is a function, and what it gives ${problem}`)
    return Redacted.make(given)
  })
