import { UpdatePolicy, type User, UserId, UserPatch } from "@webflow-users/core"
import { UpdateUserBody } from "@webflow-users/core/wire"
import { DateTime, Result } from "effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { clock, slugs, user, userAndBody } from "./arbitraries.ts"

const noon = DateTime.makeUnsafe("2024-06-01T12:00:00.000Z")
const patchOf = (body: unknown) => UserPatch.UserPatch.from(body)
const applied = (to: User, patch: UserPatch.UserPatch, now = noon, rules?: UserPatch.Rules) =>
  Result.getOrThrow(UserPatch.apply(to, patch, now, rules))
const refusal = (to: User, patch: UserPatch.UserPatch, rules?: UserPatch.Rules) => {
  const result = UserPatch.apply(to, patch, noon, rules)
  return Result.isFailure(result) ? result.failure.details : "accepted"
}
const edit = (change: { readonly add?: ReadonlyArray<string>; readonly remove?: ReadonlyArray<string> }) =>
  new UserPatch.UserPatch({ groups: { _tag: "EditGroups", add: [], remove: [], ...change } })

const timeless = ({ lastUpdated: _, ...rest }: User) => rest
const bought = (of: User) => of.accessGroups.filter((group) => group.type === "ecommerce")
const adminSlugs = (of: User) => of.accessGroups.filter((group) => group.type === "admin").map((group) => group.slug)

const frozen = <A>(value: A): A => {
  if (typeof value === "object" && value !== null) Object.values(Object.freeze(value)).forEach(frozen)
  return value
}

const arthur: User = {
  id: UserId.make("6287ec36a841b25637c663df"),
  lastUpdated: "2022-05-20T13:46:12.093Z",
  accessGroups: [
    { slug: "course", type: "ecommerce" },
    { slug: "webflowers", type: "admin" },
    { slug: "platinum", type: "admin" },
  ],
  data: { name: "Arthur Dent", email: "arthur.dent@mostlyharmless.com", drink: "Tea" },
}

/** Holds for whatever body a caller may send and whatever the user is. */
const holds = (claim: (before: User, patch: UserPatch.UserPatch, after: User) => void) =>
  fc.assert(
    fc.property(userAndBody, ([before, body]) => {
      const patch = patchOf(body)
      claim(before, patch, applied(before, patch))
    }),
    { numRuns: 300 },
  )

