import { describe, expect, it } from "@effect/vitest"
import { UserEvents } from "@webflow-users/core"
import { Effect } from "effect"
import { database } from "../../../test/postgres.ts"
import { exported, file, imported, member, open, otherSiteId, seed, siteId } from "./archives.ts"

const stores = { SQLite: file, PostgreSQL: database() } as const
type Kind = keyof typeof stores

const roundTrips: ReadonlyArray<readonly [from: Kind, through: Kind]> = [
  ["SQLite", "SQLite"],
  ["SQLite", "PostgreSQL"],
  ["PostgreSQL", "SQLite"],
  ["PostgreSQL", "PostgreSQL"],
]

describe("an archive", () => {
  it.live.each(roundTrips)("from %s through %s and back is the same, byte by byte", ([from, through]) =>
    Effect.gen(function* () {
      const source = yield* Effect.flatMap(stores[from], open)
      const target = yield* Effect.flatMap(stores[through], open)
      const back = yield* Effect.flatMap(stores[from], open)
      yield* Effect.provideContext(seed(), source)
      const first = yield* Effect.provideContext(exported(), source)
      const summary = yield* Effect.provideContext(imported(first), target)
      const second = yield* Effect.provideContext(exported(), target)
      expect(second).toBe(first)
      yield* Effect.provideContext(imported(second), back)
      expect(yield* Effect.provideContext(exported(), back)).toBe(first)
      expect(summary).toMatchObject({ accessGroups: 5, users: 4, events: 3 })
      expect(JSON.parse(first.trimEnd().split("\n").at(-1)!)).toEqual({
        end: { accessGroups: 5, users: 4, events: 3 },
        sha256: summary.sha256,
      })
      const events = (store: typeof source) =>
        Effect.provideContext(
          UserEvents.use((found) => found.ofUser(siteId, member(1).id)),
          store,
        )
      const withoutSequence = (found: ReadonlyArray<{ readonly sequence: number }>) =>
        found.map(({ sequence: _, ...event }) => event)
      expect(withoutSequence(yield* events(back))).toEqual(withoutSequence(yield* events(source)))
      expect(first).not.toContain(otherSiteId)
    }),
  )
})
