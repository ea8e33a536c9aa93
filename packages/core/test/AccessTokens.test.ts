import { hash as hashOf } from "node:crypto"
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import { type AccessToken, AccessTokens, AccessTokenStore, parseSiteId, type SiteId } from "@webflow-users/core"
import * as MemoryTokens from "@webflow-users/core/AccessTokenStore/Memory"
import * as SqlTokens from "@webflow-users/core/AccessTokenStore/Sql"
import * as SqlUsers from "@webflow-users/core/UserStore/Sql"
import { StoreAddress } from "@webflow-users/stores"
import { DateTime, Effect, Exit, Fiber, Latch, Layer, Result } from "effect"
import { Digest, SecureRandom } from "effect/crypto"
import { SqlClient } from "effect/sql"
import { TestClock } from "effect/testing"
import { database } from "../../../test/postgres.ts"
import * as Sqlite from "../../stores/src/Sqlite.ts"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const elsewhere = parseSiteId("580e63e98c9a982ac9b8b742") as SiteId

const tokensOn = <A, E>(store: Layer.Layer<A | AccessTokenStore, E>) =>
  AccessTokens.AccessTokens.layer.pipe(
    Layer.provide([Digest.layerWebCrypto, SecureRandom.layerWebCrypto]),
    Layer.provideMerge(store),
  )
const stores = {
  Memory: MemoryTokens.layer,
  SQLite: StoreAddress.layerOwned("file::memory:"),
  PostgreSQL: Layer.unwrap(Effect.map(database(), StoreAddress.layerOwned)),
} satisfies Record<string, Layer.Layer<AccessTokenStore, unknown>>

// Not long after the clock's beginning: connections to a database are looked after by it too, every few seconds.
const noon = Date.parse("1970-01-01T12:00:00.000Z")
const moment = (text: string) => DateTime.makeUnsafe(text)
/** How a token is refused: to its caller as every other is, to the log with the reason. */
const refusedFor = (reason: string) => ({
  _tag: "NotAuthorized",
  message: "Request not authorized",
  details: [],
  reason,
})

const byId = (a: AccessToken, b: AccessToken) => (a.id < b.id ? -1 : 1)

const letterAt = (text: string, index: number, letter: string) => text.slice(0, index) + letter + text.slice(index + 1)