describe("applying a patch", () => {
  it("twice is applying it once, but for lastUpdated", () =>
    holds((_, patch, after) => expect(timeless(applied(after, patch))).toStrictEqual(timeless(after))))

  it("sets and clears what it names and leaves everything else", () =>
    holds((before, patch, after) => {
      const { accessGroups, data, ...rest } = timeless(after)
      const { accessGroups: groupsBefore, data: dataBefore, ...restBefore } = timeless(before)
      expect(rest).toStrictEqual(restBefore)
      if (patch.groups === undefined) expect(accessGroups).toStrictEqual(groupsBefore)
      for (const key of Object.keys({ ...dataBefore, ...data, ...patch.data })) {
        const source = Object.hasOwn(patch.data, key) ? patch.data : dataBefore
        const isCleared = source === patch.data && source[key] === null
        expect([key, Object.hasOwn(data, key) ? data[key] : "absent"]).toStrictEqual([
          key,
          isCleared || !Object.hasOwn(source, key) ? "absent" : source[key],
        ])
      }
    }))

  it("keeps every group that was bought, and adds none of that type", () =>
    holds((before, _, after) => expect(bought(after)).toStrictEqual(bought(before))))

  it("makes the named groups the user's admin groups, each once", () =>
    holds((before, patch, after) => {
      if (patch.groups?._tag !== "SetGroups") return
      const kept = new Set(bought(before).map((group) => group.slug))
      expect(adminSlugs(after)).toStrictEqual(patch.groups.admin.filter((slug) => !kept.has(slug)))
    }))

  it("moves lastUpdated, also when the clock stands still or is behind", () =>
    fc.assert(
      fc.property(userAndBody, fc.option(clock), ([before, body], reading) => {
        const previous = before.lastUpdated == null ? Number.NEGATIVE_INFINITY : Date.parse(before.lastUpdated)
        // No reading of its own: the very millisecond of the last change.
        const now = reading ?? Math.max(previous, 0)
        const { lastUpdated } = applied(before, patchOf(body), DateTime.makeUnsafe(now))
        expect(lastUpdated).toBe(new Date(Math.max(now, previous + 1)).toISOString())
      }),
    ))

  it("starts lastUpdated where a user has none, or one that is no date", () => {
    for (const lastUpdated of [null, "", "yesterday"]) {
      expect(applied({ ...arthur, lastUpdated }, patchOf({})).lastUpdated).toBe("2024-06-01T12:00:00.000Z")
    }
  })

  it("never changes the user or the patch it is given", () =>
    fc.assert(
      fc.property(userAndBody, slugs, slugs, ([before, body], add, remove) => {
        const patch = frozen(patchOf(body))
        applied(frozen(before), patch)
        const bystander = { ...before, accessGroups: before.accessGroups.filter((group) => group.type === "admin") }
        applied(frozen(bystander), frozen(edit({ add, remove })))
      }),
    ))

  it("names every read-only property that differs and every group that was not bought, and nothing else", () => {
    const patch = patchOf({
      id: arthur.id,
      status: "verified",
      lastUpdated: "2022-05-20T15:46:12.093+02:00",
      data: { name: "Ford", email: "ford@example.com" },
      accessGroups: [{ slug: "gold", type: "ecommerce" }, { slug: "course", type: "ecommerce" }, "gold"],
    })
    expect(refusal(arthur, patch)).toStrictEqual([
      { param: "status", description: "is read-only and differs from what is stored; leave it out" },
      { param: "data.email", description: "cannot be updated" },
      { param: "accessGroups", description: "gold: only a purchase puts a user into a group of type ecommerce" },
    ])
  })

  it("takes null for a read-only property the user does not have", () => {
    const nobody = { ...arthur, data: {} }
    const echo = patchOf({ invitedOn: null, status: null, data: { name: null, email: null, "accept-privacy": null } })
    expect(timeless(applied(nobody, echo))).toStrictEqual(timeless(nobody))
  })

  it("does not take two texts for the same moment unless they are moments", () => {
    const odd = { ...arthur, invitedOn: "2022", lastLogin: "2022-05-20T00:00:00.000Z" }
    expect(refusal(odd, patchOf({ invitedOn: "2022-01-01", lastLogin: "never" }))).toMatchObject([
      { param: "invitedOn" },
      { param: "lastLogin" },
    ])
  })
})

describe("what came back as it is", () => {
  // As an import may have taken it in.
  const odd: User = {
    ...arthur,
    accessGroups: arthur.accessGroups.toReversed(),
    source: { imported: true },
    data: { ...arthur.data, tags: ["a", "b"], long: "x".repeat(300), "accept-privacy": null },
  }

  it("changes nothing, whatever it is", () => {
    expect(timeless(applied(odd, patchOf(odd)))).toStrictEqual(timeless(odd))
    expect(timeless(applied(odd, patchOf({ ...odd, data: { data: odd.data } })))).toStrictEqual(timeless(odd))
    expect(timeless(applied(odd, patchOf({ email: odd.data.email })))).toStrictEqual(timeless(odd))
  })

  it("holds for every user", () =>
    fc.assert(
      fc.property(user, (one) => {
        const { lastUpdated, ...rest } = one
        const back = JSON.parse(JSON.stringify(lastUpdated === undefined ? rest : one))
        const { accessGroups, ...after } = timeless(applied(one, patchOf(back)))
        const { accessGroups: before, ...same } = timeless(one)
        expect(after).toStrictEqual({
          ...same,
          data: Object.fromEntries(
            Object.entries(one.data).filter(([key, value]) => value !== null || ["name", "email"].includes(key)),
          ),
        })
        // A group that is there twice, bought and joined, stays as the bought one.
        expect(new Set(accessGroups.map(({ slug }) => slug))).toStrictEqual(new Set(before.map(({ slug }) => slug)))
      }),
    ))

  it("is refused as soon as it differs, in the order of the body", () => {
    const long = "y".repeat(300)
    expect(
      refusal(odd, patchOf({ source: {}, email: "other@example.com", data: { tags: ["b", "a"], long } })),
    ).toStrictEqual([
      { param: "source", description: "is not a property of a user; custom fields belong into data" },
      { param: "email", description: "cannot be updated" },
      {
        param: "data.tags",
        description: "must be a string, true or false, a number, null, or an option {id, name, slug}",
      },
      { param: "data.long", description: "must be at most 256 characters long" },
    ])
  })

  it("is looked for among the user's own properties", () => {
    expect(refusal(arthur, patchOf(JSON.parse('{"toString":null,"valueOf":{}}')))).toMatchObject([
      { param: "toString" },
      { param: "valueOf" },
    ])
  })

  it("is nothing that the user does not have, though null stands for what every user can have", () => {
    const kept = { ...arthur, nickname: null }
    expect(refusal(arthur, patchOf({ nickname: null }))).toMatchObject([{ param: "nickname" }])
    expect(refusal(kept, patchOf({ nickname: null }))).toBe("accepted")
    expect(refusal({ ...arthur, data: {} }, patchOf({ status: null, email: null, data: { name: null } }))).toBe(
      "accepted",
    )
  })
})

