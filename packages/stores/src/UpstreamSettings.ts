/** How patient to be with another server, as settings: each with its variable, what it has to be, and its default. */
import { Config, Data, Duration, Effect, Option } from "effect"
import { defaults } from "@webflow-users/core/UserStore/Upstream"
import type { Options } from "./StoreAddress.ts"

/** A setting that has a value it cannot have. The message names it and says what would do. */
export class UnusableSetting extends Data.TaggedError("UnusableSetting")<{ readonly message: string }> {
  readonly code = "unusable_setting"
}

export interface Setting<A> {
  readonly variable: string
  readonly description: string
  /** What it has to be, in words. */
  readonly expected: string
  /** In words too. */
  readonly standard: string
  readonly parse: (text: string) => Option.Option<A>
}

/** A setting that is a time. */
export const duration = (variable: string, standard: string, description: string): Setting<Duration.Duration> => ({
  variable,
  description,
  standard,
  expected: "a duration above zero, such as 30 seconds, 500 millis or 2 minutes",
  parse: (text) =>
    Option.filter(Duration.fromInput(text.trim() as Duration.Input), (value) => Duration.isPositive(value)).pipe(
      Option.filter(Duration.isFinite),
    ),
})

const wholeNumber = (variable: string, most: number, standard: string, description: string): Setting<number> => ({
  variable,
  description,
  standard,
  expected: `a whole number from 1 to ${most}`,
  parse: (text) => {
    const value = /^\d{1,9}$/.test(text.trim()) ? Number(text) : Number.NaN
    return value >= 1 && value <= most ? Option.some(value) : Option.none()
  },
})

export const settings = {
  timeout: duration(
    "WEBFLOW_USERS_UPSTREAM_TIMEOUT",
    defaults.timeout,
    "how long to wait for the answer to one request",
  ),
  attempts: wholeNumber(
    "WEBFLOW_USERS_UPSTREAM_ATTEMPTS",
    100,
    String(defaults.attempts),
    "how often a request that fails is sent at the most; 1 never tries again, nor waits out a 429",
  ),
  deadline: duration(
    "WEBFLOW_USERS_UPSTREAM_DEADLINE",
    defaults.deadline,
    "how long a call may take with all its retries",
  ),
  maxRetryAfter: duration(
    "WEBFLOW_USERS_UPSTREAM_MAX_RETRY_AFTER",
    defaults.maxRetryAfter,
    "the longest that it may ask to wait by Retry-After",
  ),
  rate: wholeNumber(
    "WEBFLOW_USERS_UPSTREAM_RATE",
    100_000,
    "what the server says",
    "how many requests to send it at the most in a window",
  ),
  window: duration("WEBFLOW_USERS_UPSTREAM_WINDOW", defaults.window, "how long the window of its limit is"),
}

/** What was set, where something was. */
export type Values = {
  readonly [Name in keyof typeof settings]: (typeof settings)[Name] extends Setting<infer A> ? A | undefined : never
}

/** What the settings mean to the store at an address. */
export const optionsOf = (
  { timeout, rate, window, ...retry }: Values,
  { countsWaiting = false }: { readonly countsWaiting?: boolean } = {},
): Options => ({ timeout, retry: { ...retry, countsWaiting }, rateLimit: { limit: rate, window } })

const read = <A>({ variable, expected, parse }: Setting<A>) =>
  Effect.gen(function* () {
    const text = yield* Effect.orDie(Config.option(Config.String(variable)))
    if (Option.isNone(text)) return undefined
    const value = parse(text.value)
    return Option.isSome(value)
      ? value.value
      : yield* new UnusableSetting({ message: `${variable} has to be ${expected}` })
  })

/** The options as the variables of {@link settings} say. */
export const config: Effect.Effect<Options, UnusableSetting> = Effect.map(
  Effect.all({
    timeout: read(settings.timeout),
    attempts: read(settings.attempts),
    deadline: read(settings.deadline),
    maxRetryAfter: read(settings.maxRetryAfter),
    rate: read(settings.rate),
    window: read(settings.window),
  }),
  (values) => optionsOf(values),
)
