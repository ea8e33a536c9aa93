/** The rows of `UpdateUserCases`: what is asked, and what differs from the user as it was, or the error. */
import type { User } from "../User.ts"
import type { ExpectedError } from "./UpdateUserCases.ts"

/** A case without the user it is about. */
export interface Sketch {
  readonly name: string
  /** The body: a value to be written as JSON, or the text itself. */
  readonly body: (user: User) => unknown
  /** What differs from the user as it was, or the error. */
  readonly expected:
    | ExpectedError
    | { readonly accessGroups?: User["accessGroups"]; readonly data?: (data: User["data"]) => object }
  /** `unknown`: one that no store of the table has. */
  readonly siteId?: string
  /** `upper`: the user's own, in capital letters. */
  readonly userId?: string
}

export const admin = (slug: string) => ({ slug, type: "admin" as const })
export const bought = (slug: string) => ({ slug, type: "ecommerce" as const })
export const refused = (...params: ReadonlyArray<string>): ExpectedError => ({ tag: "InvalidPatch", params })
const text = (json: string) => () => json

/** Updates that have to be accepted. */
export const accepted: ReadonlyArray<Sketch> = [
  { name: "an empty object changes nothing", body: () => ({}), expected: {} },
  {
    name: "the documented request of the slug era",
    body: () => ({
      data: { name: "Some One", "accept-privacy": false, "accept-communications": false },
      accessGroups: ["webflowers", "platinum", "free-tier"],
    }),
    expected: {
      accessGroups: [admin("webflowers"), admin("platinum"), admin("free-tier"), bought("course")],
      data: (data) => ({ ...data, name: "Some One", "accept-privacy": false, "accept-communications": false }),
    },
  },
  {
    name: "the object era, with data nested and groups as objects",
    body: () => ({ data: { data: { name: "Some One" } }, accessGroups: [{ slug: "platinum", type: "admin" }] }),
    expected: { accessGroups: [admin("platinum"), bought("course")], data: (data) => ({ ...data, name: "Some One" }) },
  },
  {
    name: "both eras mixed",
    body: () => ({
      data: { name: "Some One", data: { team: "red" } },
      accessGroups: ["a", { slug: "b", type: "admin" }],
    }),
    expected: {
      accessGroups: [admin("a"), admin("b"), bought("course")],
      data: (data) => ({ ...data, name: "Some One", team: "red" }),
    },
  },
  {
    name: "the whole user sent back, as SDK 3.2 does",
    body: (user) => ({ ...user, data: { data: { ...user.data, name: "Some One" } } }),
    expected: { data: (data) => ({ ...data, name: "Some One" }) },
  },
  {
    name: "what an update could not set, sent back as it is",
    body: ({ data: { history }, source }) => ({ source, data: { history, drink: "Coffee" } }),
    expected: { data: (data) => ({ ...data, drink: "Coffee" }) },
  },
  {
    name: "an e-mail address outside data that is the user's",
    body: ({ data: { email } }) => ({ email }),
    expected: {},
  },
  {
    name: "a read-only moment in another spelling",
    body: () => ({ createdOn: "2024-01-02T03:04:05.000+00:00" }),
    expected: {},
  },
  {
    name: "custom values of every type",
    body: () => ({ data: { a: "text", b: true, c: 4.5, d: { id: "1", name: "Red", slug: "red" }, e: "" } }),
    expected: {
      data: (data) => ({ ...data, a: "text", b: true, c: 4.5, d: { id: "1", name: "Red", slug: "red" }, e: "" }),
    },
  },
  {
    name: "null clears a custom field",
    body: () => ({ data: { drink: null, neverThere: null } }),
    expected: { data: ({ drink: _, ...data }) => data },
  },
  {
    name: "no groups clears those of type admin only",
    body: () => ({ accessGroups: [] }),
    expected: { accessGroups: [bought("course")] },
  },
  {
    name: "duplicate groups collapse",
    body: () => ({ accessGroups: ["a", "b", "a"] }),
    expected: { accessGroups: [admin("a"), admin("b"), bought("course")] },
  },
  {
    name: "a group that was bought is named and stays as it is",
    body: () => ({ accessGroups: ["webflowers", "course", { slug: "course", type: "ecommerce" }] }),
    expected: {},
  },
  {
    name: "texts of 256 characters, in any language",
    body: () => ({ data: { name: "é".repeat(256), note: "名前 😀" } }),
    expected: { data: (data) => ({ ...data, name: "é".repeat(256), note: "名前 😀" }) },
  },
  {
    name: "an id in capital letters",
    body: () => ({ data: { name: "X" } }),
    userId: "upper",
    expected: { data: (data) => ({ ...data, name: "X" }) },
  },
]