const policy = (change: Partial<UpdatePolicy.UpdatePolicy>) => ({ ...UpdatePolicy.standard, ...change })

describe("the decisions that can be made otherwise", () => {
  it("ignores e-mail addresses and passwords where asked to, and does the rest", () => {
    const body = {
      email: "x@example.com",
      password: "p",
      data: { email: "y@example.com", password: "p", name: "Ford" },
    }
    expect(refusal(arthur, patchOf(body))).toHaveLength(4)
    const patch = UserPatch.UserPatch.from(body, policy({ emailAndPassword: "ignore" }))
    expect(timeless(applied(arthur, patch))).toStrictEqual(
      timeless({ ...arthur, data: { ...arthur.data, name: "Ford" } }),
    )
  })

  it("lets a new set of groups end purchases where asked to, and never make one", () => {
    const rules = { policy: policy({ ecommerceGroups: "replace" }) }
    const groups = (patch: UserPatch.UserPatch) => applied(arthur, patch, noon, rules).accessGroups
    expect(groups(patchOf({ accessGroups: [] }))).toStrictEqual([])
    expect(groups(patchOf({ accessGroups: ["gold"] }))).toStrictEqual([{ slug: "gold", type: "admin" }])
    const course = { slug: "course", type: "ecommerce" }
    expect(groups(patchOf({ accessGroups: [course] }))).toStrictEqual([course])
    expect(groups(patchOf({ accessGroups: ["course"] }))).toStrictEqual([course])
    expect(groups(patchOf({ data: { drink: null } }))).toStrictEqual(arthur.accessGroups)
    expect(groups(edit({ remove: ["course"] }))).toStrictEqual(
      arthur.accessGroups.filter(({ type }) => type === "admin"),
    )
    expect(groups(edit({ add: ["webflowers"] }))).toStrictEqual(arthur.accessGroups)
    expect(refusal(arthur, patchOf({ accessGroups: [{ slug: "gold", type: "ecommerce" }] }), rules)).toHaveLength(1)
  })
})

describe("a declared site", () => {
  const declaration = {
    accessGroups: [{ slug: "gold", name: "Gold" }],
    fields: [{ slug: "age", type: "Number" as const }],
  }

  it("refuses what it does not have, and leaves what the user has", () => {
    const patch = patchOf({ accessGroups: ["platinum", "gold", "silver"], data: { drink: "Tea", age: "42", shoe: 1 } })
    expect(refusal(arthur, patch, { declaration })).toStrictEqual([
      { param: "accessGroups", description: "silver: no such access group; the site has gold" },
      { param: "data.age", description: "must be a number" },
      { param: "data.shoe", description: "Field not described in schema" },
    ])
    expect(refusal(arthur, edit({ add: ["silver"], remove: ["webflowers"] }), { declaration })).toHaveLength(1)
    expect(refusal(arthur, edit({ add: ["gold"], remove: ["webflowers"] }), { declaration })).toBe("accepted")
  })
})

describe("an answer", () => {
  it("names at most 50 problems", () => {
    const body = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`name-${index}`, 1]))
    const problems = refusal(arthur, patchOf(body))
    expect(Array.isArray(problems) && problems.map(({ param }) => param)).toStrictEqual(Object.keys(body).slice(0, 50))
  })

  it("shows long and odd names of groups as it can carry them", () => {
    const slug = `a\n${"x".repeat(100)}`
    expect(refusal(arthur, patchOf({ accessGroups: [{ slug, type: "ecommerce" }] }))).toMatchObject([
      { description: expect.stringMatching(/^a\u{FFFD}x{62}…: only a purchase/u) },
    ])
  })
})

