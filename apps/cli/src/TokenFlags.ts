/**
 * The flags that say what a token may do, and the grants they make. What a token can be given is core's to say: here flags
 * that contradict each other are refused, and moments and durations are read.
 */
import { AccessTokens, RateLimits } from "@webflow-users/core"
import { type Routes, UpdateUserBody } from "@webflow-users/core/wire"
import { DateTime, Duration, Effect, Option } from "effect"
import { CliError, type Command, Flag } from "effect/cli"

const allScopes = ["users:read", "users:write"] as const satisfies ReadonlyArray<Routes.Scope>

const switchOf = (name: string, description: string) =>
  Flag.Boolean(name).pipe(Flag.withDescription(description), Flag.withoutNegation, Flag.withDefault(false))

const names = (name: string, metavar: string, description: string) =>
  Flag.String(name).pipe(
    Flag.withMetavar(metavar),
    Flag.withDescription(`${description} (repeatable)`),
    Flag.atLeast(0),
  )

/** A duration above zero, such as `90 days`. */
const parseDuration = (text: string): Option.Option<Duration.Duration> =>
  Duration.fromInput(text.trim() as Duration.Input).pipe(
    Option.filter((duration) => Duration.isPositive(duration) && Duration.isFinite(duration)),
  )

export const tokenFlags = {
  site: Flag.String("site").pipe(
    Flag.withMetavar("SITE"),
    Flag.withDescription("The id of the only site it is good for"),
    Flag.optional,
  ),
  allSites: switchOf("all-sites", "It is good for every site of the store, also those that come later"),
  scopes: Flag.Literals("scope", allScopes).pipe(Flag.withDescription("What it allows (repeatable)"), Flag.atLeast(1)),
  // Read as text, so that everything that is no rate is explained alike.
  rate: Flag.String("rate").pipe(
    Flag.withMetavar("integer"),
    Flag.withDescription(
      "How many requests a minute it may make (default: as many as it likes). Webflow's were 60 and 120, by the site's plan",
    ),
    Flag.filterMap(
      (text) => Option.filter(Option.some(/^\d+$/.test(text) ? Number(text) : Number.NaN), RateLimits.isRate),
      () => `a whole number from 1 to ${RateLimits.maxRate}`,
    ),
    Flag.optional,
  ),
  expires: Flag.String("expires").pipe(
    Flag.withMetavar("WHEN"),
    Flag.withDescription(
      'When it ends: after a time ("90 days"), or on a day (2027-01-31, from its first moment in UTC) or at a moment ' +
        "(2027-01-31T18:00:00Z); never unless said",
    ),
    Flag.optional,
  ),
  label: Flag.String("label").pipe(
    Flag.withMetavar("TEXT"),
    Flag.withDescription("What to call it: it stands in lists, and in the record of the updates it asks for"),
    Flag.optional,
  ),
  fields: names("field", "KEY", "A field it may change, such as name or a custom one's key; with none named, any"),
  noFields: switchOf("no-fields", "It may change no field"),
  groups: names("group", "SLUG", "An access group that it may let users join and leave; with none named, any"),
  noGroups: switchOf("no-groups", "It may change no access group"),
} satisfies Command.Command.Config

export type TokenFlags = Command.Command.Config.Infer<typeof tokenFlags>

/** How long the old secret stays good beside the new one. */
export const grace = Flag.String("grace").pipe(
  Flag.withMetavar("DURATION"),
  Flag.withDescription(
    'How long the old secret stays good beside the new one, such as "1 hour"; not at all unless said',
  ),
  Flag.filterMap(parseDuration, () => 'a duration above zero, such as "1 hour"'),
  Flag.optional,
)

const refuse = (message: string) => new CliError.ValidationError({ message })