describe.each<[string, Layer.Layer<AccessTokenStore, unknown>]>(Object.entries(stores))(
  "access tokens, in %s",
  (_name, store) => {
    const layer = tokensOn(store)

    it.effect("are recognised when they are presented, for what they were issued", () =>
      Effect.gen(function* () {
        const tokens = yield* AccessTokens.AccessTokens
        yield* TestClock.setTime(noon)
        const { token, ...issued } = yield* tokens.create(siteId, ["users:read", "users:write"])
        expect(token).toMatch(new RegExp(`^wfu_${issued.id}_[0-9a-f]{64}$`))
        expect(issued).toStrictEqual({
          id: expect.stringMatching(/^[0-9a-f]{24}$/),
          siteId,
          scopes: ["users:read", "users:write"],
          createdOn: "1970-01-01T12:00:00.000Z",
        })
        const other = yield* tokens.create(elsewhere, [])
        expect(yield* tokens.verify(token)).toStrictEqual(issued)
        expect(yield* tokens.verify(other.token)).toMatchObject({ id: other.id, siteId: elsewhere, scopes: [] })
        expect([other.id === issued.id, other.token.slice(-64) === token.slice(-64)]).toStrictEqual([false, false])
      }).pipe(Effect.provide(layer)),
    )

    it.effect("have the rate they were issued with, or none", () =>
      Effect.gen(function* () {
        const tokens = yield* AccessTokens.AccessTokens
        const limited = yield* tokens.create(siteId, ["users:read"], { rate: 60 })
        const free = yield* tokens.create(siteId, ["users:read"], {})
        expect([limited.rate, "rate" in free]).toStrictEqual([60, false])
        expect(yield* tokens.verify(limited.token)).toMatchObject({ id: limited.id, rate: 60 })
        expect("rate" in (yield* tokens.verify(free.token))).toBe(false)
        const listed = (yield* tokens.list).filter(({ id }) => [limited.id, free.id].includes(id))
        expect(listed.map(({ rate }) => rate).toSorted()).toStrictEqual([60, undefined])
        for (const rate of [0, -1, 1.5, Number.NaN, 100_001]) {
          expect(Exit.isFailure(yield* Effect.exit(tokens.create(siteId, ["users:read"], { rate })))).toBe(true)
        }
        for (const { id } of [limited, free]) yield* tokens.revoke(id)
        expect(yield* tokens.list).toStrictEqual([])
      }).pipe(Effect.provide(layer)),
    )

    it.effect("keep all that they were granted, also nothing of fields and groups", () =>
      Effect.gen(function* () {
        const tokens = yield* AccessTokens.AccessTokens
        yield* TestClock.setTime(noon)
        const all: AccessTokens.Grants = {
          rate: 60,
          label: "Profile form, Ünï ☃ 'quoted'",
          expiresOn: moment("1970-09-01T00:00:00Z"),
          fields: ["name", 'with "quotes", and a comma'],
          groups: [],
        }
        const { token, ...issued } = yield* tokens.create("all", ["users:write"], all)
        expect(issued).toStrictEqual({
          ...all,
          id: issued.id,
          siteId: "all",
          scopes: ["users:write"],
          createdOn: "1970-01-01T12:00:00.000Z",
          expiresOn: "1970-09-01T00:00:00.000Z",
        })
        expect(yield* tokens.verify(token)).toStrictEqual(issued)
        const { token: other, ...bare } = yield* tokens.create(siteId, ["users:write"], {
          fields: [],
          label: undefined,
        })
        expect(bare).toStrictEqual({
          id: bare.id,
          siteId,
          scopes: ["users:write"],
          createdOn: issued.createdOn,
          fields: [],
        })
        expect(yield* tokens.verify(other)).toStrictEqual(bare)
        expect((yield* tokens.list).toSorted(byId)).toStrictEqual([issued, bare].toSorted(byId))
      }).pipe(Effect.provide(layer)),
    )

    it.effect("are refused from the moment on which they expire", () =>
      Effect.gen(function* () {
        const tokens = yield* AccessTokens.AccessTokens
        yield* TestClock.setTime(noon)
        const { token } = yield* tokens.create(siteId, [], { expiresOn: moment("1970-01-01T12:00:01Z") })
        yield* TestClock.setTime(noon + 999)
        yield* tokens.verify(token)
        yield* TestClock.setTime(noon + 1000)
        expect(yield* Effect.flip(tokens.verify(token))).toMatchObject(refusedFor("expired"))
        // Who has not the secret learns nothing of it, nor does the log say so.
        const wrong = letterAt(token, 40, token[40] === "0" ? "1" : "0")
        expect(yield* Effect.flip(tokens.verify(wrong))).toMatchObject(refusedFor("wrong_secret"))
        expect(yield* tokens.list).toHaveLength(1)
      }).pipe(Effect.provide(layer)),
    )

    it.effect("get another secret for all that they were granted, and the old one ends at once", () =>
      Effect.gen(function* () {
        const tokens = yield* AccessTokens.AccessTokens
        const grants = {
          rate: 5,
          label: "Form",
          fields: ["name"],
          groups: ["gold"],
          expiresOn: moment("2030-01-01T00:00:00Z"),
        }
        const { token: first, ...issued } = yield* tokens.create(siteId, ["users:write"], grants)
        const { token: second = "", ...rotated } = (yield* tokens.rotate(issued.id)) ?? {}
        expect(rotated).toStrictEqual(issued)
        expect([second === first, second.split("_")[1]]).toStrictEqual([false, issued.id])
        expect(yield* tokens.verify(second)).toStrictEqual(issued)
        expect(yield* Effect.flip(tokens.verify(first))).toMatchObject(refusedFor("wrong_secret"))
        expect(yield* tokens.rotate("0".repeat(24))).toBeUndefined()
        expect(yield* tokens.list).toStrictEqual([issued])
      }).pipe(Effect.provide(layer)),
    )

    it.effect("may keep the old secret for a while, and never more than one", () =>
      Effect.gen(function* () {
        const tokens = yield* AccessTokens.AccessTokens
        yield* TestClock.setTime(noon)
        const { token: first, id } = yield* tokens.create(siteId, [], { expiresOn: moment("1970-01-01T14:00:00Z") })
        const rotate = (grace: "1 hour" | "1 day") => Effect.map(tokens.rotate(id, { grace }), (rotated) => rotated!)
        const second = yield* rotate("1 hour")
        expect(second.previousUntil).toBe("1970-01-01T13:00:00.000Z")
        expect("previousHash" in second).toBe(false)
        yield* TestClock.setTime(noon + 3_599_999)
        for (const token of [first, second.token]) expect(yield* tokens.verify(token)).toMatchObject({ id })
        yield* TestClock.setTime(noon + 3_600_000)
        expect(yield* Effect.flip(tokens.verify(first))).toMatchObject(refusedFor("wrong_secret"))
        const third = yield* rotate("1 day")
        const fourth = yield* rotate("1 day")
        for (const token of [first, second.token]) {
          expect(yield* Effect.flip(tokens.verify(token))).toMatchObject(refusedFor("wrong_secret"))
        }
        for (const { token } of [third, fourth]) expect(yield* tokens.verify(token)).toMatchObject({ id })
        // The end of the token is the end of both.
        yield* TestClock.setTime(noon + 7_200_000)
        for (const { token } of [third, fourth]) {
          expect(yield* Effect.flip(tokens.verify(token))).toMatchObject(refusedFor("expired"))
        }
        // Without a grace, the one that has one loses it too.
        yield* TestClock.setTime(noon + 3_600_000)
        const fifth = (yield* tokens.rotate(id))!
        expect(yield* Effect.flip(tokens.verify(fourth.token))).toMatchObject(refusedFor("wrong_secret"))
        expect(fifth.previousUntil).toBeUndefined()
      }).pipe(Effect.provide(layer)),
    )

    it.effect("cannot be rotated once they have expired, and stay as they are", () =>
      Effect.gen(function* () {
        const tokens = yield* AccessTokens.AccessTokens
        yield* TestClock.setTime(noon)
        const { token, id } = yield* tokens.create(siteId, [], { expiresOn: moment("1970-01-01T13:00:00Z") })
        yield* TestClock.setTime(noon + 3_600_000)
        const error = yield* Effect.flip(tokens.rotate(id, { grace: "1 day" }))
        expect(error).toMatchObject({ _tag: "TokenExpired", code: "token_expired" })
        expect(error.message).toContain("has expired on 1970-01-01T13:00:00.000Z")
        expect(yield* Effect.flip(tokens.verify(token))).toMatchObject(refusedFor("expired"))
      }).pipe(Effect.provide(layer)),
    )

    it.effect("are refused alike when altered, cut short, made up, of another store, or revoked", () =>
      Effect.gen(function* () {
        const tokens = yield* AccessTokens.AccessTokens
        const { id, token } = yield* tokens.create(siteId, ["users:read"])
        const other = yield* tokens.create(siteId, ["users:read"])
        const foreign = yield* AccessTokens.AccessTokens.use(({ create }) => create(siteId, ["users:read"])).pipe(
          Effect.provide(Layer.fresh(layer)),
        )
        const wrong = {
          altered: letterAt(token, 40, token[40] === "0" ? "1" : "0"),
          alteredAtItsEnd: letterAt(token, token.length - 1, token.endsWith("0") ? "1" : "0"),
          shorter: token.slice(0, -1),
          longer: `${token}0`,
          twoLines: `${token}\n`,
          inCapitals: token.toUpperCase(),
          withAnotherId: token.replace(id, other.id),
          itsIdAlone: id,
          foreign: foreign.token,
          nothing: "",
          madeUp: `wfu_${"0".repeat(24)}_${"0".repeat(64)}`,
        }
        const unknown = ["foreign", "madeUp"]
        const wrongSecret = ["altered", "alteredAtItsEnd", "withAnotherId"]
        for (const [what, text] of Object.entries(wrong)) {
          const reason = unknown.includes(what) ? "unknown" : wrongSecret.includes(what) ? "wrong_secret" : "malformed"
          expect([what, yield* Effect.flip(tokens.verify(text))]).toMatchObject([what, refusedFor(reason)])
        }
        expect(yield* tokens.verify(token)).toMatchObject({ id })
        expect(yield* tokens.revoke(id)).toBe(true)
        expect(yield* Effect.flip(tokens.verify(token))).toMatchObject({ _tag: "NotAuthorized" })
        expect(yield* tokens.revoke(id)).toBe(false)
        expect(yield* tokens.verify(other.token)).toMatchObject({ id: other.id })
      }).pipe(Effect.provide(layer)),
    )

    it.effect("are recognised by a hash that was made before", () =>
      Effect.gen(function* () {
        const tokens = yield* AccessTokens.AccessTokens
        const { token, ...issued } = yield* tokens.create(siteId, ["users:read"])
        const { token: other } = yield* tokens.create(siteId, ["users:read"])
        expect(yield* tokens.verify(token, hashOf("sha256", token))).toStrictEqual(issued)
        expect(yield* Effect.flip(tokens.verify(token, hashOf("sha256", other)))).toMatchObject(
          refusedFor("wrong_secret"),
        )
        expect(yield* Effect.flip(tokens.verify("x", hashOf("sha256", "x")))).toMatchObject(refusedFor("malformed"))
      }).pipe(Effect.provide(layer)),
    )

    it.effect("are compared by their whole hash", () =>
      Effect.gen(function* () {
        const tokens = yield* AccessTokens.AccessTokens
        const kept = yield* AccessTokenStore
        const { id, token } = yield* tokens.create(siteId, ["users:read"])
        const [stored] = yield* kept.list
        for (const hash of [
          `${stored?.hash.slice(0, -1)}x`,
          `x${stored?.hash.slice(1)}`,
          stored?.hash.slice(0, -1) ?? "",
          "",
        ]) {
          yield* kept.remove(id)
          yield* kept.add({ id, siteId, scopes: ["users:read"], createdOn: "", hash })
          expect([hash, yield* Effect.flip(tokens.verify(token))]).toMatchObject([hash, { _tag: "NotAuthorized" }])
        }
      }).pipe(Effect.provide(layer)),
    )

    it.effect("are kept as their SHA-256, and listed without it", () =>
      Effect.gen(function* () {
        const tokens = yield* AccessTokens.AccessTokens
        const kept = yield* AccessTokenStore
        expect(yield* tokens.list).toStrictEqual([])
        const { token, ...first } = yield* tokens.create(siteId, ["users:read", "users:write"])
        yield* TestClock.adjust("1 second")
        const { token: _, ...second } = yield* tokens.create(elsewhere, [])
        expect(yield* tokens.list).toStrictEqual([first, second])
        const digest = yield* Effect.promise(() => crypto.subtle.digest("SHA-256", new TextEncoder().encode(token)))
        expect(yield* kept.find(first.id)).toStrictEqual({ ...first, hash: Buffer.from(digest).toString("hex") })
        expect(JSON.stringify(yield* kept.list)).not.toContain(token.slice(-64))
        yield* tokens.revoke(first.id)
        expect(yield* tokens.list).toStrictEqual([second])
      }).pipe(Effect.provide(layer)),
    )
  },
)