/** What becomes of a patch that was made in code: whether it is taken as it is, or why not. */
const made = (parts: ConstructorParameters<typeof UserPatch.UserPatch>[0]) => {
  const patch = new UserPatch.UserPatch(parts)
  const taken = UserPatch.UserPatch.from(patch)
  return taken === patch || taken.objections
}

describe("a patch made in code", () => {
  it("is taken as it is when it keeps the rules of a body", () => {
    expect(made({})).toBe(true)
    expect(made({ data: { name: "Some One", data: "text", drink: null }, groups: UserPatch.setGroups(arthur) })).toBe(
      true,
    )
    expect(made({ groups: { _tag: "EditGroups", add: ["a"], remove: ["b"] } })).toBe(true)
  })

  it("keeps what stood against it, beside what breaks the rules", () => {
    const against = { param: "x", description: "is not a property" }
    expect(made({ objections: [against], data: { drink: "\0" } })).toMatchObject([against, { param: "data.drink" }])
    expect(made({ objections: [against] })).toBe(true)
  })

  it("is refused when it breaks them", () => {
    expect(made({ data: { email: "other@example.com", drink: "\0" } })).toMatchObject([
      { param: "data.email" },
      { param: "data.drink" },
    ])
    expect(made({ data: { name: null, "accept-privacy": null } })).toMatchObject([
      { param: "data.name" },
      { param: "data.accept-privacy" },
    ])
    expect(made({ data: { email: "other@example.com" } })).toStrictEqual([
      { param: "data.email", description: "cannot be updated" },
    ])
    expect(made({ groups: { _tag: "EditGroups", add: ["a", ""], remove: [" "] } })).toMatchObject([
      { param: "accessGroups[1]" },
      { param: "accessGroups[2]" },
    ])
    expect(made({ groups: { _tag: "SetGroups", admin: [""], ecommerce: [] } })).toMatchObject([
      { param: "accessGroups[0]" },
    ])
  })
})

const names = (count: number) => Array.from({ length: count }, (_, index) => `name-${index}`)
const holding = (fields: number, groups: number): User => ({
  ...arthur,
  accessGroups: names(groups).map((slug) => ({ slug, type: "ecommerce" })),
  data: Object.fromEntries(names(fields).map((name) => [name, 1])),
})

describe("how much a user can hold", () => {
  const more = patchOf({ data: { more: 1 }, accessGroups: ["more"] })

  it("is 200 fields and 200 groups", () => {
    expect(refusal(holding(199, 199), more)).toBe("accepted")
    expect(refusal(holding(200, 200), more)).toStrictEqual([
      { param: "accessGroups", description: "a user can be in at most 200" },
      { param: "data", description: "a user can have at most 200 fields" },
    ])
    expect(refusal(holding(200, 200), patchOf({ data: { more: 1, "name-0": null } }))).toBe("accepted")
  })

  it("is what the user has already where that is more", () => {
    expect(refusal(holding(201, 201), patchOf({ data: { "name-0": 2 }, accessGroups: [] }))).toBe("accepted")
    expect(refusal(holding(201, 201), more)).toHaveLength(2)
  })
})

