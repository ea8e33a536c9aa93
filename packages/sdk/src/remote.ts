/** The users of a server, by what a platform sends requests with. */
import type { UserStore } from "@webflow-users/core"
import * as Upstream from "@webflow-users/core/UserStore/Upstream"
import { Effect, Layer, Redacted } from "effect"
import type { RemoteOptions } from "./options.ts"
import type { Platform } from "./platform.ts"
import { told } from "./response.ts"

export const remote = (
  platform: Platform,
  { baseUrl, token, fetch, timeout, retry, rateLimit, ...hooks }: RemoteOptions,
): Layer.Layer<UserStore.UserStore> => {
  const secret = typeof token === "string" ? Redacted.make(token) : asked(token)
  return Upstream.layer({ baseUrl, token: secret, timeout, retry, ...(rateLimit && { rateLimit }) }).pipe(
    Layer.provide(told(platform.transport(baseUrl, fetch), hooks)),
  )
}

/** What the function throws is no failure of the call's, and what it rejects with. */
const asked = (token: () => string | Promise<string>) =>
  Effect.promise(async () => {
    const given: unknown = await token()
    if (typeof given !== "string") throw new TypeError("token is a function, which has to give text")
    return Redacted.make(given)
  })