/** Updates that have to be refused. */
export const rejected: ReadonlyArray<Sketch> = [
  {
    name: "another e-mail address",
    body: () => ({ data: { email: "other@example.com" } }),
    expected: refused("data.email"),
  },
  { name: "a password", body: () => ({ data: { password: "hunter2" } }), expected: refused("data.password") },
  {
    name: "e-mail and password outside data",
    body: () => ({ email: "x@example.com", password: "p" }),
    expected: refused("email", "password"),
  },
  {
    name: "read-only properties that differ",
    body: () => ({ id: "6287ec36a841b25637c66300", status: "invited", lastUpdated: "2020-01-01T00:00:00.000Z" }),
    expected: refused("id", "status", "lastUpdated"),
  },
  {
    name: "what an update could not set, changed",
    body: () => ({ source: { imported: false }, data: { history: ["joined"] } }),
    expected: refused("source", "data.history"),
  },
  { name: "an unknown property", body: () => ({ name: "Some One" }), expected: refused("name") },
  { name: "an unknown property that is null", body: () => ({ nickname: null }), expected: refused("nickname") },
  {
    name: "several problems at once",
    body: () => ({ x: 1, data: { name: 5, "accept-privacy": "yes" } }),
    expected: refused("x", "data.name", "data.accept-privacy"),
  },
  {
    name: "problems of the body, of the user and of the groups at once",
    body: () => ({ status: "invited", accessGroups: [{ slug: "gold", type: "ecommerce" }], data: { " ": 1 } }),
    expected: refused("status", "data. ", "accessGroups"),
  },
  {
    name: "a good field beside a bad one",
    body: () => ({ data: { name: "Some One", drink: [] } }),
    expected: refused("data.drink"),
  },
  { name: "a list for a body", body: text("[]"), expected: refused("body") },
  { name: "null for a body", body: text("null"), expected: refused("body") },
  { name: "data that is no object", body: () => ({ data: "x" }), expected: refused("data") },
  { name: "groups that are no list", body: () => ({ accessGroups: "a" }), expected: refused("accessGroups") },
  {
    name: "groups of wrong types",
    body: () => ({ accessGroups: [1, { slug: "a" }, { slug: "a", type: "owner" }, "", "x".repeat(257)] }),
    expected: refused("accessGroups[0]", "accessGroups[1]", "accessGroups[2]", "accessGroups[3]", "accessGroups[4]"),
  },
  {
    name: "a purchase that never was",
    body: () => ({ accessGroups: [{ slug: "gold", type: "ecommerce" }] }),
    expected: refused("accessGroups"),
  },
  {
    name: "a text that is too long",
    body: () => ({ data: { name: "x".repeat(257) } }),
    expected: refused("data.name"),
  },
  { name: "a cleared name", body: () => ({ data: { name: null } }), expected: refused("data.name") },
  {
    name: "a cleared consent",
    body: () => ({ data: { "accept-privacy": null } }),
    expected: refused("data.accept-privacy"),
  },
  {
    name: "a field given twice",
    body: () => ({ data: { name: "A", data: { name: "B" } } }),
    expected: refused("data.name"),
  },
  {
    name: "__proto__ as a field",
    body: text('{"data":{"__proto__":{"x":1},"constructor":"a","prototype":"b"}}'),
    expected: refused("data.__proto__", "data.constructor", "data.prototype"),
  },
  {
    name: "__proto__ as a property",
    body: text('{"__proto__":{"data":{"name":"x"}}}'),
    expected: refused("__proto__"),
  },
  {
    name: "a NUL character",
    body: text('{"data":{"name":"a\\u0000b","k\\u0000":"v"}}'),
    expected: refused("data.name", "data.k\u{FFFD}"),
  },
  {
    name: "a lone surrogate",
    body: text('{"data":{"name":"\\ud800"},"accessGroups":["\\udc00"]}'),
    expected: refused("data.name", "accessGroups[0]"),
  },
  { name: "a number that is not finite", body: text('{"data":{"age":1e999}}'), expected: refused("data.age") },
  {
    name: "an option with more than it has",
    body: () => ({ data: { color: { id: "1", name: "Red", slug: "red", x: 1 } } }),
    expected: refused("data.color"),
  },
  { name: "a field without a name", body: () => ({ data: { "": "x" } }), expected: refused("data.") },
  {
    name: "more fields than a user may have",
    body: () => ({ data: Object.fromEntries(Array.from({ length: 201 }, (_, index) => [`field-${index}`, index])) }),
    expected: refused("data"),
  },
  {
    name: "more groups than a user may be in",
    body: () => ({ accessGroups: Array.from({ length: 201 }, (_, index) => `group-${index}`) }),
    expected: refused("accessGroups"),
  },
  {
    name: "a site id that is none",
    siteId: "not-a-site",
    body: () => ({}),
    expected: { tag: "InvalidId", params: ["site_id"] },
  },
  {
    name: "a user id that is none",
    userId: "123",
    body: () => ({}),
    expected: { tag: "InvalidId", params: ["user_id"] },
  },
  {
    name: "an unknown user",
    userId: "ffffffffffffffffffffffff",
    body: () => ({}),
    expected: { tag: "UserNotFound", params: [] },
  },
  { name: "an unknown site", siteId: "unknown", body: () => ({}), expected: { tag: "SiteNotFound", params: [] } },
]
