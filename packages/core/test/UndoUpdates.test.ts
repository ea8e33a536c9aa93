/** Taking updates back: what was there is there again, and what others did stays. */
import { UndoUpdates, type User, UserId, UserPatch } from "@webflow-users/core"
import { DateTime, Result } from "effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { bodyFor, slugs, user, userAndBody } from "./arbitraries.ts"

const now = DateTime.makeUnsafe("2024-06-01T12:00:00.000Z")
const later = DateTime.makeUnsafe("2024-06-02T12:00:00.000Z")
const asSent = (patch: UserPatch.UserPatch) => UserPatch.UserPatch.from(patch)
const apply = (to: User, patch: UserPatch.UserPatch, rules?: UserPatch.Rules) =>
  UserPatch.apply(to, asSent(patch), later, rules)
const applied = (to: User, patch: UserPatch.UserPatch, rules?: UserPatch.Rules) =>
  Result.getOrThrow(UserPatch.apply(to, patch, now, rules))
const refusal = (to: User, patch: UserPatch.UserPatch, rules?: UserPatch.Rules) => {
  const result = apply(to, patch, rules)
  return Result.isFailure(result) ? result.failure.details : "accepted"
}

const admin = (slug: string) => ({ slug, type: "admin" as const })
const bought = (slug: string) => ({ slug, type: "ecommerce" as const })
const ada: User = {
  id: UserId.make("6287ec36a841b25637c663df"),
  lastUpdated: "2024-01-01T00:00:00.000Z",
  accessGroups: [admin("gold"), admin("silver"), bought("course")],
  data: { name: "Ada", email: "ada@example.com", drink: "Tea", "accept-privacy": true },
}
const inGroups = (...accessGroups: User["accessGroups"]): User => ({ ...ada, accessGroups })
const withData = (data: User["data"]): User => ({ ...ada, data: { ...ada.data, ...data } })

const patchOf = (body: object) => UserPatch.UserPatch.from(body)
const edit = (add: ReadonlyArray<string>, remove: ReadonlyArray<string>) =>
  new UserPatch.UserPatch({ groups: { _tag: "EditGroups", add, remove } })

const slugsOf = ({ accessGroups }: User, type: string) =>
  accessGroups.filter((group) => group.type === type).map((group) => group.slug)
/** A null that is stored is what an update leaves out, so none can come back. */
const fields = ({ data }: User) => new Map(Object.entries(data).filter(([, value]) => value !== null))
/** An update puts the groups of the one type before those of the other; within each their order counts. */
const groupsOf = (of: User) => {
  const ecommerce = slugsOf(of, "ecommerce")
  return { ecommerce, admin: slugsOf(of, "admin").filter((slug) => !ecommerce.includes(slug)) }
}
const content = (of: User) => ({ fields: fields(of), groups: groupsOf(of) })

/** Users and changes of them, as a file has them: of fields and of groups, complete or to join and to leave. */
const patchFor = (of: User, body: unknown) => {
  const whole = UserPatch.UserPatch.from(body)
  const edits = fc.tuple(slugs, slugs).map(([add, remove]) => {
    const kept = remove.filter((slug) => !slugsOf(of, "ecommerce").includes(slug) && !add.includes(slug))
    return new UserPatch.UserPatch({ data: whole.data, groups: edit(add, kept).groups })
  })
  return fc.oneof(fc.constant(new UserPatch.UserPatch({ data: whole.data, groups: whole.groups })), edits)
}
const userAndPatch = userAndBody.chain(([one, body]) => fc.tuple(fc.constant(one), patchFor(one, body)))
const userAndPatches = userAndBody.chain(([one, body]) =>
  bodyFor(one).chain((second) => fc.tuple(fc.constant(one), patchFor(one, body), patchFor(one, second))),
)
const holds = (claim: (made: UndoUpdates.Made) => void) =>
  fc.assert(
    fc.property(userAndPatch, ([before, patch]) => claim({ patch, before, after: applied(before, patch) })),
    { numRuns: 500 },
  )

/** What cannot be cleared, and what is there instead of nothing. */
const uncleared = { name: "", "accept-privacy": false, "accept-communications": false }

/** The user before, with that in what the patch gave them. */
const asNear = (before: User, patch: UserPatch.UserPatch): User => {
  const given = Object.entries(uncleared).filter(([key]) => Object.hasOwn(patch.data, key) && before.data[key] == null)
  return { ...before, data: { ...before.data, ...Object.fromEntries(given) } }
}

