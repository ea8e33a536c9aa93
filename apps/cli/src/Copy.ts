/** `copy --from ADDRESS --to ADDRESS`: sites from one store of one's own into another. */
import { AccessTokenStore, CopySite, SiteArchive, type SiteId, SiteNotFound, UserStore } from "@webflow-users/core"
import { StoreAddress } from "@webflow-users/stores"
import { Context, Effect, FileSystem, Layer, Option } from "effect"
import { Command, Flag } from "effect/cli"
import * as Progress from "./archive/Progress.ts"
import * as Sha256 from "./archive/Sha256.ts"
import * as Words from "./archive/Words.ts"
import { Output } from "./Output.ts"
import { summaries } from "./Summaries.ts"
import { counted } from "./Text.ts"

const storeFlag = (name: "from" | "to", description: string) =>
  Flag.String(name).pipe(Flag.withMetavar("ADDRESS"), Flag.withDescription(description))

export const copy = Command.make(
  "copy",
  {
    from: storeFlag("from", "The store that has them: file:PATH or postgres://…"),
    to: storeFlag("to", "The store that is to have them, too"),
    site: Flag.String("site").pipe(
      Flag.withMetavar("SITE"),
      Flag.withDescription("The id of the only site to copy (default: all sites)"),
      Flag.optional,
    ),
    tokens: Flag.Boolean("tokens").pipe(
      Flag.withDescription(
        "Copy the tokens of the proxy's callers too, so that they are good there as well; with --site those of the site only",
      ),
      Flag.withoutNegation,
      Flag.withDefault(false),
    ),
  },
  Effect.fnUntraced(function* ({ from, to, site, tokens }) {
    const only = Option.isNone(site) ? undefined : yield* UserStore.acceptSiteId(site.value)
    // To open it would make it.
    const path = StoreAddress.fileOf(from)
    const { exists } = yield* FileSystem.FileSystem
    if (path !== undefined && !(yield* Effect.orElseSucceed(exists(path), () => true))) {
      return yield* new StoreAddress.UnusableAddress({ message: `--from names a file that is not there: ${path}` })
    }
    const [source, target] = yield* Effect.all([open(from), open(to)])
    const [theirs, ours] = [Context.get(source, SiteArchive.SiteArchive), Context.get(target, SiteArchive.SiteArchive)]
    const all = yield* theirs.sites
    if (only !== undefined && !all.includes(only)) return yield* new SiteNotFound()
    if (all.length === 0) {
      return yield* new StoreAddress.UnusableAddress({
        message: "The store of --from has no sites: there is nothing to copy",
      })
    }
    const sites = only === undefined ? all : [only]
    const missing = yield* CopySite.missing(theirs, ours, sites, Sha256.make)
    for (const siteId of sites) yield* missing.includes(siteId) ? copyOne(theirs, ours, siteId) : tellPresent(siteId)
    if (tokens) yield* copyTokens(source, target, only)
  }, Effect.scoped),
).pipe(
  Command.withDescription(
    [
      "Copy sites from one store of your own into another, and verify that they have arrived.",
      "",
      "Each site is copied as it is at one moment, in one transaction, then read again from both stores and compared by counts",
      "and SHA-256. Others may go on writing to the first store; what has changed there since is told. Sites that the other store",
      "has already, alike, are left as they are. --store is not used.",
      "",
      "Webhooks are not copied, nor what they have still to tell: stop what writes, wait until webhook list shows 0 pending, copy,",
      "then add the webhooks to the other store.",
    ].join("\n  "),
  ),
  Command.withShortDescription(summaries.copy),
  Command.withExamples([
    { command: "webflow-users copy --from file:./webflow-users.db --to postgres://user@host/database" },
  ]),
)

type Store = Context.Context<StoreAddress.ArchivedServices>
type Archive = SiteArchive.SiteArchive["Service"]

const open = (address: string) => Layer.build(StoreAddress.layerArchived(address))

const copyOne = Effect.fnUntraced(function* (from: Archive, to: Archive, siteId: SiteId) {
  const output = yield* Output
  const { accessGroups, users, events } = yield* from.contents(siteId)
  // It is read to be copied, and once more from each store.
  const total = 3 * (accessGroups + users + events + 1)
  const report = yield* Effect.scoped(
    Effect.flatMap(Progress.make(total, { verb: "copied and verified" }), (advance) =>
      CopySite.copySite(from, to, siteId, Sha256.make, advance),
    ),
  )
  const { since, ...summary } = report
  yield* output.result({ ...summary, copied: true, since: since ?? null }, () =>
    [Words.copied(siteId, summary), "  Read again from both stores: the same", ...Words.changedSince(since)].join("\n"),
  )
})

const tellPresent = Effect.fnUntraced(function* (siteId: SiteId) {
  const output = yield* Output
  yield* output.result({ siteId, copied: false }, () => `Site ${siteId} is there already, and the same`)
})

/** Of one site its tokens, otherwise all. Those that are there already stay. */
const copyTokens = Effect.fnUntraced(function* (from: Store, to: Store, only: SiteId | undefined) {
  const output = yield* Output
  const [source, target] = [Context.get(from, AccessTokenStore), Context.get(to, AccessTokenStore)]
  const known = new Set((yield* target.list).map(({ id }) => id))
  const wanted = (yield* source.list).filter(({ siteId }) => only === undefined || siteId === only)
  const added = wanted.filter(({ id }) => !known.has(id))
  yield* Effect.forEach(added, target.add, { discard: true })
  yield* output.result(
    { tokens: { copied: added.length, existing: wanted.length - added.length } },
    () => `Copied ${counted(added.length, "token")}, ${wanted.length - added.length} already there`,
  )
})
