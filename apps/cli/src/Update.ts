/** `update SITE USER`: the operation, from a command line. */
import { ReadUsers, UpdateUser, UserHistory, type UserPatch } from "@webflow-users/core"
import { JsonBody, UserJson } from "@webflow-users/core/wire"
import { Effect, Layer, Option } from "effect"
import { Argument, CliError, Command, Flag } from "effect/cli"
import * as Changes from "./Changes.ts"
import { files } from "./Files.ts"
import { Output } from "./Output.ts"
import { patchFlags, patchOf } from "./PatchFlags.ts"
import { withPolicy } from "./Policy.ts"
import * as Store from "./Store.ts"
import { about } from "./Subject.ts"
import { summaries } from "./Summaries.ts"
import { groupsOf, nameOf, printable, valueOf } from "./Text.ts"

/** As every other wrong call is shown. */
const showUsage = (error: CliError.ValidationError) =>
  new CliError.ShowHelp({ commandPath: ["webflow-users", "update"], errors: [error] })

export const update = Command.make(
  "update",
  {
    site: Argument.String("site").pipe(Argument.withDescription("The site's id")),
    user: Argument.String("user").pipe(Argument.withDescription("The user's id or e-mail address")),
    ...patchFlags,
    data: Flag.String("data").pipe(
      Flag.withMetavar("JSON"),
      Flag.withDescription("The body of an Update User request: JSON, @FILE, or - for standard input"),
      Flag.optional,
    ),
    isDryRun: Flag.Boolean("dry-run").pipe(
      Flag.withDescription("Print what would change, and change nothing"),
      Flag.withoutNegation,
      Flag.withDefault(false),
    ),
  },
  Effect.fnUntraced(
    function* ({ site, user, data, isDryRun, ...flags }) {
      const patch = yield* patchOf(flags, yield* Effect.transposeOption(Option.map(data, readBody))).pipe(
        Effect.catchTag("ValidationError", (error) => showUsage(error)),
      )
      yield* (isDryRun ? preview : carryOut)(site, user, patch).pipe(Effect.provide(layer))
    },
    withPolicy,
    (command, { user, isDryRun }) => about(command, { user, isUpdate: !isDryRun }),
  ),
).pipe(
  Command.withDescription(summaries.update),
  Command.withExamples([
    { command: `webflow-users update SITE ada@example.com --name "Ada Okafor" --field company=Okafor` },
    { command: "webflow-users update SITE USER --field member-number:=12 --null company --add-group platinum" },
    { command: `webflow-users update SITE USER --data '{"accessGroups": ["webflowers"]}' --dry-run` },
  ]),
)

const layer = UpdateUser.layer.pipe(Layer.provideMerge(Store.layer))

const carryOut = Effect.fnUntraced(function* (site: string, user: string, patch: UserPatch.UserPatch) {
  const updateUser = yield* UpdateUser.UpdateUser
  const output = yield* Output
  const updated = yield* updateUser({ siteId: site, userId: yield* idOf(site, user), patch })
  yield* output.result(UserJson.encodeUser(updated), () =>
    [
      `Updated ${nameOf(updated)}`,
      ...Object.entries(patch.data).map(
        ([key, value]) => `  ${printable(key)}: ${value === null ? "cleared" : valueOf(value)}`,
      ),
      ...(patch.groups === undefined ? [] : [`  groups: ${groupsOf(updated.accessGroups)}`]),
    ].join("\n"),
  )
})

const preview = Effect.fnUntraced(function* (site: string, user: string, patch: UserPatch.UserPatch) {
  const output = yield* Output
  const { before, after } = yield* UpdateUser.dryRun({ siteId: site, userId: yield* idOf(site, user), patch })
  const changes = UserHistory.differences(before, after)
  const json = { dryRun: true, changes, before: UserJson.encodeUser(before), after: UserJson.encodeUser(after) }
  yield* output.result(json, () =>
    changes.length === 0
      ? `Nothing would change for ${nameOf(before)}`
      : [`Would update ${nameOf(before)}`, ...Changes.inWords(changes)].join("\n"),
  )
})

/** An id goes to the operation as it is, so that a token which may only write can use it. */
const idOf = (site: string, user: string) =>
  user.includes("@") ? Effect.map(ReadUsers.findUser(site, user), ({ id }) => id) : Effect.succeed(user)

const readBody = Effect.fnUntraced(function* (source: string) {
  const from = source === "-" ? source : source.startsWith("@") ? source.slice(1) : undefined
  const bytes = from === undefined ? new TextEncoder().encode(source) : yield* readFile(from)
  return yield* Effect.fromResult(JsonBody.parseJsonBody(bytes))
})

/** Few bodies are in files. */
const readFile = (source: string) =>
  Effect.promise(() => import("./Input.ts")).pipe(
    Effect.flatMap(({ read }) => read(source)),
    Effect.provide(files),
  )
