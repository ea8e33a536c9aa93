/** Looking many users up with few requests: what is asked of a server, and that everybody is found. */
import { describe, expect, it } from "@effect/vitest"
import {
  parseSiteId,
  type SiteId,
  Unreachable,
  type UpdateUserError,
  type User,
  UserId,
  UserNotFound,
  type UserPage,
  type UserStore,
} from "@webflow-users/core"
import { Effect } from "effect"
import fc from "fast-check"
import * as Finder from "../../../src/UserStore/Upstream/Finder.ts"
import * as SiteList from "../../../src/UserStore/Upstream/SiteList.ts"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const idOf = (index: number): UserId => UserId.make(`6287ec36a841b25637${(0x400000 + index).toString(16)}`)
const emailOf = (index: number) => `member${index}@example.com`
const member = (index: number): User => ({ id: idOf(index), accessGroups: [], data: { email: emailOf(index) } })
const members = (count: number) => Array.from({ length: count }, (_, index) => member(index))

interface Server {
  /** Who is there when so many pages have been asked for. */
  readonly users: (pages: number) => ReadonlyArray<User>
  /** How many a page has at the most. */
  readonly pageSize?: number
  /** How many it says that there are. */
  readonly total?: number
  readonly fail?: (offset: number) => UpdateUserError | undefined
}

/** A finder of users on a server, and what it asked for. */
const finderOf = (
  { users, pageSize = 100, total, fail = () => undefined }: Server,
  wanted: Partial<UserStore.Wanted>,
) => {
  const asked: Array<string> = []
  const pages = () => asked.filter((what) => what.startsWith("from")).length
  const list = (_: SiteId, { offset, limit }: UserStore.PageRequest) =>
    Effect.gen(function* () {
      asked.push(`from ${offset}`)
      // Others come to their turn while this one waits for its answer.
      yield* Effect.yieldNow
      const error = fail(offset)
      if (error !== undefined) return yield* error
      const all = users(pages())
      const page = all.slice(offset, offset + Math.min(limit, pageSize))
      return { users: page, count: page.length, offset, limit, total: total ?? all.length } satisfies UserPage
    })
  const get = (_: SiteId, id: UserId) =>
    Effect.gen(function* () {
      const all = users(pages())
      asked.push(`user ${Number.parseInt(id.slice(-6), 16) - 0x400000}`)
      yield* Effect.yieldNow
      return all.find((user) => user.id === id) ?? (yield* new UserNotFound())
    })
  // Which is another's, and stays as it is.
  const finder = Finder.make({ list, get })(siteId, Object.freeze({ ids: 0, emails: 0, ...wanted }))
  return {
    asked,
    pages,
    byId: (index: number) => finder.byId(idOf(index)),
    byEmail: (index: number) => finder.byEmail(` ${emailOf(index).toUpperCase()} `),
  }
}
const of = (count: number, wanted: Partial<UserStore.Wanted>, server: Partial<Server> = {}) => {
  const all = members(count)
  return finderOf({ users: () => all, ...server }, wanted)
}
const tagsOf = (errors: ReadonlyArray<UpdateUserError>) => errors.map(({ _tag }) => _tag)