/** Has an update taken back right after it, and expects what was there: all that is looked at. */
const expectTakenBack = (made: UndoUpdates.Made, looked: (of: User) => unknown) => {
  const { patch, before, after } = made
  const undo = UndoUpdates.undo(made, after)
  const wanted = looked(asNear(before, patch))
  if (undo._tag !== "PutBack") {
    expect(undo._tag).toBe("AsBefore")
    expect(looked(after)).toEqual(wanted)
  } else {
    const back = Result.getOrThrow(apply(after, undo.patch))
    expect(looked(back)).toEqual(wanted)
    expect(UndoUpdates.undo(made, back)).toEqual({ _tag: "AsBefore" })
  }
}

describe("an update that is taken back", () => {
  it("leaves what was there before; nothing, where that cannot be, is an empty name and no consent", () =>
    holds((made) => expectTakenBack(made, content)))

  it("touches nothing that it did not ask for", () =>
    holds((made) => {
      const undo = UndoUpdates.undo(made, made.after)
      if (undo._tag !== "PutBack") return
      const asked = Object.keys(made.patch.data)
      expect(Object.keys(undo.patch.data).filter((key) => !asked.includes(key))).toEqual([])
      if (made.patch.groups === undefined) expect(undo.patch.groups).toBeUndefined()
    }))

  it("gives the groups back in their order", () => {
    const before = inGroups(admin("a"), admin("b"), admin("c"))
    for (const patch of [edit(["d"], ["b"]), edit([], ["a"]), patchOf({ accessGroups: ["c", "b"] })]) {
      const after = applied(before, patch)
      const undo = UndoUpdates.undo({ patch, before, after }, after)
      expect(undo._tag === "PutBack" && Result.getOrThrow(apply(after, undo.patch)).accessGroups).toEqual(
        before.accessGroups,
      )
    }
  })

  it("is there before where the user is so already, also where others changed something else", () => {
    const patch = patchOf({ data: { drink: "Coffee" }, accessGroups: ["gold"] })
    const made = { patch, before: ada, after: applied(ada, patch) }
    expect(UndoUpdates.undo(made, ada)).toEqual({ _tag: "AsBefore" })
    expect(UndoUpdates.undo(made, withData({ name: "Augusta" }))).toEqual({ _tag: "AsBefore" })
    expect(UndoUpdates.undo({ ...made, patch: patchOf({}), after: applied(ada, patchOf({})) }, made.after)).toEqual({
      _tag: "AsBefore",
    })
  })

  it("is left where anything differs from what it left, but for when it was", () =>
    fc.assert(
      fc.property(userAndPatch, user, ([before, patch], another) => {
        const made = { patch, before, after: applied(before, patch) }
        const current = { ...made.after, data: another.data, accessGroups: another.accessGroups }
        const isSame = UserPatch.diff(made.after, current) === undefined
        const { _tag } = UndoUpdates.undo(made, current)
        if (!isSame) expect(_tag).not.toBe("PutBack")
      }),
      { numRuns: 300 },
    ))

  it("is left where any field or group was changed since, and not for a moment's sake", () => {
    const patch = patchOf({ data: { drink: "Coffee" } })
    const made = { patch, before: ada, after: applied(ada, patch) }
    const { after } = made
    const since: ReadonlyArray<User> = [
      { ...after, data: { ...after.data, drink: "Water" } },
      { ...after, data: { ...after.data, other: 1 } },
      { ...after, data: { ...after.data, email: "new@example.com" } },
      { ...after, data: { drink: "Coffee" } },
      { ...after, accessGroups: [] },
      { ...after, accessGroups: after.accessGroups.toReversed() },
    ]
    for (const current of since) expect(UndoUpdates.undo(made, current)).toEqual({ _tag: "ChangedSince" })
    for (const current of [
      after,
      { ...after, lastUpdated: "2030-01-01T00:00:00.000Z", lastLogin: null, status: null },
    ]) {
      expect(UndoUpdates.undo(made, current)).toMatchObject({ _tag: "PutBack", patch: { data: { drink: "Tea" } } })
    }
  })

  it("names fields as every object has them, and only the user's own", () => {
    for (const key of ["toString", "valueOf", "hasOwnProperty"]) {
      const patch = patchOf({ data: { [key]: "x" } })
      const undo = UndoUpdates.undo({ patch, before: ada, after: applied(ada, patch) }, applied(ada, patch))
      expect(undo).toMatchObject({ _tag: "PutBack", patch: { data: { [key]: null } } })
      // Somebody else's field.
      const meanwhile = withData({ [key]: "x" })
      const made = { patch: patchOf({ data: { drink: "Coffee" } }), before: ada }
      const after = applied(meanwhile, made.patch)
      expect(Object.entries(putBack({ ...made, after }).data)).toEqual([["drink", "Tea"]])
    }
  })
})

