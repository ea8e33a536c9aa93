import { inspect } from "node:util"
import { describe, expect, it } from "@effect/vitest"
import { parseSiteId, type SiteId, Transport, UserId, UserStore, Webflow } from "@webflow-users/core"
import * as Upstream from "@webflow-users/core/UserStore/Upstream"
import { Effect, Layer, Redacted } from "effect"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const userId = UserId.make("6287ec36a841b25637c663df")
const secret = 'wfu_se/cr"et'

interface Answer {
  readonly status: number
  readonly text: string
  readonly headers?: Readonly<Record<string, string>>
}

/** What a server that always answers so makes of a question. */
const errorFrom = (baseUrl: string, { headers = {}, ...answer }: Answer, token = secret) =>
  UserStore.UserStore.use((store) => Effect.flip(store.get(siteId, userId))).pipe(
    Effect.provide(
      Layer.provide(
        Upstream.layer({ baseUrl, token: Redacted.make(token), retry: false }),
        Layer.succeed(Transport.Transport, {
          send: () => Effect.succeed({ ...answer, header: (name) => headers[name] }),
        }),
      ),
    ),
  )

const envelope = (code: string, message: string, details: ReadonlyArray<unknown> = []) =>
  JSON.stringify({ code, message, externalReference: null, details })

const webflow = "https://api.webflow.com/v2"

describe("Webflow itself", () => {
  it.effect.each<[status: number, text: string, said: string]>([
    [
      403,
      envelope("users_not_enabled", "Users feature is not enabled"),
      "users_not_enabled: Users feature is not enabled",
    ],
    [
      404,
      envelope("resource_not_found", "Requested resource not found"),
      "resource_not_found: Requested resource not found",
    ],
    [404, envelope("user_not_found", "No user"), "user_not_found: No user"],
    [410, envelope("gone", "Deprecated"), "gone: Deprecated"],
    [404, "<html>Not found</html>", "internal_error: The server's answer is not one of the contract"],
  ])("no longer has users: %i %s", ([status, text, said]) =>
    Effect.gen(function* () {
      const error = yield* errorFrom(webflow, { status, text, headers: { "x-request-id": "req-1" } })
      expect(error).toMatchObject({
        _tag: "UserAccountsRemoved",
        status,
        code: "users_not_enabled",
        message: Webflow.removed,
        details: [said],
        requestId: "req-1",
        isRetryable: false,
      })
    }),
  )

  it.effect.each<[status: number, text: string, tag: string]>([
    [401, envelope("not_authorized", "Request not authorized"), "NotAuthorized"],
    [403, envelope("missing_scopes", "users:read"), "MissingScopes"],
    [429, envelope("too_many_requests", "Too Many Requests"), "TooManyRequests"],
    [400, envelope("validation_error", "Validation Error"), "InvalidPatch"],
    [500, envelope("internal_error", "An Internal Error occurred"), "InternalError"],
  ])("says other things as everybody does: %i %s", ([status, text, tag]) =>
    Effect.gen(function* () {
      expect(yield* errorFrom(webflow, { status, text })).toMatchObject({ _tag: tag, status })
    }),
  )

  it.effect.each<[status: number, code: string, tag: string]>([
    [403, "users_not_enabled", "UsersNotEnabled"],
    [404, "resource_not_found", "SiteNotFound"],
    [410, "gone", "UnexpectedResponse"],
  ])("is not taken for another server: %i %s", ([status, code, tag]) =>
    Effect.gen(function* () {
      const text = envelope(code, "Its own words")
      expect(yield* errorFrom("https://users.example.com/v2", { status, text })).toMatchObject({
        _tag: tag,
        message: "Its own words",
      })
    }),
  )
})

describe("a server that repeats the token", () => {
  const base = "https://users.example.com/v2"
  const quoted = JSON.stringify(secret)
  it.effect.each<[string, Answer]>([
    ["as its message", { status: 401, text: envelope("not_authorized", `No ${secret}`) }],
    ["as its code", { status: 409, text: envelope(secret, "No") }],
    [
      "among its details",
      { status: 400, text: envelope("validation_error", "No", [{ param: secret, description: [secret] }]) },
    ],
    [
      "with its slash escaped",
      { status: 401, text: `{"code":"not_authorized","message":${quoted.replace("/", "\\/")}}` },
    ],
    ["in a page", { status: 502, text: `<html>${secret} and ${secret}</html>` }],
    ["in a page for a success", { status: 200, text: `<html>${secret}</html>` }],
    [
      "as the name of the request",
      { status: 500, text: envelope("internal_error", "No"), headers: { "cf-ray": secret } },
    ],
    ["as the name of a redirected request", { status: 302, text: "", headers: { "cf-ray": secret } }],
    ["while it is Webflow's", { status: 404, text: envelope("resource_not_found", secret) }],
  ])("is not repeated: %s", ([where, answer]) =>
    Effect.gen(function* () {
      const error = yield* errorFrom(where.endsWith("Webflow's") ? webflow : base, answer)
      const told = JSON.stringify(error) + inspect(error, { depth: 10, showHidden: true })
      expect(told).toContain("<token>")
      for (const form of [secret, quoted.slice(1, -1), 'cr\\"et', 'cr"et']) expect(told).not.toContain(form)
    }),
  )

  it.effect("keeps its words where the token is too short to be a secret", () =>
    Effect.gen(function* () {
      const text = envelope("user_not_found", "No user")
      expect(yield* errorFrom(base, { status: 404, text }, "user")).toMatchObject({
        _tag: "UserNotFound",
        message: "No user",
      })
    }),
  )
})