describe("users by their ids", () => {
  it.effect("are asked for one by one where they are few and the list is long, after its first page at the most", () =>
    Effect.gen(function* () {
      const one = of(20_000, { ids: 1 })
      expect(yield* one.byId(7)).toEqual(member(7))
      expect(one.asked).toEqual(["user 7"])

      const two = of(100, { ids: 2 })
      yield* Effect.forEach([7, 99], two.byId)
      expect(two.asked).toEqual(["from 0"])

      const few = of(20_000, { ids: 4 })
      expect(yield* Effect.forEach([19_999, 7, 101, 12_345], few.byId)).toEqual([19_999, 7, 101, 12_345].map(member))
      // Who was on the page is known.
      expect(few.asked).toEqual(["from 0", "user 19999", "user 101", "user 12345"])
    }),
  )

  it.effect("are asked for one by one from where that takes fewer requests than to read on", () =>
    Effect.gen(function* () {
      // Nine pages are left after the first: for ten users it is one request less, for nine it is not.
      const ten = of(1000, { ids: 10 })
      yield* ten.byId(350)
      expect(ten.asked).toEqual(["from 0", "from 100", "from 200", "from 300"])
      const nine = of(1000, { ids: 9 })
      yield* nine.byId(350)
      expect(nine.asked).toEqual(["from 0", "user 350"])
      // Each that was looked up is one less.
      const fewer = of(1000, { ids: 12 })
      yield* Effect.forEach([1, 2, 3, 999], fewer.byId)
      expect(fewer.asked).toEqual(["from 0", "user 999"])
    }),
  )

  it.effect("are read in pages where they are many, and the list once", () =>
    Effect.gen(function* () {
      for (const concurrency of [1, 16]) {
        const many = of(1000, { ids: 1000 })
        const indices = members(1000).map((_, index) => (index * 7) % 1000)
        expect(yield* Effect.forEach(indices, many.byId, { concurrency })).toEqual(indices.map(member))
        expect(many.asked).toEqual(Array.from({ length: 10 }, (_, page) => `from ${page * 100}`))
      }
    }),
  )

  it.effect("are asked for where they are not on the list", () =>
    Effect.gen(function* () {
      const listed = members(250)
      const missing = finderOf({ users: () => listed }, { ids: 250 })
      expect(tagsOf([yield* Effect.flip(missing.byId(299)), yield* Effect.flip(missing.byId(299))])).toEqual([
        "UserNotFound",
        "UserNotFound",
      ])
      expect(missing.asked).toEqual(["from 0", "from 100", "from 200", "user 299", "user 299"])
      let now = listed
      const late = finderOf({ users: () => now }, { ids: 250 })
      yield* late.byId(249)
      now = members(251)
      expect(yield* late.byId(250)).toEqual(member(250))
      expect(late.asked.at(-1)).toBe("user 250")
    }),
  )

  it.effect("are asked for once, and are what they were then", () =>
    Effect.gen(function* () {
      let now = member(7)
      const { asked, byId } = finderOf({ users: () => [now] }, { ids: 1 })
      const first = yield* byId(7)
      now = { ...now, data: { ...now.data, name: "Changed" } }
      expect(yield* byId(7)).toEqual(first)
      expect(asked).toEqual(["user 7"])
    }),
  )

  it.effect("are asked for beside each other", () =>
    Effect.gen(function* () {
      const { asked, byId } = of(20_000, { ids: 3 })
      yield* Effect.forEach([1000, 2000, 3000], byId, { concurrency: 3 })
      expect(asked).toEqual(["from 0", "user 1000", "user 2000", "user 3000"])
      let underWay = 0
      let most = 0
      const slow = Finder.make({
        list: () => Effect.succeed({ users: members(100), count: 100, offset: 0, limit: 100, total: 20_000 }),
        get: (_, id) =>
          Effect.gen(function* () {
            most = Math.max(most, (underWay += 1))
            yield* Effect.yieldNow
            underWay -= 1
            return { ...member(0), id }
          }),
      })(siteId, { ids: 3, emails: 0 })
      yield* Effect.forEach([1000, 2000, 3000], (index) => slow.byId(idOf(index)), { concurrency: 3 })
      expect(most).toBe(3)
    }),
  )

  it.effect("are few where a server's pages are small", () =>
    Effect.gen(function* () {
      // A hundred pages of ten: fifty requests are fewer.
      const some = of(1000, { ids: 50 }, { pageSize: 10 })
      yield* some.byId(999)
      expect(some.asked).toEqual(["from 0", "user 999"])
      const most = of(1000, { ids: 100 }, { pageSize: 10 })
      yield* most.byId(999)
      expect(most.pages()).toBe(100)
    }),
  )

  it.effect("are read for as many pages as would be worth it where a server does not say how many there are", () =>
    Effect.gen(function* () {
      const { asked, byId } = of(20_000, { ids: 5 }, { total: 0 })
      expect(yield* byId(19_999)).toEqual(member(19_999))
      expect(asked).toEqual(["from 0", "from 100", "from 200", "from 300", "from 400", "user 19999"])
    }),
  )
})

