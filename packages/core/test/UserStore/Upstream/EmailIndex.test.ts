import { describe, expect, it } from "@effect/vitest"
import {
  parseSiteId,
  type SiteId,
  Transport,
  Unreachable,
  type UpdateUserError,
  type User,
  UserId,
  UserNotFound,
  type UserPage,
  UserStore,
} from "@webflow-users/core"
import * as Upstream from "@webflow-users/core/UserStore/Upstream"
import { Effect, Layer, Redacted } from "effect"
import * as EmailIndex from "../../../src/UserStore/Upstream/EmailIndex.ts"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const otherSiteId = parseSiteId("580e63e98c9a982ac9b8b7ff") as SiteId

const member = (index: number, email = `member${index}@example.com`): User => ({
  id: UserId.make(`6287ec36a841b25637c6${(0x4000 + index).toString(16)}`),
  accessGroups: [],
  data: { email },
})
const members = Array.from({ length: 250 }, (_, index) => member(index))

/** An index of users, and what it asked for. */
const indexOf = (
  users: ReadonlyArray<User>,
  fail: (offset: number) => UpdateUserError | undefined = () => undefined,
) => {
  const asked: Array<string> = []
  const find = EmailIndex.make({
    list: (site, { offset, limit }) =>
      Effect.gen(function* () {
        asked.push(`${site === siteId ? "" : `${site} `}from ${offset}`)
        // Others come to their turn while this one waits for its answer.
        yield* Effect.yieldNow
        const error = fail(offset)
        if (error !== undefined) return yield* error
        const page = users.slice(offset, offset + limit)
        return { users: page, count: page.length, offset, limit, total: users.length }
      }),
    get: (_, id) =>
      Effect.suspend(() => {
        asked.push(`user ${users.findIndex((user) => user.id === id)}`)
        const user = users.find((one) => one.id === id)
        return user === undefined ? Effect.fail(new UserNotFound()) : Effect.succeed(user)
      }),
  })
  const byIndex = (index: number) => find("token", siteId, `member${index}@example.com`)
  return { asked, find, byIndex }
}

describe("a list that is not what it should be", () => {
  /** Look-ups of member 249 in lists that are made anew for each request. */
  const asking = Effect.fnUntraced(function* (page: (offset: number, asked: number) => Partial<UserPage>) {
    let asked = 0
    const find = EmailIndex.make({
      list: (_, { offset, limit }) =>
        Effect.sync(() => ({ users: [], count: 0, offset, limit, total: 0, ...page(offset, (asked += 1)) })),
      get: () => Effect.fail(new UserNotFound()),
    })
    const found = yield* Effect.exit(find("token", siteId, "member249@example.com"))
    return { found: found._tag, asked }
  })

  it.effect("since somebody left while it was read is read once more, and no more often than that", () =>
    Effect.gen(function* () {
      const [, ...fewer] = members
      const left = yield* asking((offset, asked) => {
        // Member 249, for whom the place of member 248 is free, is on no page that is read first.
        const list = asked === 3 ? fewer.slice(0, 248) : asked > 3 ? fewer : members
        return { users: list.slice(offset, offset + 100), total: list.length }
      })
      expect(left).toEqual({ found: "Success", asked: 6 })
      const restless = yield* asking((_, asked) => ({ users: [member(asked)], total: 3 + (asked % 2) }))
      expect(restless.found).toBe("Failure")
      expect(restless.asked).toBeLessThan(20)
    }),
  )

  it.effect("that says it has none, or as many as are on a page, is read on", () =>
    Effect.gen(function* () {
      for (const total of [0, 7]) {
        const read = yield* asking((offset) => ({ users: members.slice(offset, offset + 100), total }))
        expect(read).toEqual({ found: "Success", asked: 3 })
      }
    }),
  )

  it.effect("that is always the same page is read twice", () =>
    Effect.gen(function* () {
      const read = yield* asking(() => ({ users: members.slice(0, 100), total: 150 }))
      expect(read).toEqual({ found: "Failure", asked: 2 })
    }),
  )
})

