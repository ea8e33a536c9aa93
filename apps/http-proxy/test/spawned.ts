/** The built proxy as a process of its own, as whoever deploys it runs it. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { tmpdir } from "node:os"
import { fileURLToPath } from "node:url"

const main = fileURLToPath(new URL("../dist/main.js", import.meta.url))

/** What a process is told. It gets these variables and no others, so that those of the machine decide nothing. */
export interface Told {
  readonly args?: ReadonlyArray<string>
  readonly env?: Readonly<Record<string, string>>
  /** Where relative paths start: nothing of a test may come to lie in the checkout. */
  readonly cwd?: string
}

const begin = ({ args = [], env = {}, cwd = tmpdir() }: Told) => {
  const child = spawn(process.execPath, [main, ...args], { env, cwd, stdio: ["ignore", "pipe", "pipe"] })
  const said = { stdout: "", stderr: "" }
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream].setEncoding("utf8").on("data", (text: string) => (said[stream] += text))
  }
  // "close" and not "exit": by then everything it said has been read.
  const ended = once(child, "close").then(() => ({ code: child.exitCode, signal: child.signalCode, ...said }))
  return { child, said, ended }
}

/** Runs it to its end. */
export const run = (told: Told) => begin(told).ended

/** Lines of a log, each read as JSON. */
export const linesOf = (text: string) =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>)

/**
 * Starts it on a store and a free port, and waits until it listens. It logs what goes wrong and nothing else, unless it is told
 * to. Disposing of it kills it where it still runs.
 */
export const start = async (store: string, told: Told = {}) => {
  const { child, said, ended } = begin({
    ...told,
    env: { PORT: "0", WEBFLOW_USERS_STORE: store, WEBFLOW_USERS_LOG_LEVEL: "warn", ...told.env },
  })
  const origin = await new Promise<string>((resolve, reject) => {
    const look = () => {
      const address = /listens on (http:\S+),/.exec(said.stdout)?.[1]
      if (address !== undefined) resolve(address)
    }
    child.stdout.on("data", look)
    void ended.then(({ code, stderr }) => reject(new Error(`The proxy ended with ${code}: ${stderr}`)))
  })
  const end = (signal: NodeJS.Signals) => {
    child.kill(signal)
    return ended
  }
  return {
    origin,
    pid: child.pid,
    /** Where it tells its metrics, if it does. */
    metrics: () => /Metrics are at (\S+)/.exec(said.stdout)?.[1] ?? "",
    /** Hears nothing more of its log, as a collector that has died. */
    stopListening: () => child.stderr.destroy(),
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    /** Sends a signal, and waits for the end: how it ended, and all that it said. */
    end,
    [Symbol.asyncDispose]: async () => void (await end("SIGKILL")),
  }
}
