/** The command line as it is mostly called, for the build to see what that takes: once built, each of these has to be fast. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"

const siteId = "580e63e98c9a982ac9b8b741"
const user = {
  id: "6287ec36a841b25637c663df",
  isEmailVerified: true,
  lastUpdated: "2022-05-20T13:46:12.093Z",
  createdOn: "2022-05-20T13:46:12.093Z",
  status: "verified",
  accessGroups: [{ slug: "webflowers", type: "admin" }],
  data: { name: "Some One", email: "some.one@home.com", "accept-privacy": false, "accept-communications": false },
}

/** Calls the built command, in a folder that is gone afterwards, with a store and a server. */
export const starts = async (main: string, env: Readonly<Record<string, string>>): Promise<void> => {
  const cwd = mkdtempSync(join(tmpdir(), "webflow-users-starts-"))
  const run = async (...args: ReadonlyArray<string>) => {
    const child = spawn(process.execPath, [resolve(main), ...args], { cwd, env, stdio: ["ignore", "pipe", "inherit"] })
    const [code] = await once(
      child.on("spawn", () => child.stdout.resume()),
      "close",
    )
    if (code !== 0) throw new Error(`webflow-users ${args.join(" ")} ended with ${code}`)
  }
  const server = createServer((_, response) =>
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(user)),
  ).listen(0, "127.0.0.1")
  await once(server, "listening")
  try {
    writeFileSync(join(cwd, "users.json"), JSON.stringify({ users: [user] }))
    const { port } = server.address() as AddressInfo
    await run("--help")
    await run("update", "--help")
    await run("import", "users.json", "--site", siteId)
    for (const store of ["file:./webflow-users.db", `http://127.0.0.1:${port}/v2`]) {
      await run("update", siteId, user.id, "--name", "Ada", "--field", "company=Okafor", "--store", store)
      await run("get", siteId, user.id, "--store", store)
    }
  } finally {
    server.close()
    rmSync(cwd, { recursive: true })
  }
}