describe("many look-ups", () => {
  it.effect("page the list once, one after the other", () =>
    Effect.gen(function* () {
      const { asked, byIndex } = indexOf(members)
      const found = yield* Effect.forEach([0, 99, 230, 7, 100, 249], byIndex)
      expect(found).toStrictEqual([0, 99, 230, 7, 100, 249].map((index) => members[index]))
      // Who is known by id is read by id, as he is now.
      expect(asked).toStrictEqual(["from 0", "user 99", "from 100", "from 200", "user 7", "user 100", "user 249"])
    }),
  )

  it.effect("page the list once, all at the same time", () =>
    Effect.gen(function* () {
      const { asked, byIndex } = indexOf(members)
      const indices = members.map((_, index) => index)
      const found = yield* Effect.forEach(indices, byIndex, { concurrency: "unbounded" })
      expect(found).toStrictEqual(members)
      expect(asked.filter((what) => what.startsWith("from"))).toStrictEqual(["from 0", "from 100", "from 200"])
    }),
  )

  it.effect("for nobody ask nothing more once the list was read to its end", () =>
    Effect.gen(function* () {
      const { asked, byIndex } = indexOf(members)
      const misses = yield* Effect.forEach([300, 301, 302], (index) => Effect.flip(byIndex(index)), {
        concurrency: "unbounded",
      })
      const later = yield* Effect.flip(byIndex(300))
      expect([...misses, later].map(({ _tag }) => _tag)).toStrictEqual(Array.from({ length: 4 }, () => "UserNotFound"))
      expect(asked).toStrictEqual(["from 0", "from 100", "from 200"])
    }),
  )

  it.effect("go on at the page that failed", () =>
    Effect.gen(function* () {
      const failures = [new Unreachable({ cause: "gone" })]
      const { asked, byIndex } = indexOf(members, (offset) => (offset === 100 ? failures.shift() : undefined))
      expect(yield* Effect.flip(byIndex(230))).toMatchObject({ _tag: "Unreachable" })
      expect(yield* byIndex(230)).toStrictEqual(members[230])
      expect(asked).toStrictEqual(["from 0", "from 100", "from 100", "from 200"])
    }),
  )
})

describe("whom an address means", () => {
  const twins = [...members.slice(0, 120), member(120, " MEMBER5@Example.com "), member(121, "")]

  it.effect("is the first of two in the list, however it is written, and whatever was read before", () =>
    Effect.gen(function* () {
      const { find, byIndex } = indexOf(twins)
      expect(yield* find("token", siteId, "Member5@EXAMPLE.com")).toStrictEqual(members[5])
      yield* Effect.flip(byIndex(300))
      expect(yield* find("token", siteId, " member5@example.com")).toStrictEqual(members[5])
    }),
  )

  it.effect("is nobody where an address is empty", () =>
    Effect.gen(function* () {
      const { find } = indexOf(twins)
      expect(yield* Effect.flip(find("token", siteId, " "))).toMatchObject({ _tag: "UserNotFound" })
    }),
  )

  it.effect("is another site's affair on another site", () =>
    Effect.gen(function* () {
      const { asked, find, byIndex } = indexOf(members)
      yield* byIndex(5)
      yield* find("token", otherSiteId, "member5@example.com")
      expect(asked).toStrictEqual(["from 0", `${otherSiteId} from 0`])
    }),
  )
})

const findWith = (token: string) =>
  UserStore.UserStore.use((store) => Effect.exit(store.findByEmail(siteId, "member5@example.com"))).pipe(
    Effect.provideService(Upstream.CallerToken, Redacted.make(token)),
    Effect.map((exit) => exit._tag),
  )

it.effect("tokens do not share what each may read", () =>
  Effect.gen(function* () {
    const sent: Array<string> = []
    const transport = Layer.succeed(Transport.Transport, {
      send: ({ url, headers }) =>
        Effect.sync(() => {
          const isList = new URL(url).search !== ""
          sent.push(`${headers["authorization"]} ${isList ? "list" : "user"}`)
          const isAllowed = headers["authorization"] === "Bearer token-of-ada"
          const users = isAllowed ? [members[5]] : []
          const json = isList ? { users, count: users.length, limit: 100, offset: 0, total: users.length } : members[5]
          return { status: 200, header: () => undefined, text: JSON.stringify(json) }
        }),
    })
    const layer = Layer.provide(Upstream.layer({ baseUrl: "https://users.example.com/v2" }), transport)
    const outcomes = yield* Effect.forEach(["token-of-ada", "token-of-bo", "token-of-ada"], findWith).pipe(
      Effect.provide(layer),
    )
    expect(outcomes).toStrictEqual(["Success", "Failure", "Success"])
    expect(sent).toStrictEqual(["Bearer token-of-ada list", "Bearer token-of-bo list", "Bearer token-of-ada user"])
  }),
)

it("passes over an address that is no text", () => {
  const ids = new Map<string, UserId>()
  const odd = member(0, 5 as unknown as string)
  EmailIndex.remember(ids, [odd, member(1)])
  expect([...ids]).toEqual([["member1@example.com", member(1).id]])
})
