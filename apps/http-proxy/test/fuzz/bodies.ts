/** Bodies of an update, around the contract: what both eras sent, the same with something wrong, and what is no JSON. */
import fc from "fast-check"
import { type Call, showCall } from "./calls.ts"
import { type Entry, fieldKey, fieldValue, key, list, namingText, object, quoted, value } from "./json.ts"
import { bought, readOnly, siteId, targets } from "./world.ts"

const fields = fc.array(fc.tuple(fieldKey, fieldValue), { maxLength: 6 })
const own = fc
  .tuple(fc.subarray([0, 1, 2]), fc.boolean(), fc.constantFrom('"Some One"', '"名前 😀"', '""'))
  .map(([kept, consent, name]) => {
    const entries: ReadonlyArray<Entry> = [
      ['"name"', name],
      ['"accept-privacy"', String(consent)],
      ['"accept-communications"', String(consent)],
    ]
    return kept.map((index) => entries[index]!)
  })

const data = fc.tuple(own, fields, fc.constantFrom("flat", "nested", "mixed")).map(([ours, theirs, era]) => {
  if (era === "flat") return object([...ours, ...theirs])
  if (era === "nested") return object([['"data"', object([...ours, ...theirs])]])
  return object([...ours, ['"data"', object(theirs)]])
})

const slug = fc.constantFrom("webflowers", "platinum", "free-tier", "größe m", "x".repeat(256)).map(quoted)
const group = fc.oneof(
  slug,
  slug.map((one) =>
    object([
      ['"slug"', one],
      ['"type"', '"admin"'],
    ]),
  ),
  fc.constant(JSON.stringify(bought)),
)
const groups = fc.array(group, { maxLength: 6 }).map(list)

/** What is read-only, as it is stored. */
const echoes: ReadonlyArray<Entry> = [
  ['"id"', '"@id@"'],
  ...Object.entries(readOnly).map(([name, stored]): Entry => [quoted(name), JSON.stringify(stored)]),
]
const lastUpdated: Entry = ['"lastUpdated"', '"@lastUpdated@"']

const validEntries = fc
  .tuple(fc.option(data), fc.option(groups), fc.subarray([...echoes]))
  .map(([fieldsOf, groupsOf, echoed]): ReadonlyArray<Entry> => [
    ...echoed,
    ...(fieldsOf === null ? [] : [['"data"', fieldsOf] as const]),
    ...(groupsOf === null ? [] : [['"accessGroups"', groupsOf] as const]),
  ])

/** The whole user as it is read, `data` flat or nested, with one thing replaced, added or given twice. */
const storedData: ReadonlyArray<Entry> = [
  ['"email"', '"@email@"'],
  ['"name"', '"Some One"'],
  ['"accept-privacy"', "true"],
  ['"drink"', '"Tea"'],
]
const changeOne = (entries: ReadonlyArray<Entry>) =>
  fc.oneof(
    { weight: 1, arbitrary: fc.constant(entries) },
    {
      weight: 3,
      arbitrary: fc.tuple(fc.nat(entries.length), value).map(([at, changed]) => {
        const [name = '"added"'] = entries[at] ?? []
        return [...entries.slice(0, at), [name, changed] as const, ...entries.slice(at + 1)]
      }),
    },
    { weight: 1, arbitrary: fc.tuple(key, value).map((added) => [...entries, added]) },
    { weight: 1, arbitrary: fc.tuple(key, value).map((added) => [added, ...entries]) },
  )
const wholeUser = fc
  .tuple(changeOne(storedData), fc.boolean(), groups)
  .chain(([stored, isNested, groupsOf]) =>
    changeOne([
      ...echoes,
      lastUpdated,
      ['"accessGroups"', groupsOf],
      ['"data"', isNested ? object([['"data"', object(stored)]]) : object(stored)],
    ]),
  )

/** Groups and fields beyond number, also beyond what a user may have. Fields are mostly taken away again. */
const many = fc
  .tuple(
    fc.integer({ min: 0, max: 300 }),
    fc.constantFrom("null", "null", "1"),
    fc.constantFrom("slug", "object", "field"),
  )
  .map(([count, content, kind]): ReadonlyArray<Entry> => {
    const all = Array.from({ length: count }, (_, index) => quoted(`many-${index}`))
    if (kind === "field") return [['"data"', object(all.map((name) => [name, content] as const))]]
    const entries =
      kind === "slug"
        ? all
        : all.map((one) =>
            object([
              ['"slug"', one],
              ['"type"', '"admin"'],
            ]),
          )
    return [['"accessGroups"', list(entries)]]
  })

