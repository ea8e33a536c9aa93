/** What happens to requests outside their answering: an id on each, what browsers are told, and what a witness wants to know. */
import { Correlation } from "@webflow-users/core/UserStore/Upstream"
import { Clock, Context, Effect, Exit, Random } from "effect"
import * as Cors from "./Cors.ts"
import { EndsWithCaller } from "./Forwarding.ts"
import * as Http from "./Http.ts"
import * as Request from "./Request.ts"

/** What a request has come to whose caller hung up before it was answered, as nginx writes it. */
export const hungUp = 499

/** A request that was answered, or is answered no more. */
export interface Seen {
  readonly route: Request.Route
  readonly current: Request.Current
  /** Who asked; of what could not be read as a request it is not known. */
  readonly address?: string
  readonly answer: Http.Answer | typeof hungUp
  /** From the request's head to its answer, before that is sent. */
  readonly seconds: number
}

/** Answers a request, which may have been read before. */
export type Answering<R> = (request: Http.Request) => Effect.Effect<Http.Answer, never, R>

/** Whoever wants to know of requests. All of it stands in the way of every one of them. */
export interface Witness {
  /** A request has come; without one, something that could not be read as a request. */
  readonly began: (request?: Http.Request) => void
  readonly ended: (seen: Seen) => void
  /** Answers within something of its own, such as a span. */
  readonly around?: <R>(
    request: Http.Request,
    seen: Pick<Seen, "route" | "current">,
    answering: Answering<R>,
  ) => Effect.Effect<Http.Answer, never, R>
  /** Headers for what another server is asked, beside the id. */
  readonly passedOn?: (current: Request.Current) => Effect.Effect<Readonly<Record<string, string>>>
}

/** Nobody, unless a program provides it. */
export const Witness = Context.Reference<Witness | undefined>("@webflow-users/server/Observed/Witness", {
  defaultValue: () => undefined,
})

export interface Observer {
  /** Answers a request that has come now, in a fiber of its own, and lets it be seen. The answer is told with the request's id. */
  readonly around: <A, R>(
    request: Http.Request,
    answering: Answering<R>,
    tell: (answer: Http.Answer, id: string) => A,
  ) => Effect.Effect<A, never, R>
  /** The answer to what is no request that could be read. */
  readonly refused: (answer: Http.TextResponse) => Http.TextResponse
}

/** Sees what is to be seen by what this is run with. */
export const make: Effect.Effect<Observer> = Effect.gen(function* () {
  const witness = yield* Witness
  const origins = yield* Cors.AllowedOrigins
  const pages = new Set([...Request.pages, ...(yield* Http.MorePages).keys()])
  const goesOn = yield* EndsWithCaller
  const clock = yield* Clock.Clock
  const random = yield* Random.Random

  return {
    around: <A, R>(request: Http.Request, answering: Answering<R>, tell: (answer: Http.Answer, id: string) => A) => {
      const began = clock.monotonicTimeNanosUnsafe()
      return Effect.withFiber((fiber) => {
        const current: Request.Current = { id: Request.idOf(request.header(Request.idHeader), random) }
        const route = Request.routeOf(request, pages)
        witness?.began(request)
        const end = (answer: Seen["answer"]) => {
          const seconds = Number(clock.monotonicTimeNanosUnsafe() - began) / 1e9
          witness?.ended({ route, current, address: request.address, answer, seconds })
        }
        // What nobody has asked for is left out, step by step: all of this stands in the way of every request.
        const asking: typeof answering = goesOn
          ? (asked) =>
              Effect.onExitPrimitive(
                witness?.passedOn === undefined
                  ? answering(asked)
                  : correlated(witness.passedOn, current, answering(asked)),
                (exit) => (Exit.hasInterrupts(exit) ? Effect.sync(() => end(hungUp)) : undefined),
              )
          : answering
        const allowed: typeof answering =
          origins === undefined ? asking : (asked) => Cors.around(origins, asked, asking(asked))
        const witnessed =
          witness?.around === undefined ? allowed(request) : witness.around(request, { route, current }, allowed)
        const own = Context.add(fiber.context, Request.Current, current)
        // So that another server can tell what its requests belong to.
        fiber.setContext(goesOn ? Context.add(own, Correlation, { [Request.idHeader]: current.id }) : own)
        return Effect.map(witnessed, (answer) => {
          end(answer)
          return tell(answer, current.id)
        })
      })
    },

    refused: (answer) => {
      const current = { id: Request.newId(random) }
      witness?.began()
      witness?.ended({ route: Request.unknown, current, answer, seconds: 0 })
      const headers = { ...answer.headers, ...Cors.headersFor(origins, undefined), [Request.idHeader]: current.id }
      return { ...answer, headers }
    },
  }
})

/** Asks another server with what a witness has to tell it beside the id. */
const correlated = <A, E, R>(
  passedOn: NonNullable<Witness["passedOn"]>,
  current: Request.Current,
  asking: Effect.Effect<A, E, R>,
) =>
  Effect.flatMap(
    Effect.suspend(() => passedOn(current)),
    (told) => Effect.provideService(asking, Correlation, { [Request.idHeader]: current.id, ...told }),
  )
