import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import { AccessTokens, AccessTokenStore, parseSiteId, type SiteId } from "@webflow-users/core"
import * as MemoryTokens from "@webflow-users/core/AccessTokenStore/Memory"
import { StoreAddress } from "@webflow-users/stores"
import { Effect, Exit, Layer, Result } from "effect"
import { Digest, SecureRandom } from "effect/crypto"
import { TestClock } from "effect/testing"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const elsewhere = parseSiteId("580e63e98c9a982ac9b8b742") as SiteId

const tokensOn = <E>(store: Layer.Layer<AccessTokenStore, E>) =>
  AccessTokens.AccessTokens.layer.pipe(
    Layer.provide([Digest.layerWebCrypto, SecureRandom.layerWebCrypto]),
    Layer.provideMerge(store),
  )
const stores = { Memory: MemoryTokens.layer, SQLite: StoreAddress.layerOwned("file::memory:") }

const letterAt = (text: string, index: number, letter: string) => text.slice(0, index) + letter + text.slice(index + 1)

describe.each(Object.entries(stores))("access tokens, in %s", (_name, store) => {
  const layer = tokensOn(store)

  it.effect("are recognised when they are presented, for what they were issued", () =>
    Effect.gen(function* () {
      const tokens = yield* AccessTokens.AccessTokens
      yield* TestClock.setTime(Date.parse("2024-06-01T12:00:00.000Z"))
      const { token, ...issued } = yield* tokens.create(siteId, ["users:read", "users:write"])
      expect(token).toMatch(new RegExp(`^wfu_${issued.id}_[0-9a-f]{64}$`))
      expect(issued).toStrictEqual({
        id: expect.stringMatching(/^[0-9a-f]{24}$/),
        siteId,
        scopes: ["users:read", "users:write"],
        createdOn: "2024-06-01T12:00:00.000Z",
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
      for (const [what, text] of Object.entries(wrong)) {
        const error = yield* Effect.flip(tokens.verify(text))
        expect([what, error]).toMatchObject([
          what,
          { _tag: "NotAuthorized", message: "Request not authorized", details: [] },
        ])
      }
      expect(yield* tokens.verify(token)).toMatchObject({ id })
      expect(yield* tokens.revoke(id)).toBe(true)
      expect(yield* Effect.flip(tokens.verify(token))).toMatchObject({ _tag: "NotAuthorized" })
      expect(yield* tokens.revoke(id)).toBe(false)
      expect(yield* tokens.verify(other.token)).toMatchObject({ id: other.id })
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
})

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
