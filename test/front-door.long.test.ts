/**
 * `npm start` as a newcomer meets it: a clean clone, the machine's own Node, and the printed curl pasted into a shell.
 * It tries what is committed.
 */
import { execFile, spawn, type ChildProcess } from "node:child_process"
import { once } from "node:events"
import { existsSync } from "node:fs"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { promisify } from "node:util"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { root } from "../scripts/checkout.mjs"
import { isAtLeast, withoutNpm } from "../scripts/toolchain.mjs"
import { freePort } from "./free-port.ts"

const run = promisify(execFile)
const minutes = (count: number) => count * 60_000

/** What a shell of this machine has: none of our settings, none of the test runner's, and not this checkout's tools. */
const cleanEnvironment = (): NodeJS.ProcessEnv => {
  const ours = /^(WEBFLOW_USERS_|TURBO_|VITEST|TEST|NODE_|HOST$|PORT$|CI$)/
  const kept = Object.entries(withoutNpm(process.env)).filter(
    ([name]) => !ours.test(name) || name === "NODE_EXTRA_CA_CERTS",
  )
  const path = (process.env["PATH"] ?? "").split(delimiter)
  const theirs = path.filter((folder) => !folder.startsWith(root) && !/node_modules\/\.bin$|node-gyp-bin$/.test(folder))
  return { ...Object.fromEntries(kept), PATH: theirs.join(delimiter) }
}

const curlIn = (printed: string): string => /^curl [^]*?^\}'$/m.exec(printed)?.[0] ?? ""

describe("npm start in a clean clone", () => {
  let clone = ""
  let env: NodeJS.ProcessEnv = {}
  let running: ChildProcess | undefined

  /** Starts it, and answers with all it printed up to the end of the curl. */
  const start = async (): Promise<string> => {
    // A group of its own, so that nothing is left behind whatever happens.
    const child = spawn("npm", ["start"], { cwd: clone, env, detached: true, stdio: ["ignore", "pipe", "pipe"] })
    running = child
    return new Promise((resolve, reject) => {
      let printed = ""
      const read = (text: string) => {
        printed += text
        if (/^\}'$/m.test(printed)) resolve(printed)
      }
      child.stdout.setEncoding("utf8").on("data", read)
      child.stderr.setEncoding("utf8").on("data", read)
      child.on("error", reject)
      child.on("close", (code) => reject(new Error(`npm start ended with ${code}:\n${printed}`)))
    })
  }

  const stop = async (): Promise<void> => {
    if (running === undefined) return
    // Its output is closed when the last process that holds it is gone; npm may well go first.
    const closed = once(running, "close")
    running.kill("SIGTERM")
    await closed
    running = undefined
  }

  const paste = async (command: string): Promise<unknown> => {
    const { stdout } = await run("bash", ["-c", command], { cwd: clone, env })
    return JSON.parse(stdout)
  }

  beforeAll(async () => {
    clone = await mkdtemp(join(tmpdir(), "webflow-users-"))
    await run("git", ["clone", "--quiet", root, clone])
    // The curl is pasted to the letter, so what makes it exit with an error for a 4xx comes from curl's own settings.
    await writeFile(join(clone, ".curlrc"), "fail-with-body\nsilent\n")
    env = { ...cleanEnvironment(), PORT: String(await freePort()), CURL_HOME: clone }
  }, minutes(1))

  afterAll(async () => {
    if (running?.pid !== undefined && running.exitCode === null) process.kill(-running.pid, "SIGKILL")
    await rm(clone, { recursive: true, force: true })
  }, minutes(1))

  it("answers the curl it prints, and keeps data and token over a restart", { timeout: minutes(10) }, async () => {
    const first = await start()
    const curl = curlIn(first)
    const [, token = ""] = /Bearer (\S+)"/.exec(curl) ?? []
    const [url = ""] = /http:\S+/.exec(curl) ?? []
    const updated = {
      id: url.split("/").at(-1),
      data: { name: "Some One", "accept-privacy": false, "accept-communications": false },
      accessGroups: ["webflowers", "platinum", "free-tier"].map((slug) => ({ slug, type: "admin" })),
    }
    expect(token).not.toBe("<token>")
    expect(await paste(curl)).toMatchObject(updated)

    const { stdout: version } = await run("node", ["--version"], { env })
    expect(existsSync(join(clone, ".node", "bin", "node"))).toBe(!isAtLeast(version.trim().slice(1), "22.19.0"))

    await stop()
    const second = await start()
    expect(second).not.toContain(token)
    expect(second).not.toMatch(/Fetching|Installing|Building|Bringing/)
    expect(await paste(`curl ${url} -H "Authorization: Bearer ${token}"`)).toMatchObject(updated)
    expect(curlIn(second)).toBe(curl.replace(token, "<token>"))

    const [mintAnother = ""] = /^ *\S*node apps\/cli\/.*$/m.exec(second) ?? []
    const minted = await paste(mintAnother)
    expect(minted).toMatchObject({ token: expect.any(String) })
    expect(await paste(curl.replace(token, (minted as { token: string }).token))).toMatchObject(updated)
    await stop()
  })
})
