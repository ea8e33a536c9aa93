/**
 * JSON as text, since much of what may come cannot be said otherwise: keys given twice, `__proto__`, 1e400, half a
 * surrogate pair. Some of it is no JSON at all.
 */
import fc from "fast-check"
import { planted } from "./answers.ts"
import { bystanders } from "./world.ts"

export type Entry = readonly [key: string, value: string]
export const object = (entries: ReadonlyArray<Entry>): string =>
  `{${entries.map(([key, value]) => `${key}:${value}`).join(",")}}`
export const list = (items: ReadonlyArray<string>): string => `[${items.join(",")}]`
export const quoted = (text: string): string => JSON.stringify(text)

// What is odd in a text, and what of the store a text can name.
const oddTexts = [
  ...["", " ", "\u{FEFF}", "\u{202E}abc", "a\u{301}", "null", "0", "@id@", "@ID@", "@email@", "@lastUpdated@"].map(
    quoted,
  ),
  ...["2024-01-02T03:04:05.000+00:00", "2024-13-45T99:99:99Z", "9".repeat(20), "' OR 1=1 --", "${x}", "../.."].map(
    quoted,
  ),
  ...["\\u0000", "a\\u0000b", "\\ud800", "\\udc00", "\\udc00\\ud800", "\\u0001\\u001b[31m", "\\u2028"].map(
    (raw) => `"${raw}"`,
  ),
]
const personalTexts = [`${planted} text`, bystanders[0]?.id ?? "", bystanders[1]?.data.email ?? ""].map(quoted)

const length = fc.oneof(
  { weight: 3, arbitrary: fc.nat(40) },
  { weight: 3, arbitrary: fc.integer({ min: 250, max: 260 }) },
  { weight: 1, arbitrary: fc.constantFrom(1_000, 20_000) },
)
const longText = fc
  .tuple(fc.constantFrom("x", "é", "😀", "\\u0041", "\\u0007"), length)
  .map(([unit, count]) => `"${unit.repeat(count)}"`)

/** A text that an answer may repeat: keys, slugs. */
export const namingText = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: "grapheme", maxLength: 20 }).map(quoted) },
  { weight: 2, arbitrary: fc.string({ unit: "binary", maxLength: 20 }).map(quoted) },
  { weight: 3, arbitrary: fc.constantFrom(...oddTexts.filter((text) => !text.includes("email"))) },
  { weight: 2, arbitrary: longText },
)
export const text = fc.oneof(
  { weight: 4, arbitrary: namingText },
  { weight: 1, arbitrary: fc.constantFrom(...oddTexts, ...personalTexts) },
)

export const number = fc.oneof(
  fc.constantFrom("0", "-0", "1", "1e400", "-1e400", "1e-400", "9007199254740993", "1.7976931348623157e308", "5e-324"),
  fc.constantFrom("0.1e1", "1E+2", "123456789012345678901234567890", `0.${"3".repeat(400)}`, "9".repeat(400)),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
)

const literal = fc.constantFrom("null", "true", "false")

const optionPart = fc.oneof({ weight: 5, arbitrary: fc.constantFrom('"1"', '"Red"', '"red"') }, text, number, literal)
const option = fc
  .tuple(optionPart, optionPart, optionPart, fc.subarray([0, 1, 2, 3], { minLength: 2 }))
  .map(([id, name, slug, kept]) => {
    const entries: ReadonlyArray<Entry> = [
      ['"id"', id],
      ['"name"', name],
      ['"slug"', slug],
      ['"color"', '"#f00"'],
    ]
    return object(kept.map((index) => entries[index]!))
  })

/** Around the limit mostly; some far deeper than any stack. */
const depth = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 1, max: 40 }) },
  { weight: 1, arbitrary: fc.constantFrom(1_000, 100_000) },
)
const nested = fc
  .tuple(depth, fc.constantFrom(["[", "]"], ['{"data":', "}"], ['{"__proto__":', "}"], ['[{"a":', "}]"]), literal)
  .map(([levels, [open = "", close = ""], core]) => open.repeat(levels) + core + close.repeat(levels))

const noJson = fc.constantFrom(
  "NaN",
  "Infinity",
  "-",
  "+1",
  "01",
  ".5",
  "1.",
  "0x10",
  "1n",
  "'x'",
  '"\n"',
  "undefined",
  "",
)

/** Any JSON, and a little that is none. */
export const value: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: text },
  { weight: 4, arbitrary: number },
  { weight: 4, arbitrary: literal },
  { weight: 3, arbitrary: option },
  { weight: 2, arbitrary: fc.json({ maxDepth: 3 }) },
  { weight: 2, arbitrary: fc.constantFrom("[]", "{}", "[[]]", "[null]", '{"":null}', '{"length":-1}') },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 2, noUnicodeString: false }).map((json) => JSON.stringify(json)) },
  { weight: 1, arbitrary: nested },
  { weight: 1, arbitrary: noJson },
)

const knownKeys = ["name", "email", "password", "accept-privacy", "accept-communications", "data", "accessGroups"]
const ownKeys = ["drink", "team", "colour", "größe", "0", "-1", "length", "slug", "type", "id", "_id", "_tag"]
const everyObjects = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "valueOf",
  "hasOwnProperty",
  "toJSON",
  "then",
]
const allKeys = [...knownKeys, ...ownKeys, ...everyObjects].map(quoted)

/** The name of a field or of a property, with its quotes. */
export const key = fc.oneof(
  { weight: 10, arbitrary: fc.constantFrom(...allKeys) },
  { weight: 1, arbitrary: fc.constantFrom('"__pr\\u006fto__"', '"na\\u006de"', '"data.name"', '"accessGroups[0]"') },
  { weight: 1, arbitrary: namingText },
)

/** The name of a custom field that is accepted. */
export const fieldKey = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.constantFrom("drink", "team", "colour", "größe", "0", "toString", "valueOf").map(quoted),
  },
  { weight: 1, arbitrary: fc.stringMatching(/^x-[a-z]{1,4}$/).map(quoted) },
)

/** A value that a custom field accepts. */
export const fieldValue = fc.oneof(
  fc.string({ unit: "grapheme-ascii", maxLength: 40 }).map(quoted),
  fc
    .tuple(fc.constantFrom("x", "é"), fc.integer({ min: 250, max: 256 }))
    .map(([unit, count]) => `"${unit.repeat(count)}"`),
  fc.constantFrom("null", "true", "false", "-0", "1e-400", "12.5", `"${planted} text"`, '""'),
  fc.constant('{"id":"1","name":"Red","slug":"red"}'),
)
