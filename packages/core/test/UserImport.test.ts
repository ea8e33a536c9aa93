import { describe, expect, it } from "@effect/vitest"
import { ImportFile, type SiteId, parseSiteId, UserId, UserImport, UserPatch, UserStore } from "@webflow-users/core"
import * as Memory from "@webflow-users/core/UserStore/Memory"
import { StoreAddress } from "@webflow-users/stores"
import { Effect } from "effect"

const stores = { Memory: Memory.layer, SQLite: StoreAddress.layerOwned("file::memory:") }
const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId

const ids = ["6287ec36a841b25637c663d1", "6287ec36a841b25637c663d2", "6287ec36a841b25637c663d3"].map((id) =>
  UserId.make(id),
)
const [one, two, three] = ids as [UserId, UserId, UserId]
const row = (id: string, email: string, rest: object = {}) => ({
  ID: id,
  Email: email,
  Name: `Name of ${email}`,
  ...rest,
})

/** Imports rows as the lines of a table, the first being line 2. */
const importRows = (rows: ReadonlyArray<Record<string, string>>, skipInvalid = false) =>
  importFile(ImportFile.fromRows(rows.map((cells, index) => ({ place: `line ${index + 2}`, cells }))), skipInvalid)
const importJson = (users: ReadonlyArray<object>) => importFile(ImportFile.fromJson(users), false)
const importFile = (file: UserImport.ImportFile | undefined, skipInvalid: boolean) =>
  UserImport.importUsers(siteId, file ?? { candidates: [], problems: [] }, { skipInvalid })

const everyone = Effect.gen(function* () {
  const { users } = yield* (yield* UserStore.UserStore).list(siteId, { offset: 0, limit: 100, sort: "Email" })
  return users
})
const idsByEmail = Effect.map(everyone, (users) => Object.fromEntries(users.map((user) => [user.data.email, user.id])))
const rename = (id: UserId, name: string) =>
  Effect.flatMap(UserStore.UserStore, (store) => store.update(siteId, id, UserPatch.UserPatch.from({ data: { name } })))

