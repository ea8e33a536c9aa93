/** Requests by `fetch`: the platform's own, or one that is given. Nothing else is needed, so it runs everywhere. */
import { Effect, Layer } from "effect"
import { Transport } from "../Transport.ts"
import { Unreachable } from "../UpdateUserError.ts"

export const layer = (fetch: typeof globalThis.fetch = globalThis.fetch): Layer.Layer<Transport> =>
  Layer.succeed(Transport, {
    send: ({ method, url, headers, body }) =>
      Effect.tryPromise({
        try: async (signal) => {
          // A redirect is an answer: following it would carry the token to another address.
          const response = await fetch(url, { method, headers, body: body ?? null, signal, redirect: "manual" })
          return {
            status: response.status,
            header: (name: string) => response.headers.get(name) ?? undefined,
            text: await response.text(),
          }
        },
        catch: (cause) => new Unreachable({ cause }),
      }),
  })
