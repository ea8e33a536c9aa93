/**
 * The flags that say what to change, and the patch they make. What is valid is core's to say: here flags become the body
 * of a request, and only flags that contradict each other are refused.
 */
import { UpdatePolicy, UserPatch } from "@webflow-users/core"
import { Effect, Option, Predicate, Result } from "effect"
import { CliError, type Command, Flag } from "effect/cli"

const repeatable = (name: string, metavar: string, description: string) =>
  Flag.String(name).pipe(
    Flag.withMetavar(metavar),
    Flag.withDescription(`${description} (repeatable)`),
    Flag.atLeast(0),
  )

const consent = (name: string, what: string) =>
  Flag.Boolean(name).pipe(Flag.withDescription(`${what}; --no-${name} takes it back`), Flag.optional)

export const patchFlags = {
  name: Flag.String("name").pipe(Flag.withMetavar("TEXT"), Flag.withDescription("The user's name"), Flag.optional),
  acceptPrivacy: consent("accept-privacy", "The user accepts the privacy policy"),
  acceptCommunications: consent("accept-communications", "The user accepts communications"),
  fields: repeatable("field", "KEY=VALUE", "A custom field, as text; KEY:=JSON for another type, KEY= for empty text"),
  nulls: repeatable("null", "KEY", "A custom field to clear"),
  groups: repeatable("group", "SLUG", "An access group; together they are the complete new set"),
  addGroups: repeatable("add-group", "SLUG", "An access group to join"),
  removeGroups: repeatable("remove-group", "SLUG", "An access group to leave"),
  clearGroups: Flag.Boolean("clear-groups").pipe(
    Flag.withDescription("Leave every access group but bought ones"),
    Flag.withoutNegation,
    Flag.withDefault(false),
  ),
} satisfies Command.Command.Config

export type PatchFlags = Command.Command.Config.Infer<typeof patchFlags>

/** One field that is set, and the flag that says so. */
interface Assignment {
  readonly flag: string
  readonly key: string
  readonly value?: unknown
}

/** The change that the flags ask for, together with the `body` of `--data` where there is one. */
export const patchOf = Effect.fnUntraced(function* (flags: PatchFlags, body: Option.Option<unknown>) {
  const assignments = yield* assignmentsOf(flags)
  yield* refuseContradictions(flags)
  if (assignments.length === 0 && groupFlags(flags).length === 0 && Option.isNone(body)) {
    return yield* contradiction("Nothing to change. Say what with --name, --field, --add-group, --data, …")
  }

  const policy = yield* UpdatePolicy.Current
  const given = UserPatch.UserPatch.from(
    Option.getOrElse(body, () => ({})),
    policy,
  )
  yield* refuseTwice([...assignments, ...assignmentsIn(given)])
  const [groupFlag] = groupFlags(flags)
  if (given.groups !== undefined && groupFlag !== undefined) {
    return yield* contradiction(`--data and ${groupFlag} both set the access groups`)
  }

  const flagged = {
    // Not assigned one by one: `__proto__` has to arrive in core as a key like any other, and be refused there.
    data: Object.fromEntries(assignments.map(({ key, value }) => [key, value])),
    ...(flags.clearGroups ? { accessGroups: [] } : flags.groups.length > 0 && { accessGroups: flags.groups }),
  }
  const asked = UserPatch.UserPatch.from(flagged, policy)
  return new UserPatch.UserPatch({
    data: { ...given.data, ...asked.data },
    groups: given.groups ?? asked.groups ?? groupEdits(flags),
    objections: [...given.objections, ...asked.objections],
  })
})

const contradiction = (message: string) => new CliError.ValidationError({ message })

const assignmentsOf = (flags: PatchFlags): Effect.Effect<ReadonlyArray<Assignment>, CliError.ValidationError> =>
  Effect.map(Effect.forEach(flags.fields, assignmentIn), (fields) => [
    ...Option.toArray(flags.name).map((value) => ({ flag: "--name", key: "name", value })),
    ...consentIn("accept-privacy", flags.acceptPrivacy),
    ...consentIn("accept-communications", flags.acceptCommunications),
    ...fields,
    ...flags.nulls.map((key) => ({ flag: `--null ${key}`, key, value: null })),
  ])

const consentIn = (key: string, answer: Option.Option<boolean>): ReadonlyArray<Assignment> =>
  Option.toArray(answer).map((value) => ({ flag: value ? `--${key}` : `--no-${key}`, key, value }))

/** Reads `key=text` and `key:=json`. */
const assignmentIn = Effect.fnUntraced(function* (text: string) {
  const [, key, colon, rest] = /^([^=]*?)(:?)=(.*)$/s.exec(text) ?? []
  if (key === undefined || rest === undefined) {
    return yield* contradiction(`--field ${text}: a field is set as key=value, or key:=json`)
  }
  const flag = `--field ${key}`
  if (colon === "") return { flag, key, value: rest }
  const value = yield* Effect.fromResult(parseJson(rest)).pipe(
    Effect.mapError(() => contradiction(`${flag}: what follows := is not JSON (text needs quotes, or = alone)`)),
  )
  // In a body, `data` in `data` holds all the fields: as one field among others it would be taken for them.
  if (key === "data" && Predicate.isObject(value)) {
    return yield* contradiction(`${flag}: many fields at once go into --data`)
  }
  return { flag, key, value }
})

const parseJson = (text: string): Result.Result<unknown, unknown> => Result.try((): unknown => JSON.parse(text))

/** The fields that a body names; an e-mail address sent back is one too, though it sets nothing. */
const assignmentsIn = ({ data, objections }: UserPatch.UserPatch): ReadonlyArray<Assignment> => {
  const sentBack = objections.flatMap(({ unless }) => (unless?.in === "data" ? [unless.key] : []))
  return [...Object.keys(data), ...sentBack].map((key) => ({ flag: "--data", key }))
}

const refuseTwice = Effect.fnUntraced(function* (assignments: ReadonlyArray<Assignment>) {
  const flagOf = new Map<string, string>()
  for (const { flag, key } of assignments) {
    const other = flagOf.get(key)
    if (other !== undefined) return yield* contradiction(`${other} and ${flag} both set the field ${key}`)
    flagOf.set(key, flag)
  }
})

const groupFlags = (flags: PatchFlags): ReadonlyArray<string> => [
  ...(flags.groups.length > 0 ? ["--group"] : []),
  ...(flags.clearGroups ? ["--clear-groups"] : []),
  ...(flags.addGroups.length > 0 ? ["--add-group"] : []),
  ...(flags.removeGroups.length > 0 ? ["--remove-group"] : []),
]

const refuseContradictions = Effect.fnUntraced(function* (flags: PatchFlags) {
  const [first, second] = groupFlags(flags)
  if ((first === "--group" || first === "--clear-groups") && second !== undefined) {
    return yield* contradiction(`${first} says what the groups are, so ${second} cannot go with it`)
  }
  const both = flags.addGroups.find((slug) => flags.removeGroups.includes(slug))
  if (both !== undefined) {
    return yield* contradiction(`--add-group ${both} and --remove-group ${both} contradict each other`)
  }
})

const groupEdits = ({ addGroups, removeGroups }: PatchFlags) =>
  addGroups.length + removeGroups.length === 0
    ? undefined
    : ({ _tag: "EditGroups", add: addGroups, remove: removeGroups } as const)
