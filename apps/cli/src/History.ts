/** `history SITE USER`: what happened to a user. */
import { ReadUsers, UserHistory } from "@webflow-users/core"
import { ListQuery } from "@webflow-users/core/wire"
import { Effect } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import * as Changes from "./Changes.ts"
import { Output } from "./Output.ts"
import * as Store from "./Store.ts"
import { about } from "./Subject.ts"
import { summaries } from "./Summaries.ts"
import { nameOf, printable } from "./Text.ts"

export const history = Command.make(
  "history",
  {
    site: Argument.String("site").pipe(Argument.withDescription("The site's id")),
    user: Argument.String("user").pipe(Argument.withDescription("The user's id or e-mail address")),
    offset: Flag.Int("offset").pipe(Flag.withDescription("How many updates to skip (default: 0)"), Flag.withDefault(0)),
    limit: Flag.Int("limit").pipe(
      Flag.withDescription(
        `How many updates to show, at most ${ListQuery.maxLimit} (default: ${ListQuery.defaultLimit})`,
      ),
      Flag.withDefault(ListQuery.defaultLimit),
    ),
  },
  Effect.fnUntraced(
    function* ({ site, user, offset, limit }) {
      const output = yield* Output
      const found = yield* ReadUsers.findUser(site, user)
      const page = yield* UserHistory.userHistory(site, found.id, { offset, limit })
      yield* output.result(page, () => inWords(nameOf(found), page))
    },
    Effect.provide(Store.layerOwned),
    (command, { user }) => about(command, { user, isUpdate: false }),
  ),
).pipe(
  Command.withDescription(summaries.history),
  Command.withExamples([{ command: "webflow-users history SITE ada@example.com" }]),
)

const inWords = (name: string, { history: entries, offset, total }: UserHistory.HistoryPage): string => {
  const end = offset + entries.length
  const more = end < total ? `; more with --offset ${end}` : ""
  if (total === 0) return `${name} was never updated here`
  return entries.length === 0
    ? `No updates of ${name} here, of ${total} in all`
    : [...entries.map(entryInWords), `${offset + 1} to ${end} of ${total} updates of ${name}${more}`].join("\n\n")
}

const entryInWords = ({ at, actor, label, address, changes }: UserHistory.HistoryEntry): string => {
  const name = label === null ? "" : ` (${printable(label)})`
  const origin = address === null ? "" : ` from ${address}`
  return [
    `${at}  ${printable(actor)}${name}${origin}`,
    ...(changes.length === 0 ? ["  nothing but the time of the last update"] : Changes.inWords(changes)),
  ].join("\n")
}