/** What is put back right after the update. */
const putBack = (made: UndoUpdates.Made): UserPatch.UserPatch => {
  const undo = UndoUpdates.undo(made, made.after)
  if (undo._tag !== "PutBack") throw new Error(undo._tag)
  return undo.patch
}
/** The user after an update of `meanwhile`, which was planned for `before`, was taken back. */
const takenBack = (before: User, meanwhile: User, patch: UserPatch.UserPatch) => {
  const after = applied(meanwhile, patch)
  return Result.getOrThrow(apply(after, putBack({ patch, before, after })))
}

describe("what others did between the plan and the update", () => {
  it("stays, whatever fields and groups it was about, where the update was about others", () => {
    const field = fc.constantFrom("plan", "team", "size")
    const meant = fc.tuple(fc.dictionary(field, fc.string({ maxLength: 3 })), fc.subarray(["a", "b"]))
    fc.assert(
      fc.property(meant, fc.subarray(["gold", "silver", "vip"]), fc.boolean(), ([data, add], others, joins) => {
        const before = withData({ team: "red" })
        const theirs = others.map((slug) => admin(slug))
        const meanwhile = {
          ...inGroups(...theirs, bought("course")),
          data: { ...before.data, other: "theirs", drink: "x" },
        }
        const asked = joins ? edit(add, []) : edit([], add)
        const start = joins ? meanwhile : { ...meanwhile, accessGroups: [...add.map(admin), ...meanwhile.accessGroups] }
        const planned = joins ? before : { ...before, accessGroups: [...add.map(admin), ...before.accessGroups] }
        const patch = new UserPatch.UserPatch({ data, groups: asked.groups })
        const after = applied(start, patch)
        const undo = UndoUpdates.undo({ patch, before: planned, after }, after)
        if (undo._tag === "AsBefore") return
        expect(undo._tag).toBe("PutBack")
        const back = undo._tag === "PutBack" ? Result.getOrThrow(apply(after, undo.patch)) : after
        expect(fields(back)).toEqual(fields({ ...start, data: { ...start.data, ...pick(data, planned) } }))
        expect(new Set(slugsOf(back, "admin"))).toEqual(new Set(slugsOf(start, "admin")))
        expect(slugsOf(back, "ecommerce")).toEqual(["course"])
      }),
    )
  })

  it("stays where they joined or left the groups beside those that the update was about", () => {
    const joined = takenBack(ada, inGroups(admin("gold"), admin("vip"), bought("course")), edit(["new"], ["gold"]))
    expect(new Set(slugsOf(joined, "admin"))).toEqual(new Set(["gold", "vip"]))
    // What the user had of it before anyway is not taken.
    const had = takenBack(ada, inGroups(admin("vip")), edit(["gold", "new"], []))
    expect(slugsOf(had, "admin")).toEqual(["vip", "gold"])
    const withField = new UserPatch.UserPatch({ ...edit(["gold"], ["vip"]), data: { drink: "Coffee" } })
    const left = applied(inGroups(admin("vip")), withField)
    expect(putBack({ patch: withField, before: ada, after: left }).groups).toBeUndefined()
    const nothing = edit(["gold"], ["vip"])
    const after = applied(inGroups(admin("vip")), nothing)
    expect(UndoUpdates.undo({ patch: nothing, before: ada, after }, after)).toEqual({ _tag: "AsBefore" })
  })

  it("stays where the update was about no groups, or about those that the user is in", () => {
    const field = patchOf({ data: { drink: "Coffee" } })
    expect(takenBack(ada, inGroups(admin("vip")), field)).toMatchObject({
      accessGroups: [admin("vip")],
      data: ada.data,
    })
    const same = patchOf({ data: { drink: "Coffee" }, accessGroups: ["gold", "silver"] })
    expect(putBack({ patch: same, before: ada, after: applied(ada, same) }).groups).toBeUndefined()
  })

  it("stays where they bought or gave back, and the update set the groups", () => {
    const set = patchOf({ accessGroups: ["new"] })
    const more = takenBack(ada, inGroups(admin("gold"), bought("course"), bought("book")), set)
    expect(groupsOf(more)).toEqual({ admin: ["gold", "silver"], ecommerce: ["course", "book"] })
    const replacing = { policy: { emailAndPassword: "refuse", ecommerceGroups: "replace" } } as const
    const both = patchOf({ accessGroups: [bought("course"), bought("book"), "new"] })
    const after = applied(inGroups(bought("course"), bought("book")), both, replacing)
    const back = Result.getOrThrow(apply(after, putBack({ patch: both, before: ada, after }), replacing))
    expect(groupsOf(back)).toEqual({ admin: ["gold", "silver"], ecommerce: ["course", "book"] })
  })
})