describe("joining and leaving groups", () => {
  it("adds, removes, and keeps the rest", () =>
    fc.assert(
      fc.property(user, slugs, slugs, (before, add, remove) => {
        const owned = new Set(bought(before).map((group) => group.slug))
        const asked = remove.filter((slug) => !owned.has(slug))
        const after = applied(before, edit({ add, remove: asked }))
        const wanted = new Set([...adminSlugs(before).filter((slug) => !asked.includes(slug)), ...add])
        expect(bought(after)).toStrictEqual(bought(before))
        const slugsAfter = new Set(after.accessGroups.map((group) => group.slug))
        expect(slugsAfter).toStrictEqual(new Set([...wanted, ...owned]))
        expect(timeless(applied(after, edit({ add, remove: asked })))).toStrictEqual(timeless(after))
      }),
    ))

  it("joins behind the groups a user is in, each once", () =>
    expect(
      applied(arthur, edit({ add: ["gold", "platinum", "gold", "course"], remove: ["webflowers"] })).accessGroups,
    ).toStrictEqual([
      { slug: "platinum", type: "admin" },
      { slug: "gold", type: "admin" },
      { slug: "course", type: "ecommerce" },
    ]))

  it("leaves the groups in their order when there is nothing to join or leave", () =>
    expect(applied(arthur, edit({ add: ["webflowers"], remove: ["gold"] })).accessGroups).toStrictEqual(
      arthur.accessGroups,
    ))

  it("keeps a group whose type another server has a new word for", () => {
    const invited = { ...arthur, accessGroups: [{ slug: "webflowers", type: "invited" }] } as unknown as User
    const { admin, ecommerce } = UserPatch.setGroups(applied(invited, edit({ add: ["gold"] })))
    expect([admin, ecommerce]).toEqual([["webflowers", "gold"], []])
  })

  it("refuses to leave what was bought", () =>
    expect(refusal(arthur, edit({ remove: ["webflowers", "course"] }))).toStrictEqual([
      { param: "accessGroups", description: "course: a group of type ecommerce cannot be removed by an update" },
    ]))
})

describe("the difference of two users", () => {
  it("is nothing for a user and itself", () =>
    fc.assert(fc.property(user, (one) => void expect(UserPatch.diff(one, structuredClone(one))).toBeUndefined())))

  it("is nothing when only lastUpdated has moved", () =>
    expect(UserPatch.diff(arthur, applied(arthur, patchOf({})))).toBeUndefined())

  it("makes the second of the first", () =>
    holds((before, _, after) => {
      const difference = UserPatch.diff(before, after) ?? new UserPatch.UserPatch({})
      expect(timeless(applied(before, difference))).toStrictEqual(timeless(after))
    }))

  it("names what changed and only that", () => {
    const patch = patchOf({ data: { drink: null, name: "Arthur Dent", team: "red" }, accessGroups: ["gold"] })
    expect(UserPatch.diff(arthur, applied(arthur, patch))).toStrictEqual(
      new UserPatch.UserPatch({
        data: { drink: null, team: "red" },
        groups: { _tag: "SetGroups", admin: ["gold"], ecommerce: ["course"] },
      }),
    )
  })
})

describe("names that every JavaScript object has", () => {
  const reserved = fc.constantFrom("__proto__", "constructor", "prototype")
  const poison = '{"isAdmin":true}'

  it("are refused wherever a body has them, and reach no object", () =>
    fc.assert(
      fc.property(reserved, fc.constantFrom('"x"', "null", poison), (key, value) => {
        const json = `{"${key}":${value}}`
        for (const body of [
          json,
          `{"data":${json}}`,
          `{"data":{"data":${json}}}`,
          `{"data":{"name":"x","data":${json}}}`,
        ]) {
          const { objections } = UserPatch.UserPatch.from(JSON.parse(body))
          expect(objections).toStrictEqual([{ param: expect.stringContaining(key), description: expect.any(String) }])
        }
        expect({}).not.toHaveProperty("isAdmin")
      }),
    ))

  it("stay names where a patch was made in code", () => {
    const patch = new UserPatch.UserPatch({ data: JSON.parse(`{"__proto__":${poison},"toString":"text"}`) })
    const after = applied(arthur, patch)
    expect(Object.keys(after.data)).toStrictEqual(["name", "email", "drink", "__proto__", "toString"])
    expect(after.data).not.toHaveProperty("isAdmin")
    const back = UserPatch.diff(after, arthur)
    expect(Object.entries(back?.data ?? {})).toStrictEqual([
      ["__proto__", null],
      ["toString", null],
    ])
  })
})

describe("a patch on its way to another server", () => {
  it("is written as a body that reads as the same patch", () =>
    fc.assert(
      fc.property(userAndBody, ([, body]) => {
        const patch = patchOf(body)
        const groups = patch.groups?._tag === "SetGroups" ? patch.groups : undefined
        const sent: unknown = JSON.parse(JSON.stringify(UpdateUserBody.encodeBody(patch, groups)))
        expect(patchOf(sent)).toStrictEqual(patch)
      }),
      { numRuns: 300 },
    ))
})
