/** Keeps what a server for tests is asked. */
import { JsonBody } from "@webflow-users/core/wire"
import type { Http, Observed } from "@webflow-users/server"
import { Effect, Exit, Result } from "effect"
import type { RecordedRequest } from "./RecordedRequest.ts"

/** Keeps what is asked, as soon as it has come whole, and what is answered, before that is sent. */
export const recordedAround =
  (keep: (recorded: RecordedRequest) => void) =>
  <R>(request: Http.Request, answering: Observed.Answering<R>): Effect.Effect<Http.Answer, never, R> =>
    Effect.flatMap(Effect.exit(request.body), (body) => {
      const recorded: { -readonly [K in keyof RecordedRequest]: RecordedRequest[K] } = {
        method: request.method,
        path: request.target,
        headers: headersOf(request),
        body: Exit.isSuccess(body) ? bodyOf(body.value) : undefined,
        status: undefined,
      }
      keep(recorded)
      return Effect.map(answering({ ...request, body }), (answer) => {
        recorded.status = answer === "Reset" ? "reset" : answer.status
        return answer
      })
    })

const headersOf = ({ headerNames, header }: Http.Request): Readonly<Record<string, string>> =>
  Object.fromEntries(
    headerNames().map((name) => {
      const value = header(name) ?? ""
      return [name, name === "authorization" ? value.replace(/^(Bearer +)?.*$/is, "$1***") : value]
    }),
  )

const bodyOf = (bytes: Uint8Array): unknown => {
  if (bytes.length === 0) return undefined
  const json = JsonBody.parseJsonBody(bytes)
  return Result.isSuccess(json) ? json.success : new TextDecoder().decode(bytes)
}
