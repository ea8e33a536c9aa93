/**
 * Faults on request, for people who test their own code against a proxy: the next answers of a site are an error of the
 * contract, a reset connection, or late. Only where the proxy was started with `--faults`.
 */
import * as Core from "@webflow-users/core"
import { Context, Effect, type Fiber, Layer, Result, Schema, SchemaIssue } from "effect"
import type { Caller } from "./Callers.ts"
import type * as Http from "./Http.ts"

/** The request header that asks for a fault: `status=429; retryAfter=3; times=2`, with the keys of the JSON. */
export const headerName = "Webflow-Users-Fault"

/** As requests have it. */
const headerKey = headerName.toLowerCase()

/** The contract's table of errors, in its order. */
const table: ReadonlyArray<(retryAfter: number) => Core.UpdateUserError> = [
  () => new Core.InvalidId(),
  () => new Core.BadRequest(),
  () => new Core.NotAuthorized(),
  () => Core.MissingScopes.of(["users:write"]),
  () => new Core.SiteForbidden(),
  () => new Core.UsersNotEnabled(),
  () => new Core.SiteNotFound(),
  () => new Core.UserNotFound(),
  (retryAfter) => new Core.TooManyRequests({ retryAfter }),
  () => new Core.InternalError(),
]
const defaultRetryAfter = 60
const rows = table.map((make) => {
  const { status, code } = make(defaultRetryAfter)
  return { status, code, make }
})
const statuses = [...new Set(rows.map(({ status }) => status))]
const codes = rows.map(({ code }) => code)

const wholeNumber = (minimum: number, maximum: number, description: string) => {
  const message = `must be a whole number from ${minimum} to ${maximum}`
  return Schema.Number.annotate({ message, description }).check(
    Schema.isInt({ message }),
    Schema.isBetween({ minimum, maximum }, { message }),
  )
}
const oneOf = <const L extends string | number>(values: ReadonlyArray<L>) =>
  Schema.Literals(values).annotate({ message: `must be one of ${values.join(", ")}` })

/** A fault as it is asked for. */
export const Fields = Schema.Struct({
  status: Schema.optionalKey(oneOf(statuses)),
  code: Schema.optionalKey(oneOf(codes)),
  retryAfter: Schema.optionalKey(wholeNumber(0, 31_536_000, "Seconds, of a 429; 60 unless said")),
  delay: Schema.optionalKey(wholeNumber(0, 60_000, "Milliseconds to wait before anything else happens")),
  reset: Schema.optionalKey(
    Schema.Boolean.annotate({
      message: "must be true or false",
      description: "Whether to reset the connection instead of answering",
    }),
  ),
  times: Schema.optionalKey(wholeNumber(1, 10_000, "How many answers; 1 unless said")),
}).annotate({
  message: "must be a JSON object",
  messageUnexpectedKey: "is not a part of a fault: status, code, retryAfter, delay, reset, times",
})

/** What happens to the next `times` answers. */
export type Fault = typeof Fields.Type & { readonly times: number }

const decodeFields = Schema.decodeUnknownResult(Fields, { errors: "all", onExcessProperty: "error" })
const formatIssue = SchemaIssue.makeFormatterStandardSchemaV1()

/** The most problems that one answer names, and the longest name it repeats. */
const maxProblems = 50
const maxNameLength = 64

/** Reads a fault. Every problem is named by its part. */
export const decode = (input: unknown): Result.Result<Fault, Core.InvalidPatch> => {
  const decoded = decodeFields(input)
  const problems = Result.isFailure(decoded)
    ? formatIssue(decoded.failure.issue).issues.map(({ path = [], message }) =>
        refusal(path.join(".") || "fault", message),
      )
    : contradictions(decoded.success)
  return Result.isFailure(decoded) || problems.length > 0
    ? Result.fail(new Core.InvalidPatch({ details: problems.slice(0, maxProblems) }))
    : Result.succeed({ ...decoded.success, times: decoded.success.times ?? 1 })
}

const refusal = (param: string, description: string): Core.Detail => ({
  param: param.slice(0, maxNameLength),
  description,
})

const contradictions = (fault: typeof Fields.Type): ReadonlyArray<Core.Detail> => {
  const { status, code, retryAfter, delay, reset = false } = fault
  const problems: Array<Core.Detail> = []
  const row = rowOf(fault)
  if (row === undefined && delay === undefined && !reset) {
    problems.push(refusal("fault", "needs a status, a code, a delay, or reset"))
  }
  if (row !== undefined && status !== undefined && row.status !== status) {
    problems.push(refusal("code", `is answered with ${row.status}, not with ${status}`))
  }
  if (row !== undefined && reset) {
    problems.push(refusal("reset", `cannot stand beside a ${code === undefined ? "status" : "code"}`))
  }
  if (retryAfter !== undefined && row?.status !== 429) {
    problems.push(refusal("retryAfter", "belongs to status 429 only"))
  }
  return problems
}

