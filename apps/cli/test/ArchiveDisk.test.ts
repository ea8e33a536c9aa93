/** A disk that is full while an archive is written, or taken in: it is told, and nothing half is left. */
import { spawnSync } from "node:child_process"
import { mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it, onTestFinished } from "vitest"
import { writeLarge } from "./archive.ts"
import { jsonLines } from "./bulk.ts"
import { cli, errorIn, fresh, newFolder, siteId } from "./run.ts"

const mount = (...args: ReadonlyArray<string>) => spawnSync("mount", ["-t", "tmpfs", ...args]).status === 0
const unmount = (path: string) => spawnSync("umount", [path])

const canMount = (() => {
  if (process.platform !== "linux") return false
  const path = newFolder()
  if (!mount("-o", "size=64k", "tmpfs", path)) return false
  unmount(path)
  return true
})()

const exportSite = ["export", "--site", siteId]
let large: Promise<ReturnType<typeof fresh>> | undefined
/** A store whose archive is about 1 MB. */
const filled = () =>
  (large ??= (async () => {
    const store = fresh()
    await writeLarge(join(store.cwd, "large.jsonl"), 500)
    expect(await store.cli(["import", "large.jsonl"])).toMatchObject({ code: 0 })
    return store
  })())

/** A file system with so much room, and a file in it. */
const small = (size: string) => {
  const path = join(newFolder(), "full")
  mkdirSync(path)
  expect(mount("-o", `size=${size}`, "tmpfs", path)).toBe(true)
  onTestFinished(() => void unmount(path))
  writeFileSync(join(path, "precious"), "precious")
  return path
}

describe("a small file system", { skip: !canMount }, () => {
  it("that has no room for the archive is left as it was", async () => {
    const store = await filled()
    const path = small("300k")
    for (const args of [
      ["--output", join(path, "new")],
      ["--output", join(path, "precious"), "--force"],
    ]) {
      const outcome = await store.cli([...exportSite, ...args])
      expect(outcome.code).toBe(1)
      expect(errorIn(outcome)).toMatchObject({ tag: "OutputUnwritable", message: expect.stringContaining("ENOSPC") })
      expect(readdirSync(path)).toEqual(["precious"])
      expect(statSync(join(path, "precious")).size).toBe(8)
    }
  })

  it("behind standard output fails the export, too", async () => {
    const store = await filled()
    const path = small("300k")
    const { code, stderr } = await store.cli(exportSite, { under: `exec >${join(path, "out")}` })
    expect(code).toBe(1)
    expect(jsonLines(stderr)).toMatchObject([
      { error: { tag: "OutputUnwritable", message: expect.stringContaining("ENOSPC") } },
    ])
  })

  it("that has no room for what is taken in has nothing of it, and can be gone on with", async () => {
    const store = await filled()
    const path = small("700k")
    const input = (await store.cli(exportSite)).stdout
    const address = `file:${join(path, "users.db")}`
    const outcome = await cli(["import", "-", "--store", address], { input })
    expect(outcome.code).toBe(5)
    expect(errorIn(outcome)).toMatchObject({ tag: "StoreUnavailable", cause: expect.stringContaining("full") })
    expect((await cli([...exportSite, "--store", address])).code).toBe(6)
    expect(mount("-o", "remount,size=16m", path)).toBe(true)
    expect(await cli(["import", "-", "--store", address], { input })).toMatchObject({ code: 0 })
    expect((await cli([...exportSite, "--store", address])).stdout).toBe(input)
  })
})

it.skipIf(process.platform === "win32")("a limit on the size of files leaves nothing half", async () => {
  const store = await filled()
  const before = readdirSync(store.cwd)
  const outcome = await store.cli([...exportSite, "--output", "site.jsonl"], { under: "ulimit -f 400" })
  expect(outcome.code).toBe(1)
  expect(errorIn(outcome)).toMatchObject({ tag: "OutputUnwritable", message: expect.stringContaining("EFBIG") })
  expect(readdirSync(store.cwd)).toEqual(before)
})