/** What the token is given beside site and scopes. */
export const grantsOf = Effect.fnUntraced(function* (flags: TokenFlags) {
  const [problem] = problemsIn(flags)
  if (problem !== undefined) return yield* refuse(problem)
  const grants = {
    rate: Option.getOrUndefined(flags.rate),
    label: Option.getOrUndefined(flags.label),
    fields: listOf(flags.fields, flags.noFields),
    groups: listOf(flags.groups, flags.noGroups),
    expiresOn: Option.isSome(flags.expires) ? yield* momentOf(flags.expires.value) : undefined,
  }
  const tooMuch = AccessTokens.grantsProblem(grants)
  return tooMuch === undefined ? grants : yield* refuse(tooMuch)
})

const listOf = (listed: ReadonlyArray<string>, isNone: boolean): ReadonlyArray<string> | undefined =>
  isNone ? [] : listed.length === 0 ? undefined : [...new Set(listed)]

/** What is wrong with the flags, each for itself and together. */
const problemsIn = (flags: TokenFlags): ReadonlyArray<string> => {
  const { site, allSites, scopes, fields, noFields, groups, noGroups, label } = flags
  const limits = [
    ...(fields.length > 0 ? ["--field"] : []),
    ...(noFields ? ["--no-fields"] : []),
    ...(groups.length > 0 ? ["--group"] : []),
    ...(noGroups ? ["--no-groups"] : []),
  ]
  return [
    ...(Option.isNone(site) && !allSites ? ["Say for which site: --site SITE, or --all-sites"] : []),
    ...(Option.isSome(site) && allSites ? ["--site and --all-sites contradict each other: say one of them"] : []),
    ...(fields.length > 0 && noFields ? ["--field and --no-fields contradict each other: say one of them"] : []),
    ...(groups.length > 0 && noGroups ? ["--group and --no-groups contradict each other: say one of them"] : []),
    ...(limits.length > 0 && !scopes.includes("users:write")
      ? [`${limits[0]} says what it may change, and without --scope users:write it may change nothing`]
      : []),
    ...Option.toArray(label).flatMap((text) => wrong("--label", AccessTokens.labelProblem(text))),
    ...fields.flatMap((key) => wrong(`--field ${key}`, AccessTokens.fieldProblem(key))),
    ...groups.flatMap((slug) => wrong(`--group ${slug}`, UpdateUserBody.slugProblem(slug))),
  ]
}

const wrong = (flag: string, problem: string | undefined): ReadonlyArray<string> =>
  problem === undefined ? [] : [`${flag.trim()}: ${problem}`]

const momentOf = Effect.fnUntraced(function* (text: string) {
  const now = yield* DateTime.now
  const moment = Option.orElse(parseMoment(text), () =>
    Option.map(parseDuration(text), (duration) => DateTime.addDuration(now, duration)),
  )
  if (Option.isNone(moment) || !(DateTime.toEpochMillis(moment.value) < endOfDates)) {
    return yield* refuse(
      `--expires ${text}: say a time such as "90 days", a day such as 2027-01-31, or a moment such as 2027-01-31T18:00:00Z`,
    )
  }
  return DateTime.toEpochMillis(moment.value) > DateTime.toEpochMillis(now)
    ? moment.value
    : yield* refuse(`--expires ${text}: that is over already, and the token would never be good`)
})

/** The first moment whose year RFC 3339 cannot say. */
const endOfDates = Date.UTC(10_000, 0)

/** A day, or a moment of RFC 3339. The calendar has to have it: JavaScript takes February 30 for March 2. */
const parseMoment = (text: string): Option.Option<DateTime.Utc> => {
  const [, day, time] =
    /^(\d{4}-\d{2}-\d{2})(?:[Tt ](\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:[Zz]|[+-]\d{2}:\d{2})))?$/.exec(text.trim()) ?? []
  const midnight = Date.parse(`${day}T00:00:00Z`)
  return day === undefined || Number.isNaN(midnight) || !new Date(midnight).toISOString().startsWith(day)
    ? Option.none()
    : DateTime.make(time === undefined ? midnight : `${day}T${time.toUpperCase()}`).pipe(Option.map(DateTime.toUtc))
}
