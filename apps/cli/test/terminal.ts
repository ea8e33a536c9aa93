/** The same process on a pseudo terminal, which `script` of util-linux gives. */
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { main } from "./run.ts"

export const hasTerminal = spawnSync("script", ["-qec", "true", "/dev/null"], { stdio: "ignore" }).status === 0

const quoted = (arg: string): string => `'${arg.replaceAll("'", `'\\''`)}'`

interface Store {
  readonly path: string
  readonly cwd: string
}

/** A command on a terminal of 80 columns, on a store or on whatever `--store` says, with somebody who reads and types. */
export const sit = (store: Store, args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}) => {
  const command = `stty columns 80 rows 24; exec ${[process.execPath, main, ...args].map(quoted).join(" ")}`
  const child = spawn("script", ["-qec", command, "/dev/null"], {
    env: { PATH: "/usr/bin:/bin", TERM: "xterm", SHELL: "/bin/sh", WEBFLOW_USERS_STORE: `file:${store.path}`, ...env },
    cwd: store.cwd,
    stdio: ["pipe", "pipe", "inherit"],
  })
  // Who has ended reads no more.
  child.stdin.on("error", () => undefined)
  let screen = ""
  let more = Promise.withResolvers<void>()
  const goOn = () => {
    more.resolve()
    more = Promise.withResolvers()
  }
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    screen += text
    goOn()
  })
  const closed = once(child, "close").then(goOn)
  return {
    /** Until the screen shows it. Gives it. */
    sees: async (pattern: RegExp): Promise<RegExpExecArray> => {
      for (;;) {
        const found = pattern.exec(screen)
        if (found !== null) return found
        if (child.exitCode !== null) throw new Error(`The command ended without ${pattern}: ${screen}`)
        await more.promise
      }
    },
    type: (text: string) => child.stdin.write(text),
    /** When it has ended: with which code, and all that it showed. */
    ended: closed.then(() => ({ code: child.exitCode, screen })),
  }
}

/** What a person sees of a command. */
export const show = async (store: Store, args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}) => {
  const { code, screen } = await sit(store, args, env).ended
  return { code, lines: screen.replaceAll("\r\n", "\n").trimEnd().split("\n") }
}
