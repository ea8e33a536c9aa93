import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { ada, errorIn, fresh, otherSiteId, seeded, siteId } from "./run.ts"

const declaration = {
  accessGroups: [{ slug: "webflowers", name: "Web Flowers" }],
  fields: [
    { slug: "drink", type: "PlainText", maxLength: 10 },
    { slug: "age", type: "Number", minimum: 0 },
  ],
}

type Store = ReturnType<typeof fresh>

const declare = (store: Store, content: unknown, site = siteId) => {
  writeFileSync(join(store.cwd, "site.json"), typeof content === "string" ? content : JSON.stringify(content))
  return store.cli(["site", "declare", site, "--file", "site.json"])
}
const none = { isDeclared: true, added: [], changed: [], removed: [] }

describe("site declare", { concurrent: true }, () => {
  it("tells what it changed, and the second time that nothing did", async () => {
    const store = await seeded()
    const first = await declare(store, declaration)
    expect(first).toMatchObject({ code: 0, stderr: "" })
    expect(JSON.parse(first.stdout)).toEqual({
      siteId,
      isNew: false,
      accessGroups: { ...none, added: ["webflowers"] },
      fields: { ...none, added: ["drink", "age"] },
    })
    expect(JSON.parse((await declare(store, declaration)).stdout)).toEqual({
      siteId,
      isNew: false,
      accessGroups: none,
      fields: none,
    })
    const changed = {
      fields: [
        { slug: "drink", type: "PlainText" },
        { slug: "shoe", type: "Number" },
      ],
    }
    expect(JSON.parse((await declare(store, changed)).stdout)).toEqual({
      siteId,
      isNew: false,
      accessGroups: { ...none, isDeclared: false, removed: ["webflowers"] },
      fields: { isDeclared: true, added: ["shoe"], changed: ["drink"], removed: ["age"] },
    })
    expect(JSON.parse((await store.cli(["site", "show", siteId])).stdout)).toEqual(changed)
  })

  it("holds updates to it, in one answer, also a dry run; users stay as they are", async () => {
    const store = await seeded()
    await declare(store, declaration)
    expect(store.user(ada.id)).toEqual(ada)
    const bad = ["update", siteId, ada.id, "--field", "age=old", "--field", "shoe:=42", "--add-group", "platinum"]
    for (const args of [bad, [...bad, "--dry-run"]]) {
      const outcome = await store.cli(args)
      expect(outcome.code).toBe(2)
      expect(errorIn(outcome)).toMatchObject({
        code: "validation_error",
        details: [
          { param: "accessGroups", description: "platinum: no such access group; the site has webflowers" },
          { param: "data.age", description: "must be a number" },
          { param: "data.shoe", description: "Field not described in schema" },
        ],
      })
    }
    expect(store.user(ada.id)).toEqual(ada)
    expect(await store.cli(["update", siteId, ada.id, "--field", "age:=36"])).toMatchObject({ code: 0 })
  })

  it("makes a site that is new, from standard input too", async () => {
    const store = fresh()
    const args = ["site", "declare", otherSiteId, "--file", "-"]
    const outcome = await store.cli(args, { input: JSON.stringify(declaration) })
    expect(JSON.parse(outcome.stdout)).toMatchObject({ siteId: otherSiteId, isNew: true })
    expect(JSON.parse((await store.cli(["site", "show", otherSiteId])).stdout)).toEqual(declaration)
    expect(JSON.parse((await store.cli(["list", otherSiteId])).stdout)).toMatchObject({ users: [], total: 0 })
  })

  it("names everything that is wrong with a file, and changes nothing", async () => {
    const store = await seeded()
    await declare(store, declaration)
    const outcome = await declare(store, { groups: [], fields: [{ slug: "name", type: "Switch" }, { slug: "a" }] })
    expect(outcome.code).toBe(2)
    expect(errorIn(outcome)).toMatchObject({
      message: "Validation Error: the declaration of the site cannot be used",
      details: [{ param: "groups" }, { param: "fields.0.slug" }, { param: "fields.1" }],
    })
    expect(JSON.parse((await store.cli(["site", "show", siteId])).stdout)).toEqual(declaration)
  })

  it.each([
    ["a file that is no JSON", "{", "unreadable_input"],
    ["a site id that is none", "{}", "validation_error", "nowhere"],
  ])("refuses %s", async (_, content, code, site?: string) => {
    const outcome = await declare(fresh(), content, site)
    expect(outcome.code).toBe(2)
    expect(errorIn(outcome)).toMatchObject({ code })
  })

  it("show of a site that is not there says so", async () => {
    const outcome = await fresh().cli(["site", "show", siteId])
    expect(outcome.code).toBe(6)
    expect(errorIn(outcome)).toMatchObject({ code: "resource_not_found" })
  })
})

describe("the decisions that can be made otherwise", { concurrent: true }, () => {
  it("ignores an e-mail address where asked to", async () => {
    const store = await seeded()
    const args = ["update", siteId, ada.id, "--data", '{"data":{"email":"x@example.com","name":"Ada B"}}']
    expect((await store.cli(args)).code).toBe(2)
    const outcome = await store.cli(args, { env: { WEBFLOW_USERS_EMAIL_AND_PASSWORD: "ignore" } })
    expect(JSON.parse(outcome.stdout).data).toMatchObject({ email: "ada@example.com", name: "Ada B" })
  })

  it("ignores it in a flag as in a body", async () => {
    const store = await seeded()
    const args = ["update", siteId, ada.id, "--field", "email=x@example.com", "--name", "Ada B"]
    expect((await store.cli(args)).code).toBe(2)
    const outcome = await store.cli(args, { env: { WEBFLOW_USERS_EMAIL_AND_PASSWORD: "ignore" } })
    expect(JSON.parse(outcome.stdout).data).toMatchObject({ email: "ada@example.com", name: "Ada B" })
  })

  it("lets a set of groups end purchases where asked to", async () => {
    const store = await seeded()
    const env = { WEBFLOW_USERS_ECOMMERCE_GROUPS: "replace" }
    const outcome = await store.cli(["update", siteId, ada.id, "--clear-groups"], { env })
    expect(JSON.parse(outcome.stdout).accessGroups).toEqual([])
  })

  it("says which values a variable can have, and changes nothing", async () => {
    const store = await seeded()
    const env = { WEBFLOW_USERS_ECOMMERCE_GROUPS: "burn" }
    const outcome = await store.cli(["update", siteId, ada.id, "--clear-groups"], { env })
    expect(outcome.code).toBe(2)
    expect(outcome.stderr).toMatch(/keep.*replace/s)
    expect(store.user(ada.id)).toEqual(ada)
  })
})

describe("site list", { concurrent: true }, () => {
  it("tells which sites there are, and how much each has", async () => {
    const store = await seeded()
    await declare(store, declaration, otherSiteId)
    await store.cli(["update", siteId, ada.id, "--data", "{}"])
    const outcome = await store.cli(["site", "list"])
    expect(outcome).toMatchObject({ code: 0, stderr: "" })
    expect(JSON.parse(outcome.stdout)).toEqual([
      { siteId, users: 3, accessGroups: 2, events: 1, isDeclared: false },
      { siteId: otherSiteId, users: 0, accessGroups: 1, events: 0, isDeclared: true },
    ])
  })

  it("of a new store is empty", async () => {
    expect(JSON.parse((await fresh().cli(["site", "list"])).stdout)).toEqual([])
  })
})