describe.each(Object.entries(stores))("importing users, into %s", (_, store) => {
  it.effect("takes them in as the file has them, and mints ids where it has none", () =>
    Effect.gen(function* () {
      const report = yield* importRows([row(one, "a@x", { "Access Groups": "Gold" }), row("", "b@x"), row("", "c@x")])
      expect(report).toStrictEqual({ added: 3, existing: 0, problems: [] })
      const [a, b, c] = yield* everyone
      expect(a).toStrictEqual({
        id: one,
        accessGroups: [{ slug: "gold", type: "admin" }],
        data: { name: "Name of a@x", email: "a@x" },
      })
      expect([b?.id, c?.id]).toStrictEqual([
        expect.stringMatching(/^[0-9a-f]{24}$/),
        expect.stringMatching(/^[0-9a-f]{24}$/),
      ])
      expect(new Set([a?.id, b?.id, c?.id]).size).toBe(3)
      const groups = yield* (yield* UserStore.UserStore).accessGroups(siteId, { offset: 0, limit: 10 })
      expect(groups.accessGroups.map((group) => group.name)).toStrictEqual(["Gold"])
    }).pipe(Effect.provide(store)),
  )

  it.effect("twice changes nothing, also where users have no id or no e-mail address", () =>
    Effect.gen(function* () {
      const rows = [row(one, "a@x"), row("", "b@x")]
      const users = [
        { id: two, data: {} },
        { id: three, data: { email: null } },
      ]
      yield* importRows(rows)
      yield* importJson(users)
      const before = yield* everyone
      expect(yield* importRows(rows)).toStrictEqual({ added: 0, existing: 2, problems: [] })
      expect(yield* importJson(users)).toStrictEqual({ added: 0, existing: 2, problems: [] })
      expect(yield* everyone).toStrictEqual(before)
      expect(before.length).toBe(4)
    }).pipe(Effect.provide(store)),
  )

  it.effect("never undoes an update", () =>
    Effect.gen(function* () {
      const rows = [row(one, "a@x"), row("", "b@x")]
      yield* importRows(rows)
      const { "b@x": minted = one } = yield* idsByEmail
      yield* rename(one, "Renamed")
      yield* rename(minted, "Renamed too")
      const updated = yield* everyone
      expect(yield* importRows([...rows, row("", "c@x")])).toStrictEqual({ added: 1, existing: 2, problems: [] })
      expect((yield* everyone).slice(0, 2)).toStrictEqual(updated)
    }).pipe(Effect.provide(store)),
  )

  it.effect("knows users by id whatever their e-mail address, and by e-mail address in any letter case", () =>
    Effect.gen(function* () {
      yield* importRows([row(one, "a@x"), row(two, "B@x")])
      const report = yield* importRows([row(one, "new@x"), row("", "b@X")])
      expect(report).toStrictEqual({ added: 0, existing: 2, problems: [] })
      expect(yield* idsByEmail).toStrictEqual({ "a@x": one, "B@x": two })
    }).pipe(Effect.provide(store)),
  )

  it.effect("tells who is twice in the file, by id or e-mail address, and who bears another's e-mail address", () =>
    Effect.gen(function* () {
      yield* importRows([row(three, "c@x")])
      const rows = [row(one, "a@x"), row(one, "b@x"), row("", "A@X"), row(two, "c@x"), row("", "b@x"), row(one, "a@x")]
      const problems = [
        { place: "line 3", reason: "is the same user as line 2" },
        { place: "line 4", reason: "is the same user as line 2" },
        { place: "line 5", reason: `its e-mail address belongs to user ${three} in the store` },
        // Line 3 was refused itself, and still says whose e-mail address this is.
        { place: "line 6", reason: "is the same user as line 3" },
        { place: "line 7", reason: "is the same user as line 2" },
      ]
      expect(yield* importRows(rows)).toStrictEqual({ added: 0, existing: 0, problems })
      expect(yield* idsByEmail).toStrictEqual({ "c@x": three })
      expect(yield* importRows(rows, true)).toStrictEqual({ added: 1, existing: 0, problems })
      expect(yield* idsByEmail).toStrictEqual({ "a@x": one, "c@x": three })
    }).pipe(Effect.provide(store)),
  )

  it.effect("does not take users without an e-mail address for one another", () =>
    Effect.gen(function* () {
      expect(yield* importJson([{ id: one }, { id: two }])).toStrictEqual({ added: 2, existing: 0, problems: [] })
      expect(yield* importJson([{ id: three }])).toStrictEqual({ added: 1, existing: 0, problems: [] })
    }).pipe(Effect.provide(store)),
  )

  it.effect("adds nobody, and no site, while there are problems", () =>
    Effect.gen(function* () {
      expect(yield* importRows([row(one, "a@x"), row("", "secret")])).toStrictEqual({
        added: 0,
        existing: 0,
        problems: [{ place: "line 3", reason: "email must be an e-mail address" }],
      })
      const rows = [row(one, "a@x"), row("secret", "b@x"), row(one, "c@x")]
      const problems = [
        { place: "line 3", reason: "id must be 24 hexadecimal characters" },
        { place: "line 4", reason: "is the same user as line 2" },
      ]
      expect(yield* importRows(rows)).toStrictEqual({ added: 0, existing: 0, problems })
      expect(yield* Effect.flip(everyone)).toMatchObject({ _tag: "SiteNotFound" })
      expect(yield* importRows(rows, true)).toStrictEqual({ added: 1, existing: 0, problems })
      expect(yield* idsByEmail).toStrictEqual({ "a@x": one })
    }).pipe(Effect.provide(store)),
  )

  it.effect("repeats nothing personal in its reasons", () =>
    Effect.gen(function* () {
      yield* importRows([row(three, "secret@x")])
      const { problems } = yield* importRows(
        [
          row(one, "secret@x", { Drink: "secret" }),
          row(two, "own@secret"),
          row("", "OWN@secret"),
          row(two, "secret", { Status: "secret", "Created On": "secret" }),
        ],
        true,
      )
      expect(problems.length).toBe(3)
      expect(JSON.stringify(problems)).not.toContain("secret")
    }).pipe(Effect.provide(store)),
  )

  it.effect("of nobody makes the site known", () =>
    Effect.gen(function* () {
      expect(yield* importRows([])).toStrictEqual({ added: 0, existing: 0, problems: [] })
      expect(yield* everyone).toStrictEqual([])
    }).pipe(Effect.provide(store)),
  )
})
