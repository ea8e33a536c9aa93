/** Every way an archive can be spoiled: it is refused, the reason is told, and nothing of it is in the store. */
import { describe, expect, it } from "@effect/vitest"
import { ArchiveLines, SiteArchive } from "@webflow-users/core"
import { Effect, Result, Stream } from "effect"
import { database } from "../../../test/postgres.ts"
import { exported, file, imported, linesOf, member, open, sealed, seed, sha256, siteId } from "./archives.ts"

/** A site with everything in it, as an archive. */
const whole = Effect.gen(function* () {
  const source = yield* open("file::memory:")
  return yield* Effect.andThen(seed([member(100)]), exported).pipe(Effect.provideContext(source))
})

const text = (lines: ReadonlyArray<string>) => lines.map((line) => `${line}\n`).join("")

/** What reading it alone says. */
const judged = (archived: string | Uint8Array): string => {
  const reader = ArchiveLines.reader(sha256())
  const read = Result.andThen(reader.take(Buffer.from(archived)), () => reader.end())
  return Result.isSuccess(read) ? "fine" : read.failure.message
}

const misplaced = (line: number) => `Line ${line} of the archive is not in its place, or there twice`

/** Bytes with the last line of an archive that has the same entries. */
const sealedBytes = (bytes: Uint8Array, like: string): Uint8Array => {
  const sum = sha256()
  sum.update(bytes)
  const { end } = JSON.parse(linesOf(like).at(-1) ?? "")
  return Buffer.concat([bytes, Buffer.from(`${JSON.stringify({ end, sha256: sum.digest() })}\n`)])
}

