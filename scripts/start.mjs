/**
 * `npm start`: the proxy on an embedded store. The first time it brings in a sample site and mints a token for it;
 * after that the store is the owner's and is left as it is.
 */
import { readFileSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { setTimeout } from "node:timers/promises"
import { ensureBuilt } from "./build.mjs"
import { root } from "./checkout.mjs"
import { StepFailed, dieOf, launch, run, say } from "./processes.mjs"

const cli = "apps/cli/dist/main.js"
const proxy = "apps/http-proxy/dist/main.js"
const sample = "examples/members.json"
const site = "580e63e98c9a982ac9b8b741"
const mint = ["token", "create", "--site", site, "--scope", "users:read", "--scope", "users:write"]

const defaultStore = "file:./webflow-users.db"

/**
 * The port to listen on, free at this moment; port 0 becomes a free one. Asked before anything else happens: a
 * health check alone could be answered by whoever has the port already.
 *
 * @param {string} host
 * @param {string} port
 * @returns {Promise<number>}
 */
const freePort = (host, port) =>
  new Promise((resolve, reject) => {
    if (!/^\d{1,5}$/.test(port) || Number(port) > 65535)
      throw new Error(`PORT is a number from 0 to 65535, not ${port}`)
    const server = createServer()
    server.on("error", (/** @type {NodeJS.ErrnoException} */ error) => {
      const used = `Port ${port} on ${host} is in use. Stop who has it, or pick another one: PORT=${Number(port) + 1} npm start`
      reject(new Error(error.code === "EADDRINUSE" ? used : `Cannot listen on ${host}:${port}: ${error.message}`))
    })
    server.listen(Number(port), host, () => {
      const address = server.address()
      server.close(() => resolve(address !== null && typeof address === "object" ? address.port : Number(port)))
    })
  })

/**
 * Where a client on this machine reaches a server that listens on `host`.
 *
 * @param {string} host
 * @param {number} port
 */
export const addressOf = (host, port) => {
  const reached = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host
  return `http://${reached.includes(":") ? `[${reached}]` : reached}:${port}`
}

/**
 * The request of the documentation, on the sample's first user.
 *
 * @param {string} base
 * @param {string} token
 */
const curl = (base, token) => {
  const [user] = JSON.parse(readFileSync(join(root, sample), "utf8")).users
  const body = {
    data: { name: "Some One", "accept-privacy": false, "accept-communications": false },
    accessGroups: ["webflowers", "platinum", "free-tier"],
  }
  return `curl -X PATCH ${base}/v2/sites/${site}/users/${user.id} \\
     -H "Authorization: Bearer ${token}" \\
     -H "Content-Type: application/json" \\
     -d '${JSON.stringify(body, null, 2)}'`
}

/**
 * What a first start, which has just minted a token, or a later one has to say about the store.
 *
 * @param {string} base
 * @param {string} store
 * @param {string | undefined} token
 * @param {string} mintAnother
 */
const welcome = (base, store, token, mintAnother) => [
  ...(token === undefined
    ? [
        `Store        ${store}, as it was left`,
        "Token        the one from the first start is still valid; this mints another:",
        `             ${mintAnother}`,
      ]
    : [
        `Store        ${store}, with a sample site from ${sample}`,
        `Token        ${token}`,
        "             shown this once; the store keeps only its hash",
      ]),
  `Browser      ${base}/docs shows what there is, and sends it`,
  "",
  "Update a user:",
  "",
  curl(base, token ?? "<token>"),
  "",
]

/** @param {ReturnType<typeof launch>} server */
const isRunning = ({ child }) => child.exitCode === null && child.signalCode === null

/**
 * @param {string} base
 * @param {ReturnType<typeof launch>} server
 */
const isUp = async (base, server) => {
  const deadline = Date.now() + 30_000
  while (isRunning(server) && Date.now() < deadline) {
    const health = fetch(`${base}/health`, { signal: AbortSignal.timeout(1000) })
    if (await health.then((response) => response.status === 200).catch(() => false)) return true
    await setTimeout(25)
  }
  return false
}

export const start = async () => {
  const store = process.env.WEBFLOW_USERS_STORE || defaultStore
  const host = process.env.HOST || "127.0.0.1"
  const port = await freePort(host, process.env.PORT || "8787")
  const base = addressOf(host, port)

  const { node, ...toolchain } = await ensureBuilt()
  const env = { ...toolchain.env, WEBFLOW_USERS_STORE: store, HOST: host, PORT: String(port) }
  /** @param {ReadonlyArray<string>} args */
  const ask = async (args) => {
    const step = `webflow-users ${args.slice(0, 2).join(" ")}`
    return JSON.parse(await run(step, "node", [cli, ...args, "--json"], { env, quiet: true }))
  }

  // A store that is not a file is a server somebody keeps: nothing of ours goes in there.
  const isOurs = store.startsWith("file:")
  const isFirst = isOurs && (await ask(["token", "list"])).length === 0
  if (isFirst) {
    say(`Bringing a sample site into ${store} …`)
    await ask(["import", sample, "--site", site])
  }

  const server = launch("node", [proxy], { env })
  try {
    if (await isUp(base, server)) {
      // Minted last: it can be shown only once, so nothing may come between that could fail.
      const token = isFirst ? (await ask(mint)).token : undefined
      const typed = store === defaultStore ? node : `WEBFLOW_USERS_STORE='${store}' ${node}`
      const lines = isOurs ? welcome(base, store, token, `${typed} ${cli} ${mint.join(" ")}`) : []
      process.stdout.write([`Listening on ${base}`, ...lines, ""].join("\n"))
    } else if (isRunning(server)) {
      throw new Error("The proxy has not answered for 30 seconds.")
    } else {
      throw new StepFailed("Starting the proxy", await server.ended)
    }
  } catch (error) {
    server.child.kill()
    await server.ended
    throw error
  }
  const { code, signal } = await server.ended
  process.exitCode = code ?? 1
  if (signal !== null) dieOf(signal)
}
