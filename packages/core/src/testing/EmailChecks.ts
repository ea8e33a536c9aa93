/** What every store that its owner keeps does with e-mail addresses: part of `UserStoreSuite`. */
import { Effect } from "effect"
import { NewUsers } from "../NewUsers.ts"
import { ada, bob, type Check, member, same, seeded, siteId, tagOf } from "./StoreCheck.ts"

/** An address as somebody may have written it, and users may have been taken in with it. */
const carelessly = member(3, { data: { name: "Careless", email: " Member3@Example.COM " } })

export const emailChecks: ReadonlyArray<Check> = [
  {
    name: "finds users by e-mail address in any letter case, and whatever space is around it",
    run: Effect.gen(function* () {
      const store = yield* seeded(ada, bob, carelessly)
      yield* same("in other letters", yield* store.findByEmail(siteId, "MEMBER2@example.com"), bob)
      yield* same("with space around it", yield* store.findByEmail(siteId, " member2@example.com\n"), bob)
      yield* same("kept in other letters", yield* store.findByEmail(siteId, "member3@example.com"), carelessly)
      yield* same("as it is kept", yield* store.findByEmail(siteId, " Member3@Example.COM "), carelessly)
      yield* same("a part of one", yield* tagOf(store.findByEmail(siteId, "member2@example")), "UserNotFound")
      yield* (yield* NewUsers).add(siteId, () => [member(9, { data: { name: "Without" } })])
      yield* same("nobody", yield* tagOf(store.findByEmail(siteId, "")), "UserNotFound")
      yield* same("nobody, with space", yield* tagOf(store.findByEmail(siteId, " ")), "UserNotFound")
    }),
  },
  {
    name: "tells known e-mail addresses in lower case and without space around them when users are taken in",
    run: Effect.gen(function* () {
      yield* seeded(ada, carelessly)
      let known: ReadonlyArray<unknown> = []
      yield* (yield* NewUsers).add(siteId, ({ idByEmail }) => {
        known = ["member1@example.com", "member3@example.com"].map((email) => idByEmail.get(email))
        return undefined
      })
      yield* same("known", known, [ada.id, carelessly.id])
    }),
  },
]
