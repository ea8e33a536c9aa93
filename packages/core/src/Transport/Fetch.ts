/** Requests by `fetch`: the platform's own, or one that is given. Nothing else is needed, so it runs everywhere. */
import { Effect, Layer } from "effect"
import { Transport } from "../Transport.ts"
import { Unreachable } from "../UpdateUserError.ts"

/** Sends by this `fetch`. Fails with `Unreachable`, which repeats neither a header nor what is secret in an address. */
export const layer = (fetch: typeof globalThis.fetch = globalThis.fetch): Layer.Layer<Transport> =>
  Layer.succeed(Transport, {
    send: ({ method, url, headers, body }) => {
      const reason = unsendable(url, headers)
      if (reason !== undefined) return Effect.fail(new Unreachable({ cause: reason }))
      return Effect.tryPromise({
        try: async (signal) => {
          // A redirect is an answer: following it would carry the token to another address.
          const response = await fetch(url, { method, headers, body: body ?? null, signal, redirect: "manual" })
          return {
            status: response.status,
            header: (name: string) => response.headers.get(name) ?? undefined,
            text: await response.text(),
          }
        },
        catch: (cause) => new Unreachable({ cause: told(url, cause) }),
      })
    },
  })

// In its own words `fetch` quotes an address or a header it does not take, and a secret in them: these replace them.

const unsendable = (url: string, headers: Readonly<Record<string, string>>): string | undefined => {
  if (URL.canParse(url)) {
    const { username, password } = new URL(url)
    if (username + password !== "") return "the server's address holds a user name or a password"
  }
  return Object.values(headers).every((value) => /^[\t\x20-\x7e\x80-\xff]*$/.test(value.trim()))
    ? undefined
    : "a header, or the token in it, has a character that HTTP does not carry"
}

const told = (url: string, cause: unknown): unknown =>
  URL.canParse(url) ? cause : "no answer: the server's address is not a whole URL"
