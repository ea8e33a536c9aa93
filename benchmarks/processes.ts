/** The programs that a benchmark starts, and what the system says of them. Every contender is a process of its own. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

/** A file of this repository, by its path from the root. */
export const inRepository = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url))

/** Ends a program with this one, should that end before it has stopped it: where something was thrown. */
export const endedWithThis = (child: ChildProcess): ChildProcess => {
  running.add(child)
  child.once("close", () => running.delete(child))
  return child
}
const running = new Set<ChildProcess>()
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL")
})

/** How long a server may take until it listens, in milliseconds. */
export const patience = 30_000

export interface Means {
  readonly env?: NodeJS.ProcessEnv
  readonly cwd?: string
  /** In milliseconds; nobody takes as long, unless something is wrong. */
  readonly timeout?: number
}

/** Runs a program of Node to its end, and gives what it printed. */
export const run = async (args: ReadonlyArray<string>, { env, ...means }: Means = {}): Promise<string> => {
  const child = spawn(process.execPath, args, {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...env },
    ...means,
  })
  const [output] = await Promise.all([child.stdout.toArray(), once(child, "close")])
  const text = Buffer.concat(output).toString()
  if (child.exitCode !== 0) throw new Error(`${args.join(" ")} ended with ${child.exitCode}: ${text}`)
  return text
}

export interface Served {
  /** `http://127.0.0.1:PORT` */
  readonly origin: string
  readonly pid: number
  /** Ends it, and waits until it has. */
  readonly stop: () => Promise<void>
}

/** Starts a server, and waits until it says that it listens. */
export const serve = async (
  command: string,
  args: ReadonlyArray<string>,
  { env, cwd }: Means = {},
): Promise<Served> => {
  const child = endedWithThis(
    spawn(command, args, {
      // Its log is read by nobody, and its input ends with this process.
      stdio: ["pipe", "pipe", "ignore"],
      env: { ...process.env, ...env },
      cwd,
    }),
  )
  const origin = await new Promise<string>((resolve, reject) => {
    let said = ""
    // Read on to the end: a pipe that is full would stop who writes into it.
    child.stdout?.on("data", (chunk) => {
      if (said.length > 10_000) return
      said += String(chunk)
      const found = /listen\S* on (http:\S+?)[,\s]/.exec(said)?.[1]
      if (found !== undefined) resolve(found)
    })
    const tooLong = () => reject(new Error(`${args.join(" ")} does not listen: ${said}`))
    setTimeout(tooLong, patience).unref()
    child.once("error", reject)
    child.once("close", () => reject(new Error(`${args.join(" ")} ended: ${said}`)))
  })
  const stop = async () => {
    child.kill("SIGTERM")
    if (child.exitCode === null && child.signalCode === null) await once(child, "close")
  }
  return { origin, pid: child.pid ?? 0, stop }
}

/** Microseconds of processor that a process has used so far, all its threads; the system counts in ten thousands. */
export const cpuOf = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10_000
}

/** MB of memory that a process has, `VmHWM` the most that it ever had, `RssAnon` what is no page of a file, such as Node's own. */
export const memoryOf = (pid: number, which: "VmRSS" | "VmHWM" | "RssAnon" = "VmRSS"): number =>
  Number(new RegExp(`${which}:\\s+(\\d+) kB`).exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024
