/** What tests of many updates need: members, files of changes, and what a run leaves behind. */
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { type User, UserId } from "@webflow-users/core"
import { expect } from "vitest"
import { fresh, type Outcome, siteId } from "./run.ts"

export const memberAt = (index: number): User => ({
  id: UserId.make(`6287ec36a841b256${(0x37c60000 + index).toString(16)}`),
  lastUpdated: "2024-05-20T13:46:12.093Z",
  createdOn: "2024-01-01T00:00:00.000Z",
  status: "verified",
  accessGroups: [
    { slug: "webflowers", type: "admin" },
    { slug: "course", type: "ecommerce" },
  ],
  data: { name: `Member ${index}`, email: `m${index}@example.com`, "accept-privacy": false, drink: "Tea" },
})

export const membersTo = (count: number): ReadonlyArray<User> => Array.from({ length: count }, (_, at) => memberAt(at))

const templates = new Map<number, Promise<string>>()
const seed = async (count: number): Promise<string> => {
  const store = fresh()
  writeFileSync(join(store.cwd, "users.json"), JSON.stringify({ users: membersTo(count) }))
  const { code, stderr } = await store.cli(["import", "users.json", "--site", siteId])
  if (code !== 0) throw new Error(`The store cannot be seeded: ${stderr}`)
  return store.path
}

/** A store file with so many members. */
export const stored = async (count: number) => {
  const store = fresh()
  const template = templates.get(count) ?? seed(count)
  templates.set(count, template)
  copyFileSync(await template, store.path)
  return Object.assign(store, {
    /** Writes a file into its folder, and gives its name. */
    file: (name: string, content: string | Uint8Array) => {
      writeFileSync(join(store.cwd, name), content)
      return name
    },
    member: (index: number): User => store.user(memberAt(index).id),
    /** What each member drinks, the first one first. */
    drinks: () =>
      store
        .users()
        .toSorted((a, b) => a.id.localeCompare(b.id))
        .map(({ data }) => data["drink"]),
  })
}

/** A table of changes to the first so many members. */
export const tableOf = (count: number, headings: string, cells: (index: number) => string): string =>
  [`email,${headings}`, ...Array.from({ length: count }, (_, at) => `m${at}@example.com,${cells(at)}`), ""].join("\n")

/** Users but for the moment of their last update. */
export const contents = (users: Iterable<User>) => [...users].map(({ lastUpdated: _, ...user }) => user)

export const runsIn = (cwd: string): ReadonlyArray<string> => readdirSync(join(cwd, ".webflow-users/runs")).toSorted()

/** The only run, or the only one beside those known. */
export const runIn = (cwd: string, ...known: ReadonlyArray<string>): string => {
  const [run, ...others] = runsIn(cwd).filter((id) => !known.includes(id))
  expect(others).toEqual([])
  return String(run)
}

export const pathIn = (cwd: string, run: string, file: string): string => join(cwd, ".webflow-users/runs", run, file)

/** A file of a run's folder, as text. */
export const textIn = (cwd: string, run: string, file: string): string => readFileSync(pathIn(cwd, run, file), "utf8")

export const jsonLines = (text: string): ReadonlyArray<Record<string, unknown>> =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line))

export const journalIn = (cwd: string, run: string) => jsonLines(textIn(cwd, run, "journal.ndjson"))

/** Leaves a run as one that was killed after so many outcomes. */
export const cut = (cwd: string, run: string, outcomes: number) => {
  const lines = textIn(cwd, run, "journal.ndjson").split("\n").slice(0, outcomes)
  writeFileSync(pathIn(cwd, run, "journal.ndjson"), lines.map((line) => `${line}\n`).join(""))
}

/** The result on standard output. */
export const resultOf = ({ stdout }: Outcome): Record<string, unknown> => JSON.parse(stdout)