it.effect("a token stands nowhere in the files of its database", () => {
  const folder = mkdtempSync(join(tmpdir(), "webflow-users-tokens-"))
  const files = () => readdirSync(folder).map((name) => readFileSync(join(folder, name), "latin1"))
  return Effect.gen(function* () {
    const { id, token } = yield* (yield* AccessTokens.AccessTokens).create(siteId, ["users:write"])
    const written = files().join()
    expect([written.includes(id), written.includes(token.slice(-64))]).toStrictEqual([true, false])
  }).pipe(
    Effect.provide(tokensOn(StoreAddress.layerOwned(`file:${join(folder, "users.db")}`))),
    Effect.ensuring(Effect.sync(() => rmSync(folder, { recursive: true }))),
  )
})

describe("authorizing a request", () => {
  const token = { id: "6287ec36a841b25637c663df", siteId, scopes: ["users:read"], createdOn: "" } as const

  it("lets a token do what it was issued for", () =>
    expect(AccessTokens.authorize(token, { siteId, scope: "users:read" })).toStrictEqual(Result.succeed(token)))

  it("lets a token for all sites do it on any", () => {
    const all = { ...token, siteId: "all" } as const
    for (const one of [siteId, elsewhere]) {
      expect(AccessTokens.authorize(all, { siteId: one, scope: "users:read" })).toStrictEqual(Result.succeed(all))
    }
    expect(Result.isFailure(AccessTokens.authorize(all, { siteId, scope: "users:write" }))).toBe(true)
  })

  it.each([
    ["another scope", { siteId, scope: "users:write" }, "MissingScopes", /- 'users:write'$/],
    ["another site", { siteId: elsewhere, scope: "users:read" }, "SiteForbidden", /not for this site$/],
    ["both", { siteId: elsewhere, scope: "users:write" }, "MissingScopes", /- 'users:write'$/],
  ] as const)("refuses %s", (_, request, tag, message) => {
    const result = AccessTokens.authorize(token, request)
    expect(Result.isFailure(result) && result.failure).toMatchObject({
      _tag: tag,
      status: 403,
      message: expect.stringMatching(message),
    })
  })
})

