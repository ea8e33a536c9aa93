/** `export --site SITE`: all of a site, as lines that `import` takes in. */
import { ArchiveLines, SiteArchive, UserStore } from "@webflow-users/core"
import { Effect, Option, Stdio, Stream } from "effect"
import { Command, Flag } from "effect/cli"
import * as Progress from "./archive/Progress.ts"
import * as Sha256 from "./archive/Sha256.ts"
import * as WholeFile from "./archive/WholeFile.ts"
import * as Words from "./archive/Words.ts"
import { Output } from "./Output.ts"
import * as Store from "./Store.ts"
import { summaries } from "./Summaries.ts"
import { printable } from "./Text.ts"

export const exportSite = Command.make(
  "export",
  {
    site: Flag.String("site").pipe(Flag.withMetavar("SITE"), Flag.withDescription("The id of the site")),
    output: Flag.String("output").pipe(
      Flag.withMetavar("FILE"),
      Flag.withDescription(
        "Where to, readable by you only, and there when all of it is (default: standard output, as -)",
      ),
      Flag.filter(
        (file) => file !== "",
        () => "the name of a file, or - for standard output",
      ),
      Flag.optional,
      Flag.map(Option.filter((file) => file !== "-")),
    ),
    force: Flag.Boolean("force").pipe(
      Flag.withDescription("Replace FILE if it is there"),
      Flag.withoutNegation,
      Flag.withDefault(false),
    ),
  },
  Effect.fnUntraced(
    function* ({ site, output: file, force }) {
      const output = yield* Output
      const archive = yield* SiteArchive.SiteArchive
      const siteId = yield* UserStore.acceptSiteId(site)
      const writer = ArchiveLines.writer(Sha256.make())
      const isPiped = Option.isNone(file)
      const { accessGroups, users, events } = yield* archive.contents(siteId)
      const total = accessGroups + users + events + 1
      const told = { verb: "exported", isSilent: isPiped }
      const entries = Progress.alongside(archive.read(siteId), total, told, (some) => some.length)
      const bytes = ArchiveLines.encode(entries, writer)
      if (Option.isNone(file)) {
        const { stdout } = yield* Stdio.Stdio
        yield* Stream.run(bytes, stdout()).pipe(
          Effect.catchTag("PlatformError", (error) => Effect.fail(WholeFile.unwritable("Standard output")(error))),
        )
        // Standard output has the archive and nothing else.
        return yield* output.remark(Words.exported(siteId, writer.summary()))
      }
      yield* WholeFile.write(file.value, bytes, { force })
      const summary = writer.summary()
      yield* output.result(
        { siteId, ...summary, file: file.value },
        () => `${Words.exported(siteId, summary)}\n  In ${printable(file.value)}`,
      )
    },
    Effect.scoped,
    Effect.provide(Store.layerArchived),
  ),
).pipe(
  Command.withDescription(
    [
      "Write all of a site to a file: its declaration, access groups, users, and the record of their updates.",
      "",
      "It is the site as it is at one moment; others may go on writing. The same site gives the same bytes, wherever it is kept,",
      "and import takes them into a store that does not have the site. Tokens of the proxy's callers, and webhooks, are not in it.",
    ].join("\n  "),
  ),
  Command.withShortDescription(summaries.export),
  Command.withExamples([
    { command: "webflow-users export --site SITE --output site.jsonl" },
    { command: "webflow-users export --site SITE | gzip > site.jsonl.gz" },
  ]),
)