const pick = (data: object, of: User) =>
  Object.fromEntries(Object.keys(data).map((key) => [key, Object.hasOwn(of.data, key) ? of.data[key]! : null]))

const both = (before: User, first: UserPatch.UserPatch, second: UserPatch.UserPatch) => {
  const between = applied(before, first)
  const after = applied(between, second)
  return UndoUpdates.combine({ patch: first, before, after: between }, { patch: second, before: between, after })
}
const bothGroups = (first: UserPatch.UserPatch, second: UserPatch.UserPatch) => both(ada, first, second).patch.groups
/** Who left a group and joined it again is the last in it, and stays that. */
const inAnyOrder = (of: User) => {
  const { ecommerce, admin: joined } = groupsOf(of)
  return { fields: fields(of), ecommerce, joined: new Set(joined) }
}

describe("two updates of one user", () => {
  it("are taken back as one", () =>
    fc.assert(
      fc.property(userAndPatches, ([before, first, second]) => {
        expectTakenBack(both(before, first, second), inAnyOrder)
      }),
      { numRuns: 500 },
    ))

  it("have what the first found, what the second left, and what either asked for", () => {
    const made = both(ada, patchOf({ data: { drink: "Coffee", a: 1 } }), patchOf({ data: { drink: "Milk", b: 2 } }))
    expect(made.before).toBe(ada)
    expect(made.after.data).toMatchObject({ drink: "Milk", a: 1, b: 2 })
    expect(made.patch.data).toEqual({ drink: "Milk", a: 1, b: 2 })
  })

  it("have set the groups where either did, and otherwise joined and left what the last of them says", () => {
    const [set, other, none] = [patchOf({ accessGroups: ["a"] }), patchOf({ accessGroups: ["b"] }), patchOf({})]
    const joined = edit(["new", "x"], ["gold", "y"])
    expect(bothGroups(set, other)).toEqual(other.groups)
    expect(bothGroups(set, joined)).toEqual(set.groups)
    expect(bothGroups(joined, set)).toEqual(set.groups)
    expect(bothGroups(none, set)).toEqual(set.groups)
    expect(bothGroups(set, none)).toEqual(set.groups)
    expect(bothGroups(none, joined)).toEqual(joined.groups)
    expect(bothGroups(joined, none)).toEqual(joined.groups)
    expect(bothGroups(none, none)).toBeUndefined()
    expect(bothGroups(joined, edit(["y", "z"], ["x"]))).toEqual(edit(["new", "y", "z"], ["gold", "x"]).groups)
  })

  it("give the groups back in their order", () => {
    const made = both(ada, edit(["x"], ["gold"]), edit([], ["x"]))
    expect(slugsOf(made.after, "admin")).toEqual(["silver"])
    expect(Result.getOrThrow(apply(made.after, putBack(made))).accessGroups).toEqual(ada.accessGroups)
  })
})

describe("what no update can give back", () => {
  const policy = { emailAndPassword: "refuse", ecommerceGroups: "replace" } as const
  const refused = [
    { param: "accessGroups", description: "course: only a purchase puts a user into a group of type ecommerce" },
  ]

  it("is a purchase, where updates end them: it is refused, and never made a group like any other", () => {
    for (const patch of [edit([], ["course", "gold"]), patchOf({ accessGroups: ["silver"] })]) {
      const after = applied(ada, patch, { policy })
      expect(slugsOf(after, "ecommerce")).toEqual([])
      expect(refusal(after, putBack({ patch, before: ada, after }), { policy })).toEqual(refused)
      // Also where others were there in between.
      const meanwhile = applied(inGroups(...ada.accessGroups, admin("vip")), patch, { policy })
      expect(refusal(meanwhile, putBack({ patch, before: ada, after: meanwhile }), { policy })).toEqual(refused)
    }
  })

  it("is no purchase that is still there", () => {
    const before = inGroups(admin("gold"), bought("course"), admin("course"))
    const patch = edit(["new"], ["gold"])
    const meanwhile = inGroups(admin("gold"), admin("vip"), bought("course"))
    const back = takenBack(before, meanwhile, patch)
    expect(back.accessGroups).toEqual([admin("vip"), admin("gold"), bought("course")])
  })

  it("is a value that an update could not set, which an import took in", () => {
    const before = withData({ tags: ["a", "b"] })
    const patch = patchOf({ data: { tags: "c" } })
    const after = applied(before, patch)
    expect(refusal(after, putBack({ patch, before, after }))).toMatchObject([{ param: "data.tags" }])
  })
})