const names = (count: number) => Array.from({ length: count }, (_, index) => `name-${index}`)

describe("what a token can be given", () => {
  it.each<[string, AccessTokens.Grants]>([
    ["nothing", {}],
    ["a label of 100 characters", { label: "☃".repeat(99) + "😀" }],
    ["fields every user has", { fields: ["name", "accept-privacy", "accept-communications"] }],
    ["as many names as a user can have", { fields: names(200), groups: names(200) }],
  ])("can be %s", (_, grants) => expect(AccessTokens.grantsProblem(grants)).toBeUndefined())

  it.each<[string, AccessTokens.Grants, RegExp]>([
    ["an empty label", { label: " " }, /label must not be empty/],
    ["a label of 101 characters", { label: "x".repeat(101) }, /label must be at most 100/],
    ["a label of two lines", { label: "a\nb" }, /no control characters/],
    ["a label with an escape", { label: "a\u001b[31m" }, /no control characters/],
    ["a label of two lines in Unicode", { label: "a\u2028b" }, /no control characters/],
    ["half a character", { label: "a\ud800" }, /control/],
    ["the e-mail address", { fields: ["name", "email"] }, /no update/],
    ["the password", { fields: ["password"] }, /no update/],
    ["a field without a name", { fields: [""] }, /needs a name/],
    ["a field that cannot be", { fields: ["__proto__"] }, /not a name/],
    ["a group without a slug", { groups: [" "] }, /must not be empty/],
    ["too many fields", { fields: names(201) }, /at most 200 fields/],
    ["too many groups", { groups: names(201) }, /at most 200 groups/],
    ["no rate", { rate: 0 }, /whole number from 1 to 100000/],
  ])("cannot be %s", (_, grants, problem) => expect(AccessTokens.grantsProblem(grants)).toMatch(problem))

  it.effect("is seen to by who issues it, whoever asks", () =>
    Effect.gen(function* () {
      const tokens = yield* AccessTokens.AccessTokens
      expect(Exit.isFailure(yield* Effect.exit(tokens.create(siteId, [], { label: "" })))).toBe(true)
      expect(yield* tokens.list).toStrictEqual([])
    }).pipe(Effect.provide(tokensOn(MemoryTokens.layer))),
  )
})

