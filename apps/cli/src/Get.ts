/** `get SITE USER` */
import { ReadUsers, type User } from "@webflow-users/core"
import { UserJson } from "@webflow-users/core/wire"
import { Effect } from "effect"
import { Argument, Command } from "effect/cli"
import { Output } from "./Output.ts"
import * as Store from "./Store.ts"
import { about } from "./Subject.ts"
import { summaries } from "./Summaries.ts"
import { groupsOf, printable, table, valueOf } from "./Text.ts"

export const get = Command.make(
  "get",
  {
    site: Argument.String("site").pipe(Argument.withDescription("The site's id")),
    user: Argument.String("user").pipe(Argument.withDescription("The user's id or e-mail address")),
  },
  Effect.fnUntraced(
    function* ({ site, user }) {
      const output = yield* Output
      const found = yield* ReadUsers.findUser(site, user)
      yield* output.result(UserJson.encodeUser(found), () => inWords(found))
    },
    Effect.provide(Store.layer),
    (command, { user }) => about(command, { user, isUpdate: false }),
  ),
).pipe(
  Command.withDescription(summaries.get),
  Command.withExamples([{ command: "webflow-users get SITE ada@example.com" }]),
)

const inWords = ({ data, accessGroups, ...user }: User): string =>
  table([
    ...Object.entries(user).map(([key, value]) => [
      printable(key),
      typeof value === "string" ? printable(value) : valueOf(value),
    ]),
    ["groups", groupsOf(accessGroups)],
    ...Object.entries(data).map(([key, value]) => [`data.${printable(key)}`, valueOf(value)]),
  ])
