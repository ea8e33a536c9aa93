/**
 * A disk that fails while updates come in: what was answered is kept, what could not be kept is answered 503, and when the
 * disk is well again so is the proxy. Faults are put into the running process by Debian's `strace`; one disk is really full.
 */
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseSiteId, type SiteId, type User, UserEvents, UserId } from "@webflow-users/core"
import { afterAll, describe, expect, it, onTestFinished } from "vitest"
import { open } from "./proxy.ts"
import * as Spawned from "./spawned.ts"
import { keepUpdating } from "./updating.ts"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const user: User = {
  id: UserId.make("6287ec36a841b25637c663df"),
  accessGroups: [],
  data: { name: "Member", filling: "x".repeat(200) },
}

const folder = mkdtempSync(join(tmpdir(), "webflow-users-disk-"))
afterAll(() => rmSync(folder, { recursive: true }))

const mount = (...args: ReadonlyArray<string>) => spawnSync("mount", ["-t", "tmpfs", ...args]).status === 0
const canMount = (() => {
  const path = join(folder, "try")
  mkdirSync(path)
  const did = mount("-o", "size=64k", "tmpfs", path)
  if (did) spawnSync("umount", [path])
  return did
})()

/** Makes system calls of a process fail, until it is disposed of. */
const inject = async (pid: number, calls: string, error: string) => {
  const fault = `inject=${calls}:error=${error}`
  const strace = spawn("strace", [
    "-f",
    "-p",
    String(pid),
    "-e",
    `trace=${calls}`,
    "-e",
    fault,
    "-o",
    join(folder, "calls"),
  ])
  const ended = once(strace, "close")
  let said = ""
  for await (const chunk of strace.stderr) if (/attached/.test((said += String(chunk)))) break
  expect(said).toMatch(/attached/)
  return async () => {
    strace.kill("SIGINT")
    await ended
  }
}

interface Fault {
  readonly path: string
  readonly begin: (pid: number) => Promise<() => Promise<unknown>>
}

const injected = (calls: string, error: string) => (): Fault => ({
  path: join(folder, `${calls}-${error}`),
  begin: (pid) => inject(pid, calls, error),
})

const full = (): Fault => {
  const path = join(folder, "full")
  return {
    path,
    begin: async () => {
      const filler = join(path, "filler")
      // As much as there is room for.
      spawnSync("sh", ["-c", 'cat /dev/zero > "$1" 2>&-', "sh", filler])
      return async () => rmSync(filler)
    },
  }
}

const faults: ReadonlyArray<readonly [name: string, canBeHad: boolean, fault: () => Fault]> = [
  ["that cannot be synced", true, injected("fsync,fdatasync", "EIO")],
  ["that takes no writes", true, injected("pwrite64", "EIO")],
  ["that is full, as it says", true, injected("pwrite64", "ENOSPC")],
  ["that is full", canMount, full],
]

describe.each(faults)("a disk %s", (name, canBeHad, make) => {
  it.skipIf(!canBeHad)(
    "loses nothing that was answered, and is used again when it is well",
    { timeout: 60_000 },
    async () => {
      const { path, begin } = make()
      mkdirSync(path, { recursive: true })
      if (name === "that is full") {
        expect(mount("-o", "size=6m", "tmpfs", path)).toBe(true)
        onTestFinished(() => void spawnSync("umount", [path]))
      }
      const store = `file:${path}/users.db`
      const before = open(store)
      await before.add({ id: siteId, users: [user] })
      const token = await before.token(siteId)
      await before.close()

      await using proxy = await Spawned.start(store)
      const updates = keepUpdating([proxy.origin], `/v2/sites/${siteId}/users/${user.id}`, token)
      await updates.more(updates.acknowledged, 40)
      const end = await begin(proxy.pid ?? 0)
      await updates.more(updates.refusals, 40)
      expect(updates.refusals.at(-1)).toMatchObject({
        status: 503,
        headers: { "retry-after": "5" },
        body: expect.stringContaining('"message":"The store could not be read or written"'),
      })
      await end()
      await updates.more(updates.acknowledged, 40)
      await updates.stop()
      await proxy.end("SIGKILL")

      await using after = open(store)
      const events = await after.run(UserEvents.use((record) => record.ofUser(siteId, user.id)))
      const kept = events.map((event) => event.after.data.name)
      expect(kept.toSorted()).toEqual(updates.acknowledged.toSorted())
      await after.close()
    },
  )
})
