/** What updates cost a SQLite file, in statements: counts are the same on every machine, whatever its clock says. */
import { mkdtempSync, rmSync } from "node:fs"
import { DatabaseSync, StatementSync } from "node:sqlite"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, it } from "@effect/vitest"
import { NewUsers, parseSiteId, type SiteId, UserId, UserPatch, UserStore } from "@webflow-users/core"
import { StoreAddress } from "@webflow-users/stores"
import { Effect, Layer } from "effect"
import { afterEach, expect, vi } from "vitest"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const users = Array.from({ length: 1_024 }, (_, index) => ({
  id: UserId.make(`6287ec36a841b25637c6${(0x4000 + index).toString(16)}`),
  accessGroups: [],
  data: { name: "Before", email: `member${index}@example.com` },
}))
const rename = UserPatch.UserPatch.from({ data: { name: "After" } })

/** A store in a file of its own. */
const inFile = Layer.unwrap(
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "webflow-users-counts-"))),
      (made) => Effect.sync(() => rmSync(made, { recursive: true })),
    ),
    (folder) => StoreAddress.layerArchived(`file:${join(folder, "users.db")}`),
  ),
)

/** The statements that are executed meanwhile, each as it is told apart by its first words, and how often; and what is prepared. */
const counted = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
  const executing = vi.spyOn(StatementSync.prototype, "all")
  const preparing = vi.spyOn(DatabaseSync.prototype, "prepare")
  yield* effect
  const executed: Record<string, number> = {}
  for (const statement of executing.mock.contexts) {
    const words = /^(\w+)(.*?(FROM|INTO)?\s+(users|user_events|sites)\b)?/s.exec((statement as StatementSync).sourceSQL)
    const name = [words?.[1], words?.[4]].filter((word) => word !== undefined).join(" ")
    executed[name] = (executed[name] ?? 0) + 1
  }
  return { executed, prepared: preparing.mock.calls.length }
})

afterEach(() => void vi.restoreAllMocks())

describe("updates in a SQLite file", () => {
  it.live("of 1,024 at once, 256 are committed together, and three statements are each one's own", () =>
    Effect.gen(function* () {
      yield* (yield* NewUsers).add(siteId, () => users)
      const { update } = yield* UserStore.UserStore
      // What is prepared once is prepared by the first two, which go together.
      yield* Effect.forEach(users.slice(0, 2), ({ id }) => update(siteId, id, rename), { concurrency: 2 })
      const all = Effect.forEach(users, ({ id }) => update(siteId, id, rename), { concurrency: "unbounded" })
      expect(yield* counted(all)).toEqual({
        executed: {
          BEGIN: 4,
          // The first of a group is asked for with its site.
          "SELECT sites": 4,
          "SELECT users": 1_020,
          "UPDATE users": 1_024,
          "INSERT user_events": 1_024,
          COMMIT: 4,
        },
        prepared: 0,
      })
    }).pipe(Effect.provide(inFile)),
  )

  it.live("of one alone, it has a transaction and waits for nobody", () =>
    Effect.gen(function* () {
      yield* (yield* NewUsers).add(siteId, () => users.slice(0, 3))
      const { update } = yield* UserStore.UserStore
      const inTurn = Effect.forEach(users.slice(0, 3), ({ id }) => update(siteId, id, rename))
      const { executed } = yield* counted(inTurn)
      expect(executed).toEqual({
        BEGIN: 3,
        "SELECT sites": 3,
        "UPDATE users": 3,
        "INSERT user_events": 3,
        COMMIT: 3,
      })
    }).pipe(Effect.provide(inFile)),
  )

  it.live("that are refused write nothing, and share the transaction of those that are not", () =>
    Effect.gen(function* () {
      yield* (yield* NewUsers).add(siteId, () => users.slice(0, 4))
      const { update } = yield* UserStore.UserStore
      // What stands against it is only known when the user is read.
      const refused = UserPatch.UserPatch.from({ accessGroups: [{ slug: "bought", type: "ecommerce" }] })
      const patches = [rename, refused, rename, refused]
      const all = Effect.forEach(patches, (patch, index) => Effect.exit(update(siteId, users[index]!.id, patch)), {
        concurrency: "unbounded",
      })
      const { executed } = yield* counted(all)
      expect(executed).toEqual({
        BEGIN: 1,
        "SELECT sites": 1,
        "SELECT users": 3,
        "UPDATE users": 2,
        "INSERT user_events": 2,
        COMMIT: 1,
      })
    }).pipe(Effect.provide(inFile)),
  )
})