describe("users by their addresses", () => {
  it.effect("are looked for in pages, as far as needed, and who has come is known", () =>
    Effect.gen(function* () {
      const { asked, byEmail } = of(1000, { emails: 4 })
      expect(yield* Effect.forEach([50, 250, 7, 199], byEmail)).toEqual([50, 250, 7, 199].map(member))
      expect(asked).toEqual(["from 0", "from 100", "from 200"])
    }),
  )

  it.effect("are nobody where they are not on the list, which is read once", () =>
    Effect.gen(function* () {
      const { asked, byEmail } = of(250, { emails: 3 })
      const errors = yield* Effect.forEach([300, 301, 302], (index) => Effect.flip(byEmail(index)), { concurrency: 3 })
      expect(tagsOf(errors)).toEqual(["UserNotFound", "UserNotFound", "UserNotFound"])
      expect(asked).toEqual(["from 0", "from 100", "from 200"])
    }),
  )

  it.effect("have the list read for those by their ids too, and no longer than they are looked for", () =>
    Effect.gen(function* () {
      const { asked, byId, byEmail } = of(20_000, { ids: 2, emails: 1 })
      expect(yield* byId(150)).toEqual(member(150))
      expect(yield* byEmail(250)).toEqual(member(250))
      expect(yield* byId(19_999)).toEqual(member(19_999))
      expect(asked).toEqual(["from 0", "from 100", "from 200", "user 19999"])
    }),
  )
})

describe("every user that is there", () => {
  // One that does not know how many there are gives at least as many as it is asked for.
  const anyPages = fc.oneof(
    fc.record({ pageSize: fc.constantFrom(1, 7, 10, 99, 100) }),
    fc.record({ pageSize: fc.constant(100), total: fc.constantFrom(0, 3, 10_000) }),
  )
  const anyServer = fc.tuple(
    fc.integer({ min: 0, max: 450 }),
    anyPages,
    fc.record({ ids: fc.integer({ min: 0, max: 30 }), emails: fc.integer({ min: 0, max: 30 }) }),
  )

  it.effect("is found, by the id and by the address, whatever a server's pages are and whatever it says of them", () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(
          anyServer,
          fc.array(fc.tuple(fc.nat(449), fc.boolean()), { maxLength: 12 }),
          ([count, server, wanted], lookUps) =>
            Effect.runPromise(
              Effect.gen(function* () {
                const { asked, byId, byEmail } = of(count, wanted, server)
                const found = yield* Effect.forEach(
                  lookUps,
                  ([index, isById]) =>
                    Effect.match(isById ? byId(index) : byEmail(index), {
                      onSuccess: (user): unknown => user,
                      onFailure: ({ _tag }) => _tag,
                    }),
                  { concurrency: 4 },
                )
                expect(found).toEqual(lookUps.map(([index]) => (index < count ? member(index) : "UserNotFound")))
                // No page is asked for twice, and at most one that is not there.
                const read = asked.filter((what) => what.startsWith("from"))
                expect(new Set(read).size).toBe(read.length)
                expect(read.length).toBeLessThanOrEqual(Math.ceil(count / server.pageSize) + 1)
              }),
            ),
        ),
      ),
    ),
  )

  it.effect("is found though others left while the list was read", () =>
    Effect.gen(function* () {
      const all = members(250)
      // The user who was at 100 is at 99 when the second page is asked for.
      const users = (pages: number) => (pages < 2 ? all : all.slice(1))
      const { asked, byEmail, byId } = finderOf({ users }, { emails: 2 })
      expect(yield* byEmail(100)).toEqual(member(100))
      expect(yield* byId(249)).toEqual(member(249))
      expect(asked).toEqual(["from 0", "from 100", "from 200", "from 0"])
      expect(tagsOf([yield* Effect.flip(byEmail(300)), yield* Effect.flip(byEmail(301))])).toEqual([
        "UserNotFound",
        "UserNotFound",
      ])
      expect(asked).toEqual(["from 0", "from 100", "from 200", "from 0", "from 100", "from 200"])
    }),
  )

  it.effect("is found after a page that failed, which is asked for again", () =>
    Effect.gen(function* () {
      const failures = [new Unreachable({ cause: "gone" })]
      const fail = (offset: number) => (offset === 100 ? failures.shift() : undefined)
      const { asked, byEmail } = of(250, { emails: 2 }, { fail })
      expect(yield* Effect.flip(byEmail(230))).toMatchObject({ _tag: "Unreachable" })
      expect(yield* byEmail(230)).toEqual(member(230))
      expect(asked).toEqual(["from 0", "from 100", "from 100", "from 200"])
    }),
  )

  it.effect("is whom nobody else is taken for, where an address is there twice or is empty", () =>
    Effect.gen(function* () {
      const twin = { ...member(120), data: { email: emailOf(5) } }
      const nameless = { ...member(121), data: { email: "" } }
      const users = [...members(120), twin, nameless]
      const { byEmail } = finderOf({ users: () => users }, { emails: 2 })
      expect(tagsOf([yield* Effect.flip(byEmail(300))])).toEqual(["UserNotFound"])
      expect(yield* byEmail(5)).toEqual(member(5))
    }),
  )
})