const wrongGroup = fc.oneof(
  group,
  value,
  fc.tuple(namingText, fc.constantFrom('"admin"', '"ecommerce"', '"owner"', "null", "1")).map(([name, type]) =>
    object([
      ['"slug"', name],
      ['"type"', type],
    ]),
  ),
  namingText,
)
const wrongData = fc.oneof(
  fc.array(fc.tuple(key, value), { maxLength: 8 }).map(object),
  fc.array(fc.tuple(key, value), { maxLength: 8 }).map((entries) => object([['"data"', object(entries)]])),
  value,
)
const wrongEntries = fc.array(
  fc.oneof(
    wrongData.map((one): Entry => ['"data"', one]),
    fc.array(wrongGroup, { maxLength: 6 }).map((all): Entry => ['"accessGroups"', list(all)]),
    fc.tuple(key, value),
    fc.tuple(
      fc.constantFrom(...echoes.map(([name]) => name), '"lastUpdated"', '"_id"', '"updatedOn"', '"emailVerified"'),
      value,
    ),
  ),
  { maxLength: 5 },
)

const json = fc.oneof(
  { weight: 5, arbitrary: validEntries.map(object) },
  { weight: 5, arbitrary: validEntries.chain(changeOne).map(object) },
  { weight: 3, arbitrary: wholeUser.map(object) },
  { weight: 8, arbitrary: wrongEntries.map(object) },
  { weight: 1, arbitrary: many.map(object) },
  // What v1 takes for a body, and v2 does not.
  { weight: 1, arbitrary: fc.tuple(own, fields).map(([ours, theirs]) => object([...ours, ...theirs])) },
  { weight: 1, arbitrary: validEntries.map((entries) => object([['"data"', object(entries)]])) },
  { weight: 2, arbitrary: value },
)

/** One thing done to a text, at a place somewhere in it. */
const damaged = fc
  .tuple(
    json,
    fc.nat(),
    fc.constantFrom("", "", ",", "}", "]", '"', "\\", "\0", "\u{7F}", "{}", "[", ":", "\u{FEFF}", "/**/"),
  )
  .map(([whole, place, put]) => {
    const at = place % (whole.length + 1)
    return put === "" ? whole.slice(0, at) : whole.slice(0, at) + put + whole.slice(at)
  })

const utf8 = (text: string): string => Buffer.from(text, "utf8").toString("latin1")
const utf16 = (text: string): string => Buffer.from(text, "utf16le").toString("latin1")
const swapped = (text: string): string => Buffer.from(text, "utf16le").swap16().toString("latin1")
const badUtf8 = ["\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\x80"]

/** The body's bytes, one a character. */
const bytes = fc.oneof(
  { weight: 40, arbitrary: json.map(utf8) },
  { weight: 8, arbitrary: damaged.map(utf8) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(json, fc.constantFrom(" ", "x", "{}", "\0", "\n\n", "\xff"))
      .map(([one, end]) => utf8(one) + end),
  },
  { weight: 1, arbitrary: json.map((one) => `\xef\xbb\xbf${utf8(one)}`) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(json, fc.constantFrom(utf16, swapped), fc.constantFrom("", "\u{FEFF}"))
      .map(([one, encode, mark]) => encode(mark + one)),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(json, fc.nat(), fc.constantFrom(...badUtf8)).map(([one, place, bad]) => {
      const text = utf8(one)
      const at = place % (text.length + 1)
      return text.slice(0, at) + bad + text.slice(at)
    }),
  },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((some) => Buffer.from(some).toString("latin1")) },
  { weight: 1, arbitrary: fc.constantFrom("", " ", "\r\n\t", "\0", "\0\0\0\0") },
)
// A megabyte costs what a thousand others do.
const hugeBytes = fc
  .tuple(json, fc.constantFrom(1_048_500, 1_048_577, 1_300_000))
  .map(([one, length]) => utf8(one).padEnd(length, " "))

const prefix = fc.constantFrom("/v2", "/beta", "", "v1")

/** Updates, each of one target. */
export const updates: fc.Arbitrary<Call> = fc
  .tuple(
    prefix,
    fc.constantFrom(...targets),
    fc.oneof({ weight: 2_000, arbitrary: bytes }, { weight: 1, arbitrary: hugeBytes }),
  )
  .map(([under, { id }, body]) =>
    showCall({
      method: "PATCH",
      target: `${under === "v1" ? "" : under}/sites/${siteId}/users/${id}`,
      version: "1.1",
      headers: [
        "Host: localhost",
        "Authorization: Bearer @all@",
        "Content-Type: application/json",
        ...(under === "v1" ? ["Accept-Version: 1.0.0"] : []),
      ],
      body,
    }),
  )
