/** The built command line as a process of its own, and stores in folders of their own. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { text } from "node:stream/consumers"
import { fileURLToPath } from "node:url"
import { type User, UserId } from "@webflow-users/core"
import { afterAll } from "vitest"

export const main = fileURLToPath(new URL("../dist/main.js", import.meta.url))

const scratch = mkdtempSync(join(tmpdir(), "webflow-users-cli-"))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

let folders = 0
/** A new, empty folder, gone after the tests of the file. */
export const newFolder = (): string => {
  const folder = join(scratch, String((folders += 1)))
  mkdirSync(folder)
  return folder
}

export interface Options {
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string | Uint8Array
  readonly cwd?: string
  /** What a shell is to do to itself before it becomes the command. */
  readonly under?: string | undefined
  /** Called when the process runs. */
  readonly started?: (child: ReturnType<typeof spawn>) => void
}

export interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command with nothing but `env` in its environment; its output is no terminal. */
export const cli = async (args: ReadonlyArray<string>, options: Options = {}): Promise<Outcome> => {
  const command = [process.execPath, main, ...args] as const
  const [file, ...rest] =
    options.under === undefined ? command : ["sh", "-c", `${options.under}; exec "$@"`, "sh", ...command]
  const child = spawn(file ?? "", rest, {
    env: { ...options.env },
    cwd: options.cwd ?? newFolder(),
    stdio: "pipe",
  })
  options.started?.(child)
  child.stdin.end(options.input ?? "")
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")])
  return { code: child.exitCode, stdout, stderr }
}

/** The one line of JSON that tells a failure. */
export const errorIn = ({ stdout, stderr }: Outcome): Record<string, unknown> => {
  if (stdout !== "") throw new Error(`A failure printed on standard output: ${stdout}`)
  if (!/^[^\n]+\n$/.test(stderr)) throw new Error(`Not one line on standard error: ${stderr}`)
  return JSON.parse(stderr).error
}

export const siteId = "580e63e98c9a982ac9b8b741"
export const otherSiteId = "580e63e98c9a982ac9b8b7ff"

const member = (id: string, name: string, createdOn: string): User => ({
  id: UserId.make(id),
  isEmailVerified: true,
  lastUpdated: "2024-05-20T13:46:12.093Z",
  createdOn,
  status: "verified",
  accessGroups: [
    { slug: "webflowers", type: "admin" },
    { slug: "course", type: "ecommerce" },
  ],
  data: {
    name,
    email: `${name.toLowerCase()}@example.com`,
    "accept-privacy": false,
    "accept-communications": true,
    drink: "Tea",
  },
})

export const ada = member("6287ec36a841b25637c66301", "Ada", "2024-01-01T00:00:00.000Z")
export const bo = member("6287ec36a841b25637c66302", "Bo", "2024-01-02T00:00:00.000Z")
export const cy = member("6287ec36a841b25637c66303", "Cy", "2024-01-03T00:00:00.000Z")

let template: Promise<string> | undefined
const seed = async (): Promise<string> => {
  const folder = newFolder()
  writeFileSync(join(folder, "users.json"), JSON.stringify({ users: [ada, bo, cy] }))
  const { code, stderr } = await cli(["import", "users.json", "--site", siteId], { cwd: folder })
  if (code !== 0) throw new Error(`The store cannot be seeded: ${stderr}`)
  return join(folder, "webflow-users.db")
}

/** A store file with Ada, Bo and Cy on the site; `cli` runs in its folder and on it. */
export const seeded = async () => {
  const cwd = newFolder()
  const path = join(cwd, "users.db")
  copyFileSync(await (template ??= seed()), path)
  return storeAt(cwd, path)
}

/** A store that is not there yet. */
export const fresh = () => {
  const cwd = newFolder()
  return storeAt(cwd, join(cwd, "users.db"))
}

const storeAt = (cwd: string, path: string) => {
  const query = (sql: string, ...parameters: ReadonlyArray<string>) => {
    const database = new DatabaseSync(path, { timeout: 10_000 })
    try {
      return database.prepare(sql).all(...parameters)
    } finally {
      database.close()
    }
  }
  return {
    cwd,
    path,
    query,
    cli: (args: ReadonlyArray<string>, options: Options = {}) =>
      cli(args, { cwd, ...options, env: { WEBFLOW_USERS_STORE: `file:${path}`, ...options.env } }),
    user: (id: string): User =>
      JSON.parse(String(query("SELECT document FROM users WHERE id = ?", id)[0]?.["document"])),
    users: (): ReadonlyArray<User> =>
      query("SELECT document FROM users ORDER BY email").map((row) => JSON.parse(String(row["document"]))),
  }
}
