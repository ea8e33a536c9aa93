/** The drop-in for `webflow-api` 3.1: one file of somebody's code, compiled and run against both packages. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import { fileURLToPath } from "node:url"
import { parseSiteId, type SiteId, type User, UserId } from "@webflow-users/core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { open } from "../../../apps/http-proxy/test/proxy.ts"
import { start } from "../../../apps/http-proxy/test/spawned.ts"

const root = fileURLToPath(new URL("../../..", import.meta.url))
const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const moment = "2022-05-20T13:46:12.093Z"

const member = (index: number): User => ({
  id: UserId.make(`6287ec36a841b25637c6630${index}`),
  isEmailVerified: true,
  lastUpdated: moment,
  invitedOn: null,
  createdOn: moment,
  lastLogin: moment,
  status: "verified",
  accessGroups: [
    { slug: "webflowers", type: "admin" },
    { slug: "course", type: "ecommerce" },
  ],
  data: {
    name: `Member ${index}`,
    email: `member-${index}@example.com`,
    "accept-privacy": true,
    "accept-communications": false,
    drink: "Tea",
    "old-field": "gone soon",
  },
})
const users = [0, 1, 2].map(member)

const official = "webflow-api-3.1.3"
const ours = "@webflow-users/sdk/webflow-api"
/** The package, and the condition by which Node is asked for another entry of it. */
const runs = {
  official: { name: official, conditions: [] },
  "ours, on Node": { name: ours, conditions: [] },
  "ours, by fetch": { name: ours, conditions: ["--conditions=workerd"] },
} as const

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "webflow-users-drop-in-"))
  await symlink(join(root, "node_modules"), join(folder, "node_modules"))
  await writeFile(join(folder, "package.json"), JSON.stringify({ type: "module" }))
  const code = await readFile(new URL("webflow-api/user-code.ts", import.meta.url), "utf8")
  for (const [name, file] of [
    [official, "official.ts"],
    [ours, "ours.ts"],
  ] as const) {
    await writeFile(join(folder, file), code.replace(`from "${official}"`, `from "${name}"`))
  }
})
afterAll(() => rm(folder, { recursive: true }))

const run = async (args: ReadonlyArray<string>) => {
  const child = spawn(process.execPath, args, { cwd: folder, env: {}, stdio: ["ignore", "pipe", "pipe"] })
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")])
  return { code: child.exitCode, stdout, stderr }
}

describe("code written for webflow-api 3.1", () => {
  it.each([true, false])("compiles against both, exactOptionalPropertyTypes %s", async (exactOptionalPropertyTypes) => {
    const config = join(folder, `tsconfig.${exactOptionalPropertyTypes}.json`)
    const compilerOptions = {
      exactOptionalPropertyTypes,
      strict: true,
      noUncheckedIndexedAccess: true,
      module: "NodeNext",
      target: "ES2023",
      noEmit: true,
      skipLibCheck: true,
      types: ["node"],
    }
    await writeFile(config, JSON.stringify({ compilerOptions, files: ["official.ts", "ours.ts"] }))
    const tsc = join(root, "node_modules/typescript/bin/tsc")
    expect(await run([tsc, "--pretty", "false", "-p", config])).toEqual({ code: 0, stdout: "", stderr: "" })
  })

  it.each(["flat", "documented"])(
    "prints the same, where data is %s",
    async (nesting) => {
      const printed = await Promise.all(
        Object.entries(runs).map(async ([name, { name: imported, conditions }]) => {
          const address = `file:${folder}/${nesting}-${name.replaceAll(/\W/g, "")}.db`
          const tokens = await seed(address)
          await using proxy = await start(address, {
            env: { WEBFLOW_USERS_FAULTS: "true", WEBFLOW_USERS_DATA_NESTING: nesting, WEBFLOW_USERS_LOG_LEVEL: "none" },
          })
          const file = imported === official ? "official.ts" : "ours.ts"
          const known = [`${proxy.origin}/v2`, ...tokens, siteId, users[0]!.id]
          return [name, await run([...conditions, file, ...known])] as const
        }),
      )
      const { official: theirs, ...others } = Object.fromEntries(printed)
      expect(theirs).toMatchObject({ code: 0, stderr: "" })
      expect(theirs!.stdout).toContain("environment by a function")
      for (const mine of Object.values(others)) expect(mine).toEqual(theirs)
      // Three proxies and three programs at once.
    },
    90_000,
  )
})

/** A store with the users and two tokens: one for everything, one that reads. */
const seed = async (address: string) => {
  await using store = open(address)
  await store.add({ id: siteId, users })
  return [await store.token(siteId), await store.token(siteId, ["users:read"])]
}