it.effect("a list that cannot be read lets nobody in", () =>
  Effect.gen(function* () {
    const tokens = yield* AccessTokens.AccessTokens
    const sql = yield* SqlClient.SqlClient
    const { token, id } = yield* tokens.create(siteId, ["users:write"], { fields: ["name"] })
    for (const broken of ["", "name", '{"0":"name"}', "[1]"]) {
      yield* sql`UPDATE access_tokens SET allowed_fields = ${broken} WHERE id = ${id}`
      expect([broken, Exit.isFailure(yield* Effect.exit(tokens.verify(token)))]).toStrictEqual([broken, true])
    }
  }).pipe(
    Effect.provide(
      tokensOn(Layer.provideMerge(SqlTokens.layer, SqlUsers.layer).pipe(Layer.provideMerge(Sqlite.layer(":memory:")))),
    ),
  ),
)

it.effect("what an open transaction does to a token counts once it is committed", () =>
  Effect.gen(function* () {
    const tokens = yield* AccessTokens.AccessTokens
    const sql = yield* SqlClient.SqlClient
    const { token, id } = yield* tokens.create(siteId, ["users:write"])
    const revoking = Effect.fnUntraced(function* (becomes: Exit.Exit<void, "undone">) {
      const asked = yield* Latch.make()
      const revoked = yield* Latch.make()
      const transaction = tokens.revoke(id).pipe(
        // Its own transaction sees what it has done.
        Effect.andThen(Effect.exit(tokens.verify(token))),
        Effect.tap(revoked.open),
        Effect.tap(asked.await),
        Effect.tap(becomes),
        sql.withTransaction,
      )
      const under = yield* Effect.forkChild(Effect.exit(transaction))
      yield* revoked.await
      const verifying = yield* Effect.forkChild(Effect.exit(tokens.verify(token)), { startImmediately: true })
      yield* asked.open
      const within = yield* Fiber.join(under)
      return [within, Exit.isSuccess(yield* Fiber.join(verifying))] as const
    })
    expect(yield* revoking(Exit.fail("undone"))).toStrictEqual([Exit.fail("undone"), true])
    const [within, isGood] = yield* revoking(Exit.void)
    expect(Exit.isSuccess(within) && Exit.isFailure(within.value)).toBe(true)
    expect(isGood).toBe(false)
  }).pipe(
    Effect.provide(
      tokensOn(Layer.provideMerge(SqlTokens.layer, SqlUsers.layer).pipe(Layer.provideMerge(Sqlite.layer(":memory:")))),
    ),
  ),
)