const listed = members(400)
const pageOf = (offset: number, size: number, total: number) => ({ users: listed.slice(offset, offset + size), total })

describe("a list", () => {
  const read = Effect.fnUntraced(function* (pages: ReadonlyArray<Partial<UserPage>>) {
    const offsets: Array<number> = []
    const list = SiteList.make(({ offset, limit }) =>
      Effect.sync(() => {
        const page = pages[offsets.length] ?? {}
        offsets.push(offset)
        return { users: [], count: 0, offset, limit, total: 0, ...page } satisfies UserPage
      }),
    )
    const left = [list.pagesLeft()]
    while (!list.isWhole()) {
      yield* list.next
      left.push(list.pagesLeft())
    }
    return { offsets, left }
  })

  it.effect("tells how many pages are left, by what pages bring", () =>
    Effect.gen(function* () {
      const whole = yield* read([pageOf(0, 100, 250), pageOf(100, 100, 250), pageOf(200, 50, 250)])
      expect(whole.left.slice(0, 3)).toEqual([undefined, 2, 1])
      const small = yield* read([pageOf(0, 10, 25), pageOf(10, 10, 25), pageOf(20, 5, 25)])
      expect(small.left.slice(0, 3)).toEqual([undefined, 2, 1])
      expect(small.offsets).toEqual([0, 10, 20])
      // As many again as were read.
      const unknown = yield* read([pageOf(0, 100, 3), pageOf(100, 100, 3), pageOf(200, 100, 3), pageOf(300, 1, 3)])
      expect(unknown.left.slice(0, 4)).toEqual([undefined, 1, 2, 3])
      expect(unknown.offsets).toEqual([0, 100, 200, 300])
    }),
  )

  it.effect("is at its end at a page without users, or at one that begins as the first", () =>
    Effect.gen(function* () {
      expect((yield* read([{ total: 7 }])).offsets).toEqual([0])
      expect((yield* read([{ users: listed.slice(0, 3), total: 7 }, { total: 7 }])).offsets).toEqual([0, 3])
      const again = { users: listed.slice(0, 3), total: 7 }
      expect((yield* read([again, again, again])).offsets).toEqual([0, 3])
      const other = { users: listed.slice(3, 6), total: 700 }
      const first = { users: listed.slice(0, 3), total: 700 }
      expect((yield* read([first, other, first, other, first])).offsets).toEqual([0, 3, 6])
    }),
  )

  it.effect("that changed is read once more, from its start, and only once", () =>
    Effect.gen(function* () {
      const grew = yield* read([
        pageOf(0, 100, 200),
        pageOf(100, 100, 201),
        pageOf(200, 1, 201),
        pageOf(0, 100, 201),
        pageOf(100, 100, 200),
      ])
      expect(grew.offsets).toEqual([0, 100, 200, 0, 100])
      expect(grew.left.slice(2, 5)).toEqual([1, undefined, 2])
      const same = yield* read([pageOf(0, 100, 200), pageOf(100, 100, 200)])
      expect(same.offsets).toEqual([0, 100])
    }),
  )
})