const kindOf = (line: string): string => /^\{"(\w+)"/.exec(line)?.[1] ?? ""
const names = ["format", "accessGroup", "user", "event", "end"] as const
type Name = (typeof names)[number]

/** Where the first line of a kind is, and how many there are of it. */
const linesOfKind = (lines: ReadonlyArray<string>, kind: Name) => ({
  first: lines.findIndex((line) => kindOf(line) === kind),
  count: lines.filter((line) => kindOf(line) === kind).length,
})

const spoiled: Readonly<Record<string, (lines: ReadonlyArray<string>, at: number) => string | Uint8Array>> = {
  "with a byte that was flipped": (lines, at) => {
    const bytes = Buffer.from(text(lines))
    const middle = Buffer.byteLength(text(lines.slice(0, at))) + Math.floor(Buffer.byteLength(lines[at] ?? "") / 2)
    bytes[middle] = (bytes[middle] ?? 0) ^ 1
    return bytes
  },
  "cut off within": (lines, at) => text(lines.slice(0, at)) + (lines[at] ?? "").slice(0, 20),
  "cut off before": (lines, at) => text(lines.slice(0, at)),
  without: (lines, at) => text(lines.toSpliced(at, 1)),
  "with twice": (lines, at) => text(lines.toSpliced(at, 0, lines[at] ?? "")),
  "with, in the place of its neighbour,": (lines, at) => {
    const other = at === 0 ? 1 : at - 1
    return text(lines.with(at, lines[other] ?? "").with(other, lines[at] ?? ""))
  },
  "with something else in the place of": (lines, at) => text(lines.with(at, '{"role":{"slug":"a"}}')),
  "with nothing in the place of": (lines, at) => text(lines.with(at, "")),
}

describe("an archive that is spoiled", () => {
  it.effect.each(names.flatMap((name) => Object.keys(spoiled).map((how) => [how, name] as const)))(
    "is refused: %s its line of kind %s",
    ([how, name]) =>
      Effect.gen(function* () {
        const lines = linesOf(yield* whole)
        const { first, count } = linesOfKind(lines, name)
        expect(count).toBeGreaterThan(0)
        const target = yield* open("file::memory:")
        const archive = SiteArchive.SiteArchive.pipe(Effect.provideContext(target))
        const made = spoiled[how]?.(lines, first) ?? ""
        expect(judged(text(lines))).toBe("fine")
        const refused = yield* Effect.flip(imported(made, 256).pipe(Effect.provideContext(target)))
        expect(refused).toMatchObject({ _tag: "ArchiveDamaged", code: "archive_damaged" })
        const { contents, sites } = yield* archive
        expect(yield* contents(siteId)).toEqual({ accessGroups: 0, users: 0, events: 0, isDeclared: false })
        expect(yield* sites).toEqual([])
      }),
  )

  it.live.each([["SQLite"], ["PostgreSQL"]])("leaves nothing in a database, %s", ([kind]) =>
    Effect.gen(function* () {
      const target = yield* open(yield* kind === "SQLite" ? file : database())
      const lines = linesOf(yield* whole)
      const made = text(lines).replace(/[0-9a-f]"\}\n$/, 'x"}\n')
      const refused = yield* Effect.flip(imported(made).pipe(Effect.provideContext(target)))
      expect(refused.message).toMatch(/SHA-256 is [0-9a-f]{64}, and its last line says another/)
      yield* imported(text(lines)).pipe(Effect.provideContext(target))
      expect(yield* exported.pipe(Effect.provideContext(target))).toBe(text(lines))
    }),
  )

  it.effect("is refused whichever bit of it is another, and wherever it ends", () =>
    Effect.gen(function* () {
      const bytes = Buffer.from(yield* whole)
      for (let at = 0; at < bytes.length; at += 1) {
        for (const bit of [1, 32, 128]) {
          const other = Buffer.from(bytes)
          other[at] = (other[at] ?? 0) ^ bit
          if (judged(other) === "fine") expect(`byte ${at}, bit ${bit}`).toBe("refused")
        }
        if (judged(bytes.subarray(0, at)) === "fine") expect(`the first ${at}`).toBe("refused")
      }
      expect(judged(bytes)).toBe("fine")
    }),
  )

  it.effect("is the same however its bytes come", () =>
    Effect.gen(function* () {
      const bytes = Buffer.from(yield* whole)
      for (const size of [1, 2, 3, 7, 64, 1000, bytes.length]) {
        const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
          bytes.subarray(at * size, (at + 1) * size),
        )
        const reader = ArchiveLines.reader(sha256())
        const entries = yield* Stream.runCollect(ArchiveLines.decode(Stream.fromIterable(pieces), reader))
        const again = ArchiveLines.encode(Stream.fromIterable(entries), ArchiveLines.writer(sha256()))
        expect(Buffer.concat(yield* Stream.runCollect(again)).equals(bytes)).toBe(true)
      }
    }),
  )

  it.effect("says what is wrong, and on which line", () =>
    Effect.gen(function* () {
      const lines = linesOf(yield* whole)
      const at = (name: Name) => linesOfKind(lines, name).first
      const body = lines.slice(0, -1)
      const changed = (name: Name, from: string | RegExp, to: string) => {
        const line = lines[at(name)] ?? ""
        expect(line).toMatch(from)
        return sealed(body.with(at(name), line.replace(from, to)))
      }
      const number = (name: Name) => at(name) + 1
      const damaged = (name: Name) => `Line ${number(name)} of the archive is damaged`
      const twice = (name: Name) => sealed(body.toSpliced(at(name), 0, body[at(name)] ?? ""))
      const swapped = (a: number, b: number) => sealed(body.with(a, body[b] ?? "").with(b, body[a] ?? ""))
      const { count } = linesOfKind(lines, "user")

      const cases: ReadonlyArray<readonly [archived: string, message: string | RegExp]> = [
        ["", "The archive was cut off: its last line is missing"],
        [text(body), "The archive was cut off: its last line is missing"],
        [text(lines).slice(0, -1), "The archive was cut off: its last line is missing"],
        [`${text(lines)}more`, "The archive was cut off: its last line is missing"],
        [`${text(lines)}\n`, `Line ${lines.length + 1} of the archive comes after its end`],
        [text([...lines, ...lines]), `Line ${lines.length + 1} of the archive comes after its end`],
        [text(lines.slice(-1)), "Line 1 of the archive is not an archive's first"],
        [sealed(body.slice(1)), misplaced(1)],
        [text(lines.toSpliced(at("user"), 1)), `The archive has ${count - 1} users, and its last line says ${count}`],
        [text(lines.with(1, lines[1]?.replace("Course", "Coarse") ?? "")), /^The archive is not what was written: /],
        [
          changed("format", '"version":1', '"version":2'),
          "The archive is of version 2, and this program reads version 1",
        ],
        [changed("format", '"version":1', '"version":0'), damaged("format")],
        [changed("format", siteId, siteId.slice(1)), damaged("format")],
        [changed("format", '"type":"Number"', '"type":"Numeral"'), damaged("format")],
        [changed("format", '"createdOn"', '"createdAt"'), damaged("format")],
        [changed("accessGroup", '"slug"', '"slag"'), damaged("accessGroup")],
        [changed("accessGroup", '"slug"', '"color":"red","slug"'), damaged("accessGroup")],
        [changed("user", /"id":"\w+"/, '"id":"1"'), damaged("user")],
        [changed("user", /\}$/, ',"token":"x"}'), damaged("user")],
        [changed("user", /"accessGroups":\[/, '"accessGroups":[1,'), damaged("user")],
        [changed("event", /"actor":"/, '"actor":"\\u0000'), damaged("event")],
        [changed("event", /"actor":"/, '"actor":"\\ud800'), damaged("event")],
        [changed("accessGroup", /"name":"/, '"name":"\\u0000'), damaged("accessGroup")],
        [changed("accessGroup", /"slug":"/, `"slug":"${"x".repeat(801)}`), damaged("accessGroup")],
        [changed("user", /"email":"/, `"email":"${"x".repeat(801)}`), damaged("user")],
        [changed("user", /"data":\{/, `"data":{"a":"${"x".repeat(2 ** 21)}",`), damaged("user")],
        [
          changed("user", /"data":\{/, `"data":{"a":"${"x".repeat(2 ** 24)}",`),
          `Line ${number("user")} of the archive is longer than any that was ever written`,
        ],
        [changed("user", /"data":\{/, '"data":{"a":1,"a":1,'), damaged("user")],
        [changed("user", /"data":\{/, '"data": {'), damaged("user")],
        [changed("accessGroup", /("id":"\w+"),("name":"[^"]*")/, "$2,$1"), damaged("accessGroup")],
        [changed("event", /"userId":"\w{23}\w"/, `"userId":"${"0".repeat(24)}"`), damaged("event")],
        [changed("event", /"label":(null|"[^"]*")/, '"label":""'), damaged("event")],
        [changed("event", /"address":[^,]*,/, ""), damaged("event")],
        [changed("event", /"at":/, '"sequence":1,"at":'), damaged("event")],
        [changed("user", /"data":\{/, `"data":{"deep":${"[".repeat(600)}${"]".repeat(600)},`), damaged("user")],
        [twice("format"), misplaced(2)],
        [twice("accessGroup"), misplaced(number("accessGroup") + 1)],
        [twice("user"), misplaced(number("user") + 1)],
        [swapped(at("user"), at("user") + 1), misplaced(number("user") + 1)],
        [swapped(at("event"), at("user")), misplaced(number("user") + 1)],
      ]
      for (const [archived, message] of cases) expect(judged(archived)).toMatch(message)
      // Bytes that are no text, and a mark that text may begin with: neither would come out of a store again.
      const named = changed("user", /"data":\{/, '"data":{"note":"?",')
      const bytes = Buffer.from(
        linesOf(named)
          .slice(0, -1)
          .map((line) => `${line}\n`)
          .join(""),
      )
      bytes[bytes.indexOf('"note":"?"') + '"note":"'.length] = 0xff
      expect(judged(sealedBytes(bytes, named))).toBe(damaged("user"))
      expect(judged(sealed(body.with(0, `\uFEFF${body[0]}`)))).toBe(damaged("format"))
      expect(judged(Buffer.concat([Buffer.from(text(lines.slice(0, 2))), Buffer.from([0x22, 0xff, 0x0a])]))).toBe(
        "Line 3 of the archive is damaged",
      )
    }),
  )
})
