/** Servers that do not say when they listen, and which port they took: they are given one, and asked until they answer. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { connect } from "node:net"
import { setTimeout } from "node:timers/promises"
import { endedWithThis, patience, type Served } from "./processes.ts"

const isListening = (port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" })
    socket.once("error", () => resolve(false))
    socket.once("connect", () => {
      socket.destroy()
      resolve(true)
    })
  })

/** Starts one that was told this port, and waits until it takes connections there. */
export const serveSilent = async (command: string, args: ReadonlyArray<string>, port: number): Promise<Served> => {
  const child = endedWithThis(spawn(command, args, { stdio: ["ignore", "ignore", "inherit"] }))
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null
  const since = performance.now()
  while (!(await isListening(port))) {
    if (performance.now() - since > patience) throw new Error(`${command} ${args.join(" ")} does not listen`)
    if (hasEnded()) throw new Error(`${command} ${args.join(" ")} ended with ${child.exitCode}`)
    await setTimeout(20)
  }
  const stop = async () => {
    child.kill("SIGTERM")
    if (!hasEnded()) await once(child, "close")
  }
  return { origin: `http://127.0.0.1:${port}`, pid: child.pid ?? 0, stop }
}
