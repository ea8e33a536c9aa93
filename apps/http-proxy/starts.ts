/** The proxy as it is mostly started, for the build to see what that takes: once built, its first answer has to be there soon. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"

/** Starts the built proxy on a store in a file, asks it once, and stops it. */
export const starts = async (main: string, env: Readonly<Record<string, string>>): Promise<void> => {
  const cwd = mkdtempSync(join(tmpdir(), "webflow-users-starts-"))
  const child = spawn(process.execPath, [resolve(main), "--port", "0"], {
    cwd,
    env,
    stdio: ["ignore", "pipe", "ignore"],
  })
  const ended = once(child, "close")
  try {
    let said = ""
    for await (const chunk of child.stdout) {
      said += String(chunk)
      const [origin] = /http:\S+(?=,)/.exec(said) ?? []
      if (origin === undefined) continue
      const answer = await fetch(`${origin}/v2/sites/580e63e98c9a982ac9b8b741/users/6287ec36a841b25637c663df`, {
        method: "PATCH",
        headers: { authorization: "Bearer none", "content-type": "application/json" },
        body: '{"data":{"name":"Ada"}}',
      })
      await answer.text()
      child.kill("SIGTERM")
    }
    const [code] = await ended
    if (code !== 0) throw new Error(`The proxy ended with ${code}`)
  } finally {
    child.kill("SIGKILL")
    rmSync(cwd, { recursive: true })
  }
}
