/** `site list`, `site declare SITE --file FILE`, `site show SITE`: which sites a store has, and what their owner says of them. */
import { DeclareSite, SiteArchive, type SiteDeclaration, type SiteId, UserStore } from "@webflow-users/core"
import { Effect } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import * as Input from "./Input.ts"
import { Output } from "./Output.ts"
import * as Store from "./Store.ts"
import { summaries } from "./Summaries.ts"
import { number, printable, table } from "./Text.ts"

const site = Argument.String("site").pipe(Argument.withDescription("The site's id"))

const declare = Command.make(
  "declare",
  {
    site,
    file: Flag.String("file").pipe(
      Flag.withMetavar("FILE"),
      Flag.withDescription("The declaration: JSON, or - for standard input"),
    ),
  },
  Effect.fnUntraced(function* ({ site: siteId, file }) {
    const output = yield* Output
    const report = yield* DeclareSite.declareSite(siteId, yield* Input.readJson(file))
    yield* output.result(report, () => inWords(report))
  }, Effect.provide(Store.layerOwned)),
).pipe(
  Command.withDescription(
    [
      "Say which access groups and custom fields a site has.",
      "",
      "From then on an update that names others, or gives a field another kind of value, is refused. The declaration",
      "replaces the one before; users stay as they are. Without accessGroups, or fields, any is accepted.",
      "",
      '  {"accessGroups": [{"slug": "platinum", "name": "Platinum"}],',
      '   "fields": [{"slug": "company", "type": "PlainText", "maxLength": 80, "isRequired": true}]}',
      "",
      "Types: PlainText (minLength, maxLength), Email, Link, Number (minimum, maximum, isInteger),",
      "Option (options: slug, name, id), Switch, File. slug is the field's key in data.",
    ].join("\n  "),
  ),
  Command.withShortDescription("Say which access groups and custom fields a site has"),
  Command.withExamples([{ command: "webflow-users site declare SITE --file site.json" }]),
)

const show = Command.make(
  "show",
  { site },
  Effect.fnUntraced(function* ({ site: siteId }) {
    const output = yield* Output
    const store = yield* UserStore.UserStore
    const declaration = yield* store.declaration(yield* UserStore.acceptSiteId(siteId))
    yield* output.result(declaration, () => JSON.stringify(declaration, null, 2))
  }, Effect.provide(Store.layerOwned)),
).pipe(Command.withDescription("Print a site's declaration, as declare takes it"))

const list = Command.make(
  "list",
  {},
  Effect.fnUntraced(function* () {
    const output = yield* Output
    const archive = yield* SiteArchive.SiteArchive
    const sites = yield* Effect.forEach(yield* archive.sites, (siteId) =>
      Effect.map(archive.contents(siteId), (contents) => ({ siteId, ...contents })),
    )
    yield* output.result(sites, () => (sites.length === 0 ? "No sites" : listInWords(sites)))
  }, Effect.provide(Store.layerArchived)),
).pipe(Command.withDescription("List the sites of a store of your own, and how much each has"))

export const siteCommand = Command.make("site").pipe(
  Command.withDescription(summaries.site),
  Command.withSubcommands([list, declare, show]),
)

const listInWords = (sites: ReadonlyArray<SiteArchive.Contents & { readonly siteId: SiteId }>): string =>
  table([
    ["SITE", "USERS", "GROUPS", "EVENTS", "DECLARED"],
    ...sites.map(({ siteId, users, accessGroups, events, isDeclared }) => [
      siteId,
      ...[users, accessGroups, events].map(number),
      isDeclared ? "yes" : "no",
    ]),
  ])

const inWords = ({ siteId, isNew, accessGroups, fields }: DeclareSite.Report): string => {
  const changes = [...changesOf("access group", accessGroups), ...changesOf("field", fields)]
  return [
    `Site ${siteId}${isNew ? " is new" : changes.length === 0 ? ": nothing changed" : ""}`,
    ...changes.map((change) => `  ${change}`),
    `  Access groups are ${accessGroups.isDeclared ? "declared" : "not declared, so that any is accepted"}`,
    `  Fields are ${fields.isDeclared ? "declared" : "not declared, so that any is accepted"}`,
  ].join("\n")
}

const changesOf = (what: string, changes: SiteDeclaration.Changes): ReadonlyArray<string> =>
  (["added", "changed", "removed"] as const).flatMap((verb) =>
    changes[verb].map((slug) => `${what} ${printable(slug)} ${verb}`),
  )
