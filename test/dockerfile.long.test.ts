/** The Dockerfile's own steps in a clean folder, and what comes of them started. No engine builds the image here. */
import { once } from "node:events"
import { chmodSync, globSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest"
import { root } from "../scripts/checkout.mjs"
import { fetchedNode } from "../scripts/toolchain.mjs"
import * as Dockerfile from "./dockerfile.ts"

const source = readFileSync(join(root, "Dockerfile"), "utf8")
const siteId = "580e63e98c9a982ac9b8b741"
const minutes = (count: number) => count * 60_000

let folder: string
let image: Dockerfile.Image
let unseal = () => {}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "webflow-users-image-"))
  // Whom the image runs as has to come by.
  chmodSync(folder, 0o755)
  image = await Dockerfile.build(source, root, folder)
  unseal = Dockerfile.seal(image)
}, minutes(10))

afterAll(() => {
  unseal()
  rmSync(folder, { recursive: true, force: true })
}, minutes(1))

/** Starts what the image starts, on a port that is free, and waits until it listens. */
const startProxy = async () => {
  const proxy = Dockerfile.start(image, image.command, { PORT: "0" })
  onTestFinished(() => void proxy.kill("SIGKILL"))
  let said = ""
  const port = await new Promise<string>((resolve, reject) => {
    const read = (chunk: Buffer) => {
      said += String(chunk)
      const [, address] = /listens on http:\/\/0\.0\.0\.0:(\d+),/.exec(said) ?? []
      if (address !== undefined) resolve(address)
    }
    proxy.stdout.on("data", read)
    proxy.stderr.on("data", read)
    proxy.once("close", (code) => reject(new Error(`It ended with ${code}: ${said}`)))
  })
  return { proxy, port, said: () => said }
}

/** What `docker exec` would be given. */
const cli = async (args: ReadonlyArray<string>, input?: string) => {
  const { code, stdout, stderr } = await Dockerfile.execute(image, ["webflow-users", ...args, "--json"], {
    ...(input !== undefined && { input }),
  })
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
  return JSON.parse(stdout)
}

describe("the image", () => {
  it("runs as a user by number, who owns the volume and nothing else", () => {
    expect(image).toMatchObject({ user: "1000:1000", volumes: ["/data"], ports: ["8787"], stopSignal: "SIGTERM" })
    const owned = globSync("**", { cwd: image.root }).filter((path) => statSync(join(image.root, path)).uid === 1000)
    if (process.getuid?.() === 0) expect(owned).toEqual(["data"])
    expect(statSync(join(image.root, "data")).mode & 0o777).toBe(0o700)
  })

  it("has the two programs and their notices beside what it is made from, and nothing else", () => {
    const brought = globSync("{*,app/**,usr/local/bin/*}", { cwd: image.root })
    const files = brought.filter((path) => !statSync(join(image.root, path)).isDirectory())
    const names = new Set(files.map((path) => path.replace(/-[\w-]{8}\.js$/, "-….js")))
    expect(globSync("*", { cwd: image.root }).toSorted()).toEqual(["app", "data", "root", "usr"])
    expect([...names].filter((name) => !/^app\/[\w-]+\/dist\/[\w-]+-….js$/.test(name)).toSorted()).toEqual([
      "app/LICENSE",
      "app/cli/dist/THIRD-PARTY-LICENSES.txt",
      "app/cli/dist/main.js",
      "app/cli/package.json",
      "app/http-proxy/dist/THIRD-PARTY-LICENSES.txt",
      "app/http-proxy/dist/main.js",
      "app/http-proxy/package.json",
      ...["node", "npm", "webflow-users", "webflow-users-proxy"].map((name) => `usr/local/bin/${name}`),
    ])
  })

  it("is made from the Node that the front door fetches", () => {
    expect(image.from).toBe(`node:${fetchedNode}-slim`)
  })

  it("answers, lets the command line in beside it, is healthy, and stops when it is told to", async () => {
    const { proxy, port, said } = await startProxy()
    expect(await Dockerfile.execute(image, image.health, { env: { PORT: port } })).toMatchObject({
      code: 0,
      stderr: "",
    })
    const members = readFileSync(join(root, "examples/members.json"), "utf8")
    const { id } = JSON.parse(members).users[0]
    await cli(["import", "-", "--site", siteId], members)
    const { token } = await cli([
      "token",
      "create",
      "--site",
      siteId,
      "--scope",
      "users:read",
      "--scope",
      "users:write",
    ])
    const answer = await fetch(`http://127.0.0.1:${port}/v2/sites/${siteId}/users/${id}`, {
      method: "PATCH",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ data: { name: "Ada Lovelace" }, accessGroups: ["platinum"] }),
    })
    expect(answer.status).toBe(200)
    expect(await answer.json()).toMatchObject({ id, data: { name: "Ada Lovelace" } })
    expect(await cli(["get", siteId, id])).toMatchObject({ data: { name: "Ada Lovelace" } })
    const page = await fetch(`http://127.0.0.1:${port}/docs`)
    expect(page.status).toBe(200)

    proxy.kill(image.stopSignal as NodeJS.Signals)
    await once(proxy, "close")
    expect({ code: proxy.exitCode, said: said() }).toMatchObject({ code: 0 })
    expect(await Dockerfile.execute(image, image.health, { env: { PORT: port } })).toMatchObject({ code: 1 })
    expect(globSync("**", { cwd: join(image.root, "data") })).toContain("webflow-users.db")
  }, 60_000)
})