it.effect("a token with an end or a list has no scope that a program from before would know", () =>
  Effect.gen(function* () {
    const tokens = yield* AccessTokens.AccessTokens
    const sql = yield* SqlClient.SqlClient
    const scopes = ["users:read", "users:write"] as const
    const cases: ReadonlyArray<readonly [AccessTokens.Grants, string]> = [
      [{ rate: 5, label: "Form" }, "users:read users:write"],
      [{ expiresOn: moment("2030-01-01T00:00:00Z") }, "limited:users:read limited:users:write"],
      [{ fields: [] }, "limited:users:read limited:users:write"],
      [{ groups: ["gold"] }, "limited:users:read limited:users:write"],
    ]
    for (const [grants, kept] of cases) {
      const { id, token } = yield* tokens.create(siteId, scopes, grants)
      expect(yield* sql`SELECT scopes FROM access_tokens WHERE id = ${id}`).toEqual([{ scopes: kept }])
      expect((yield* tokens.verify(token)).scopes).toStrictEqual(scopes)
      // As tokens were kept that were issued before.
      yield* sql`UPDATE access_tokens SET scopes = 'users:write' WHERE id = ${id}`
      expect((yield* tokens.verify(token)).scopes).toStrictEqual(["users:write"])
    }
  }).pipe(
    Effect.provide(
      tokensOn(Layer.provideMerge(SqlTokens.layer, SqlUsers.layer).pipe(Layer.provideMerge(Sqlite.layer(":memory:")))),
    ),
  ),
)
