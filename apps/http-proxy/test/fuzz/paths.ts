/** What a request line may name: paths of the contract, paths that nearly are, and their queries. */
import fc from "fast-check"
import { planted } from "./answers.ts"
import { otherSiteId, siteId, targets } from "./world.ts"

const oneOf = (words: string) => fc.constantFrom(...words.split(" "))

const target = fc.constantFrom(...targets.map(({ id }) => id))
// What a path may hold as it is; what it may not is percent-encoded.
const pathText = fc.string({ unit: "grapheme", maxLength: 30 }).map((text) => encodeURIComponent(text.toWellFormed()))
const oddId = fc.oneof(
  oneOf(". .. %2e%2e %2E %00 % %zz %c3%a9 %ff %2f..%2f %0d%0aX-A:%20b * ; null undefined 0 -1 __proto__ constructor"),
  fc.constantFrom("", "toString", "ffffffffffffffffffffffff"),
  fc.stringMatching(/^[0-9a-f]{22,26}$/),
  target.map((id) => id.toUpperCase()),
  target.map((id) => `%${id.charCodeAt(0).toString(16)}${id.slice(1)}`),
  target.map((id) => `${id}%20`),
  target.map((id) => `${id};a=b`),
  fc.constantFrom(1_000, 7_000).map((length) => "a".repeat(length)),
  pathText,
)
const site = fc.oneof(
  { weight: 8, arbitrary: fc.constant<string>(siteId) },
  { weight: 2, arbitrary: fc.constantFrom<string>(otherSiteId, siteId.toUpperCase(), "580e63e98c9a982ac9b8b7ff") },
  { weight: 1, arbitrary: oddId },
)
const user = fc.oneof({ weight: 5, arbitrary: target }, { weight: 2, arbitrary: oddId })
const prefix = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("/v2", "/beta", "") },
  {
    weight: 1,
    arbitrary: oneOf("/v1 /v3 /V2 //v2 /v2/ /v2/v2 /beta/v2 /./v2 /v2/.. /%76%32"),
  },
)
const path = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.tuple(prefix, site, user).map(([under, at, whom]) => `${under}/sites/${at}/users/${whom}`),
  },
  {
    weight: 5,
    arbitrary: fc
      .tuple(prefix, site, fc.constantFrom("users", "users", "accessgroups", "users/", "Users", "user", "users/x/y"))
      .map(([under, at, what]) => `${under}/sites/${at}/${what}`),
  },
  {
    weight: 1,
    arbitrary: oneOf(`/ /health /health/ /HEALTH // /v2 /v2/sites /favicon.ico * /faults/sites/${siteId}`),
  },
  { weight: 1, arbitrary: fc.array(pathText, { maxLength: 6 }).map((parts) => `/${parts.join("/")}`) },
  {
    weight: 1,
    arbitrary: oneOf("http://localhost https://api.webflow.com/v2 http://[::1]:99 HTTP://A@b"),
  },
)

const number = oneOf("0 1 10 100 101 -1 1.5 1e3 0x10 99999999999999999999 %31 ١ %20")
const queryValue = fc.oneof(
  number.map(encodeURI),
  oneOf("CreatedOn -CreatedOn Email -UpdatedOn email --Email __proto__ Email;DROP%20TABLE%20users"),
  fc.constantFrom("", "%", "%00", "%ff", "+", "a".repeat(2_000), `${planted}-query`),
  pathText,
)
const queryKey = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("offset", "limit", "sort") },
  { weight: 1, arbitrary: fc.constantFrom("", "limit[]", "access_token", "__proto__", "LIMIT", "%6cimit", "a%00b") },
)
const query = fc.oneof(
  { weight: 2, arbitrary: fc.constant("") },
  {
    weight: 2,
    arbitrary: fc
      .array(
        fc.tuple(queryKey, fc.constantFrom("=", "=", "==", ""), queryValue).map((parts) => parts.join("")),
        { maxLength: 6 },
      )
      .map((parts) => `?${parts.join("&")}`),
  },
  { weight: 1, arbitrary: fc.constantFrom("?", "??", "?&&=&", "?/../", `?token=@all@&${planted}`) },
)
const authority = fc.oneof(
  { weight: 12, arbitrary: fc.constant("") },
  {
    weight: 1,
    arbitrary: oneOf("http://localhost https://api.webflow.com http://u:p@h:1 HTTP://X"),
  },
)

/** Targets of requests, in each of their forms. */
export const requestTargets = fc
  .tuple(authority, path, query)
  .map(([at, to, asked]) => (to.startsWith("/") ? at : "") + to + (to === "*" ? "" : asked))
