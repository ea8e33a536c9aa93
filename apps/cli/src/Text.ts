/** Texts for a person's eyes: what others wrote, made harmless for a terminal, and columns that line up. */
import type { User } from "@webflow-users/core"
import { Predicate } from "effect"
import { CliOutput } from "effect/cli"

/**
 * One line of text without control characters: a name must not move the cursor, change colours or, with an override of
 * the writing direction, read as something else. Another server may send for a name what is no text.
 */
export const printable = (text: unknown): string =>
  String(text)
    .replaceAll(/[\r\n\t]+/g, " ")
    .replaceAll(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, "")

/** A field's value. Text stands in quotes, so that `"true"` and `true`, `""` and nothing can be told apart. */
export const valueOf = (value: unknown): string =>
  value == null ? "–" : printable(Predicate.hasProperty(value, "name") ? String(value.name) : JSON.stringify(value))

/** A user, by what people know them by and what programs do. */
export const nameOf = ({ id, data }: User): string => (data.email == null ? id : `${printable(data.email)} (${id})`)

/** A group's members by slug; the ones that were bought say so. */
export const groupsOf = (groups: ReadonlyArray<{ readonly slug: string; readonly type: string }>): string =>
  groups.map(({ slug, type }) => printable(slug) + (type === "admin" ? "" : ` (${type})`)).join(", ") || "none"

/** Rows of cells, each column as wide as its widest cell. */
export const table = (rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const widths: Array<number> = []
  for (const row of rows) {
    row.forEach((cell, column) => (widths[column] = Math.max(widths[column] ?? 0, CliOutput.displayWidth(cell))))
  }
  return rows
    .map((row) =>
      row
        .map((cell, column) => pad(cell, widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n")
}

// Made when there is something to count: it takes a good part of a start.
let grouped: Intl.NumberFormat | undefined

/** A count: 8,000. */
export const number = (count: number): string => (grouped ??= new Intl.NumberFormat("en")).format(count)

/** So many of something, such as `1 user` and `8,000 users`. */
export const counted = (count: number, what: string): string => `${number(count)} ${what}${count === 1 ? "" : "s"}`

/** A time to wait, in whole units. */
export const inTime = (seconds: number): string => {
  const [unit, length] = seconds <= 120 ? ["second", 1] : seconds <= 7200 ? ["minute", 60] : ["hour", 3600]
  const count = Math.ceil(seconds / length)
  return `${count} ${unit}${count === 1 ? "" : "s"}`
}

/** The beginning of a text that is too long for a column. */
export const shorten = (text: string, length: number): string => {
  const characters = [...text]
  return characters.length > length ? `${characters.slice(0, length - 1).join("")}…` : text
}

const pad = (text: string, width: number): string => text + " ".repeat(width - CliOutput.displayWidth(text))
