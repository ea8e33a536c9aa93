/** Keeps what a server for tests is asked. */
import { JsonBody } from "@webflow-users/core/wire"
import type { Http, Observed } from "@webflow-users/server"
import { Effect, Result } from "effect"
import type { RecordedRequest } from "./RecordedRequest.ts"

/**
 * Keeps what is asked: as soon as it has come whole, or, where it is answered before its body is read, then. It reads no body
 * itself, so that a request is judged in the same order as without it. What is answered is kept before that is sent.
 */
export const recordedAround = <R>(
  keep: (recorded: RecordedRequest) => void,
  request: Http.Request,
  answering: Observed.Answering<R>,
): Effect.Effect<Http.Answer, never, R> =>
  Effect.suspend(() => {
    const recorded: { -readonly [K in keyof RecordedRequest]: RecordedRequest[K] } = {
      method: request.method,
      path: request.target,
      headers: headersOf(request),
      body: undefined,
      status: undefined,
    }
    let isKept = false
    const keepOnce = () => {
      if (!isKept) keep(recorded)
      isKept = true
    }
    if (!announcesBody(request)) keepOnce()
    const body = () =>
      Effect.tap(request.body(), (bytes) =>
        Effect.sync(() => {
          recorded.body = bodyOf(bytes)
          keepOnce()
        }),
      )
    return Effect.map(answering({ ...request, body }), (answer) => {
      recorded.status = answer === "Reset" ? "reset" : answer.status
      keepOnce()
      return answer
    })
  })

const announcesBody = ({ header }: Http.Request): boolean =>
  header("transfer-encoding") !== undefined || Number(header("content-length") ?? 0) > 0

/** Headers with what nobody else may know, and how it is hidden: an `authorization` keeps its scheme. */
const hidden: Readonly<Record<string, (value: string) => string>> = {
  authorization: (value) => value.replace(/^(Bearer +)?.*$/is, "$1***"),
  "proxy-authorization": () => "***",
  cookie: () => "***",
}

const headersOf = ({ headerNames, header }: Http.Request): Readonly<Record<string, string>> =>
  Object.fromEntries(
    headerNames().map((name) => {
      const value = header(name) ?? ""
      return [name, hidden[name]?.(value) ?? value]
    }),
  )

const bodyOf = (bytes: Uint8Array): unknown => {
  if (bytes.length === 0) return undefined
  const json = JsonBody.parseJsonBody(bytes)
  return Result.isSuccess(json) ? json.success : new TextDecoder().decode(bytes)
}
