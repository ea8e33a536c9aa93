/**
 * Reading a table of changes: what each column is, and what a row asks for. Pure: text is taken apart into cells elsewhere.
 *
 * Headings are read as an import reads them, so that a table of users and a table of changes to them say the same.
 */
import { Result } from "effect"
import { type Column as Known, columnOf, slugOf } from "./ImportFile.ts"
import type { Detail } from "./UpdateUserError.ts"
import { checked, type UserChange } from "./UserChange.ts"
import { shown } from "./wire/UpdateUserBody.ts"

/** What a column says of a user; anything else is a field. */
type Role = "id" | "email" | "groups" | "add-groups" | "remove-groups"

/** A column of a table of changes, and what it is there for. */
export interface Column {
  readonly heading: string
  /** `undefined` where it is not used: it is read-only, or what a list of failures says beside a change. */
  readonly is: { readonly role: Role } | { readonly field: string } | undefined
}

/** How a table is read. */
export interface Options {
  /** What columns are that are headed otherwise: our key by their heading. */
  readonly map?: ReadonlyMap<string, string> | undefined
  /** Whether an empty cell clears what it stands for, instead of leaving it. */
  readonly emptyClears?: boolean | undefined
}

/** The column that a list of failures adds. */
export const errorHeading = "error"

const roles: ReadonlySet<string> = new Set<Role>(["id", "email", "groups", "add-groups", "remove-groups"])
const isRole = (key: string): key is Role => roles.has(key)

/** What each column is, or why the table cannot be read. */
export const columnsOf = (
  headings: ReadonlyArray<string>,
  { map = new Map() }: Options = {},
): Result.Result<ReadonlyArray<Column>, string> => {
  const trimmed = headings.map((heading) => heading.trim())
  const empty = trimmed.indexOf("")
  if (empty !== -1) return Result.fail(`column ${empty + 1} has no heading`)
  const unused = [...map.keys()].find((heading) => !trimmed.includes(heading.trim()))
  if (unused !== undefined) return Result.fail(`no column is headed ${unused}; there are ${trimmed.join(", ")}`)
  const renamed = new Map([...map].map(([heading, key]) => [heading.trim(), key.trim()]))

  const columns = trimmed.map((heading): Column => ({ heading, is: meaning(heading, renamed.get(heading)) }))
  const seen = new Map<string, string>()
  for (const { heading, is } of columns) {
    if (is === undefined) continue
    const key = "role" in is ? is.role : `data.${is.field}`
    const twin = seen.get(key)
    if (twin !== undefined) return Result.fail(`two columns mean the same, headed ${twin} and ${heading}`)
    seen.set(key, heading)
  }
  if (!seen.has("id") && !seen.has("email")) {
    return Result.fail(`no column says which user: one has to be headed id or email; there are ${trimmed.join(", ")}`)
  }
  return Result.succeed(columns)
}

const meaning = (heading: string, mapped: string | undefined): Column["is"] => {
  if (mapped !== undefined) return isRole(mapped) ? { role: mapped } : { field: mapped }
  const key = slugOf(heading)
  if (key === errorHeading) return undefined
  if (isRole(key)) return { role: key }
  const joined = key.replaceAll("-", "")
  if (Object.hasOwn(ofJson, joined)) return ofJson[joined]
  const known = columnOf(heading)
  return known === undefined ? { field: key } : known in ofKnown ? ofKnown[known] : undefined
}

/** As the lines of a file of JSON call them. */
const ofJson: Readonly<Record<string, Column["is"]>> = {
  addgroups: { role: "add-groups" },
  removegroups: { role: "remove-groups" },
}

/** What an update can set of what an import reads; dates, status and the like are the server's. */
const ofKnown: Partial<Record<Known, Column["is"]>> = {
  id: { role: "id" },
  email: { role: "email" },
  name: { field: "name" },
  "accept-privacy": { field: "accept-privacy" },
  "accept-communications": { field: "accept-communications" },
  accessGroups: { role: "groups" },
}

/** What a row asks for, or everything that is wrong with it. */
export const readRow = (
  columns: ReadonlyArray<Column>,
  cells: ReadonlyArray<string>,
  { emptyClears = false }: Options = {},
): Result.Result<UserChange, ReadonlyArray<Detail>> => {
  if (cells.length !== columns.length) {
    const description = `there are ${cells.length} cells where the headings are ${columns.length}`
    return Result.fail([{ param: "row", description }])
  }
  const data: Array<readonly [string, string | null]> = []
  const groups: Partial<Record<Role, ReadonlyArray<string>>> = {}
  const names: { id?: string; email?: string } = {}
  const problems: Array<Detail> = []
  columns.forEach(({ is }, index) => {
    const text = cells[index] ?? ""
    const isEmpty = text.trim() === ""
    if (is === undefined) return
    if ("field" in is) {
      if (!isEmpty) data.push([is.field, text])
      else if (emptyClears) data.push([is.field, null])
    } else if (is.role === "id" || is.role === "email") {
      if (!isEmpty) names[is.role] = text.trim()
    } else {
      const slugs = slugsIn(text)
      // A cell of separators is what a formula makes of empty ones.
      if (slugs.length > 0 || (emptyClears && is.role === "groups")) groups[is.role] = slugs
      if (text.includes(",")) problems.push({ param: paramOf[is.role], description: "groups are separated by ;" })
    }
  })
  const change = checked({
    ...names,
    ...(data.length > 0 && { data: Object.fromEntries(data) }),
    ...(groups.groups !== undefined && { accessGroups: groups.groups }),
    ...(groups["add-groups"] !== undefined && { addGroups: groups["add-groups"] }),
    ...(groups["remove-groups"] !== undefined && { removeGroups: groups["remove-groups"] }),
  })
  return problems.length === 0
    ? change
    : Result.fail([...problems, ...(Result.isFailure(change) ? change.failure : [])])
}

const slugsIn = (text: string): ReadonlyArray<string> =>
  text
    .split(";")
    .map((slug) => slug.trim())
    .filter((slug) => slug !== "")

const paramOf = {
  id: "id",
  email: "email",
  groups: "accessGroups",
  "add-groups": "addGroups",
  "remove-groups": "removeGroups",
} as const satisfies Record<Role, string>

/** The heading of the column that a problem is about; nothing where it is about the row. */
export const headingOf = (columns: ReadonlyArray<Column>, param: string): string | undefined => {
  const name = param.replace(/^accessGroups\[\d+\]$/, "accessGroups")
  return columns.find(({ is }) => {
    if (is === undefined) return false
    return "role" in is ? paramOf[is.role] === name : `data.${shown(is.field)}` === name
  })?.heading
}
