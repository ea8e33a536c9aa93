/** The same process on a pseudo terminal, which `script` of util-linux gives. */
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { text } from "node:stream/consumers"
import { main } from "./run.ts"

export const hasTerminal = spawnSync("script", ["-qec", "true", "/dev/null"], { stdio: "ignore" }).status === 0

const quoted = (arg: string): string => `'${arg.replaceAll("'", `'\\''`)}'`

/** What a person sees of a command, on a store or on whatever `--store` says. */
export const show = async (
  store: { readonly path: string; readonly cwd: string },
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>> = {},
) => {
  const command = [process.execPath, main, ...args].map(quoted).join(" ")
  const child = spawn("script", ["-qec", command, "/dev/null"], {
    env: { PATH: "/usr/bin:/bin", TERM: "xterm", SHELL: "/bin/sh", WEBFLOW_USERS_STORE: `file:${store.path}`, ...env },
    cwd: store.cwd,
    stdio: ["ignore", "pipe", "inherit"],
  })
  const [screen] = await Promise.all([text(child.stdout), once(child, "close")])
  return { code: child.exitCode, lines: screen.replaceAll("\r\n", "\n").trimEnd().split("\n") }
}
