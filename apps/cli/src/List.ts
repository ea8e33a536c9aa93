/** `list SITE` */
import { ReadUsers, UserSort, type UserPage } from "@webflow-users/core"
import { ListQuery, UserJson } from "@webflow-users/core/wire"
import { Effect, Option } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { Output } from "./Output.ts"
import * as Store from "./Store.ts"
import { summaries } from "./Summaries.ts"
import { groupsOf, printable, shorten, table } from "./Text.ts"

export const list = Command.make(
  "list",
  {
    site: Argument.String("site").pipe(Argument.withDescription("The site's id")),
    offset: Flag.Int("offset").pipe(Flag.withDescription("How many users to skip (default: 0)"), Flag.withDefault(0)),
    limit: Flag.Int("limit").pipe(
      Flag.withDescription(
        `How many users to show, at most ${ListQuery.maxLimit} (default: ${ListQuery.defaultLimit})`,
      ),
      Flag.withDefault(ListQuery.defaultLimit),
    ),
    sort: Flag.Literals("sort", UserSort.literals).pipe(
      Flag.withMetavar("ORDER"),
      Flag.withDescription("In which order; a leading - reverses"),
      Flag.optional,
    ),
  },
  Effect.fnUntraced(function* ({ site, offset, limit, sort }) {
    const output = yield* Output
    const { users, ...rest } = yield* ReadUsers.listUsers(site, { offset, limit, sort: Option.getOrUndefined(sort) })
    const page = { users: users.map((user) => UserJson.encodeUser(user)), ...rest }
    yield* output.result(page, () => inWords({ users, ...rest }))
  }, Effect.provide(Store.layer)),
).pipe(
  Command.withDescription(summaries.list),
  Command.withExamples([{ command: "webflow-users list SITE --limit 100 --sort -LastLogin" }]),
)

const inWords = ({ users, offset, total }: UserPage): string => {
  const rows = users.map(({ id, status, accessGroups, data }) => [
    id,
    shorten(printable(data.email ?? ""), 40),
    shorten(printable(data.name ?? ""), 30),
    printable(status ?? ""),
    shorten(groupsOf(accessGroups), 40),
  ])
  const end = offset + users.length
  const more = end < total ? `; more with --offset ${end}` : ""
  return users.length === 0
    ? `No users here, of ${total} in all`
    : `${table([["ID", "E-MAIL", "NAME", "STATUS", "GROUPS"], ...rows])}\n\n${offset + 1} to ${end} of ${total}${more}`
}
