/** What an answer says, word for word: core reads every nesting into one and any error's body into its own, and 3.1 does neither. */
import { Hiding, JsonBody } from "@webflow-users/core/wire"
import { Effect } from "effect"
import type { Platform } from "../platform.ts"
import type { CallResponse } from "../response.ts"

/** Where it stands among the answer's headers. None can be called so, and no server can send it. */
const place = ":said"

/** The same platform; what its answers say, {@link jsonOf} can tell. */
export const overheard = (platform: Platform): Platform => ({
  transport: (...where) =>
    Effect.map(platform.transport(...where), ({ send }) => ({
      send: (request) =>
        Effect.map(send(request), (answer) => {
          const said = () =>
            answer.status < 400 ? answer.text : without(request.headers["authorization"], answer.text)
          return { ...answer, header: (name) => (name === place ? said() : answer.header(name)) }
        }),
    })),
})

/** The body of an answer; `undefined` where it is no JSON. */
export const jsonOf = (response: CallResponse | undefined): unknown => {
  try {
    const json: unknown = JSON.parse(response?.headers.get(place) ?? "")
    // What is nested without end could not be written into a message.
    return JsonBody.isDeeperThan(json, 2 * JsonBody.maxDepth) ? undefined : json
  } catch {
    return undefined
  }
}

/** What an error says, in whatever way it is spelled, without the token: errors are logged. */
const without = (authorization: string | undefined, text: string): string => {
  const hide = Hiding.of((authorization ?? "").replace(/^Bearer /, ""))
  return JSON.stringify(JSON.parse(text, Hiding.inJson(hide)))
}