/** The row a fault chooses: a code its own, a status its first. */
const rowOf = ({ status, code }: typeof Fields.Type) =>
  rows.find((row) => (code === undefined ? row.status === status : row.code === code))

/** Reads a fault from the header. */
export const decodeHeader = (text: string): Result.Result<Fault, Core.InvalidPatch> => {
  const fields = new Map<string, unknown>()
  for (const part of text.split(";").map((piece) => piece.trim())) {
    if (part === "") continue
    const [, key = part, value] = /^([^=\s]+)\s*=\s*(.*)$/.exec(part) ?? []
    const problem =
      value === undefined ? "needs a value, as in status=429" : fields.has(key) ? "is given twice" : undefined
    if (problem !== undefined) return Result.fail(new Core.InvalidPatch({ details: [refusal(key, problem)] }))
    fields.set(key, valueOf(value ?? ""))
  }
  return decode(Object.fromEntries(fields))
}

const valueOf = (text: string): unknown => {
  if (/^\d+$/.test(text)) return Number(text)
  return text === "true" || text === "false" ? text === "true" : text
}

/**
 * What is still to happen to a site's next answers: one rule a site, and only of sites that a token is for. A program can have
 * one beside them for whichever site is asked, which yields to a site's own.
 */
export type Rules = Map<Core.SiteId | "all", Fault>

/** The rules of this proxy; there are none to be had where it was not started with `--faults`. */
export const Rules = Context.Reference<Rules | undefined>("@webflow-users/server/Faults/Rules", {
  defaultValue: () => undefined,
})

/** Switches faults on. */
export const layer: Layer.Layer<never> = Layer.sync(Rules, () => new Map())

/** The rules, or the refusal of a proxy that was not started for faults. */
export const rules: Effect.Effect<Rules, Core.BadRequest> = Effect.flatMap(Rules, (enabled) =>
  enabled === undefined
    ? Effect.fail(new Core.BadRequest({ message: "Faults are not enabled: start webflow-users-proxy with --faults" }))
    : Effect.succeed(enabled),
)

/**
 * Answers as the request's header asks, or else the rule of its site, and otherwise as `serve` does. A request that is
 * answered by a fault changes nothing.
 */
export const around = <R>(
  { fiber, request }: { readonly fiber: Fiber.Fiber<unknown, unknown>; readonly request: Http.Request },
  caller: Caller,
  siteId: Core.SiteId,
  serve: Serve<R>,
): Effect.Effect<Http.Answer, Core.UpdateUserError, R> => {
  const kept = fiber.getRef(Rules)
  // As nearly always.
  return request.header(headerKey) === undefined && (kept === undefined || kept.size === 0)
    ? serve(request)
    : faulted(request, caller, siteId, serve)
}

type Serve<R> = (request: Http.Request) => Effect.Effect<Http.Answer, Core.UpdateUserError, R>

const faulted = Effect.fnUntraced(function* <R>(
  request: Http.Request,
  caller: Caller,
  siteId: Core.SiteId,
  serve: Serve<R>,
) {
  const fault = yield* next(request, caller, siteId)
  if (fault === undefined) return yield* serve(request)
  const delayed = fault.delay === undefined ? request : yield* delay(request, fault.delay)
  if (fault.reset === true) return "Reset"
  const row = rowOf(fault)
  return yield* row === undefined ? serve(delayed) : Effect.fail(row.make(fault.retryAfter ?? defaultRetryAfter))
})

const next = Effect.fnUntraced(function* (request: Http.Request, caller: Caller, siteId: Core.SiteId) {
  const header = request.header(headerKey)
  if (header === undefined) {
    const kept = yield* Rules
    if (kept === undefined || kept.size === 0) return undefined
    const of = kept.has(siteId) ? siteId : "all"
    const fault = kept.get(of)
    if (fault !== undefined) leave(kept, of, fault)
    return fault
  }
  const enabled = yield* rules
  // Whoever may only read must not spoil what others do.
  const forbidden = caller.refusal(siteId, "users:write")
  if (forbidden !== undefined) return yield* Effect.fail(forbidden)
  const fault = yield* Effect.fromResult(decodeHeader(header))
  // A header for one answer is over with it, and leaves the site's rule as it is.
  if (fault.times > 1) leave(enabled, siteId, fault)
  return fault
})

/** Keeps what remains of a fault after one answer more. */
const leave = (enabled: Rules, of: Core.SiteId | "all", fault: Fault): void => {
  if (fault.times > 1) enabled.set(of, { ...fault, times: fault.times - 1 })
  else enabled.delete(of)
}

/** Waits, though not beyond the server's stop, which would cut off what still waits. Gives the request, its body read. */
const delay = Effect.fnUntraced(function* (request: Http.Request, millis: number) {
  // Read before: who sends a body has only so long to send it, and cannot while nobody reads.
  const body = yield* Effect.exit(request.body())
  yield* Effect.raceFirst(Effect.sleep(millis), request.stopping)
  return { ...request, body: () => body }
})
