/**
 * What stands in front of the proxy, as its example says: nginx or Caddy of the machine, with a certificate nobody vouches
 * for, in front of two addresses. Nothing of the example is other than ports, paths and the certificate.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http"
import { Agent, type RequestOptions, request } from "node:https"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import { setTimeout } from "node:timers/promises"
import { connect } from "node:tls"
import { selfSigned } from "../../../packages/stores/test/certificate.ts"
import { root } from "../../../scripts/checkout.mjs"
import { freePort } from "../../../test/free-port.ts"

const isRoot = process.getuid?.() === 0
/** Whom Debian calls nobody. */
const nobody = 65_534

const certificate = selfSigned("localhost")

/** An example, with each text in it replaced by another. One that is not there is an error: the example has moved on. */
const adapted = (example: string, changes: Readonly<Record<string, string>>) =>
  Object.entries(changes).reduce(
    (config, [from, to]) => {
      if (!config.includes(from)) throw new Error(`deploy/${example} has no ${from}`)
      return config.replaceAll(from, to)
    },
    readFileSync(join(root, "deploy", example), "utf8"),
  )

interface Options {
  /** `host:port` of the two behind. */
  readonly upstreams: readonly [string, string]
}

const nginxMain = (folder: string) => `
daemon off;
pid ${folder}/nginx.pid;
error_log stderr warn;
events {}
http {
  access_log off;
${["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `  ${name}_temp_path ${folder}/${name};`).join("\n")}
  include ${folder}/conf.d/*.conf;
}
`

/** Each of them: how its example is made to run here, and how it is started. */
const kinds = {
  nginx: (folder: string, port: number, { upstreams: [first, second] }: Options) => {
    mkdirSync(join(folder, "conf.d"))
    writeFileSync(join(folder, "nginx.conf"), nginxMain(folder))
    const config = adapted("nginx.conf", {
      "proxy-1:8787": first,
      "proxy-2:8787": second,
      "listen 443 ssl;": `listen 127.0.0.1:${port} ssl;`,
      "users.example.com": "localhost",
      "/etc/nginx/tls": folder,
    })
    writeFileSync(join(folder, "conf.d/webflow-users.conf"), config)
    return ["/usr/sbin/nginx", "-p", folder, "-e", "stderr", "-c", join(folder, "nginx.conf")]
  },
  caddy: (folder: string, port: number, { upstreams: [first, second] }: Options) => {
    const config = adapted("Caddyfile", {
      "proxy-1:8787": first,
      "proxy-2:8787": second,
      "{\n\tauto_https": "{\n\tadmin off\n\tskip_install_trust\n\tdefault_bind 127.0.0.1\n\tauto_https",
      "users.example.com {": `https://localhost:${port} {\n\ttls ${folder}/fullchain.pem ${folder}/privkey.pem`,
    })
    writeFileSync(join(folder, "Caddyfile"), config)
    return ["/usr/bin/caddy", "run", "--adapter", "caddyfile", "--config", join(folder, "Caddyfile")]
  },
} satisfies Record<string, (folder: string, port: number, options: Options) => ReadonlyArray<string>>

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly content: string
}

/** Nobody listens yet; whatever else goes wrong is told. */
const isRefused = (error: NodeJS.ErrnoException) => {
  if (error.code !== "ECONNREFUSED") throw error
  return false
}

export type Kind = keyof typeof kinds

/** Starts it, as nobody where this is root, and waits until it takes connections. */
export const start = async (kind: Kind, options: Options) => {
  const folder = mkdtempSync(join(tmpdir(), `webflow-users-${kind}-`))
  chmodSync(folder, 0o755)
  writeFileSync(join(folder, "fullchain.pem"), certificate.cert)
  writeFileSync(join(folder, "privkey.pem"), certificate.key, { mode: 0o600 })
  if (isRoot) for (const path of [folder, join(folder, "privkey.pem")]) chownSync(path, nobody, nobody)
  const port = await freePort()
  const [program = "", ...args] = kinds[kind](folder, port, options)
  const as = isRoot ? { uid: nobody, gid: nobody } : {}
  const env = { PATH: "/usr/bin:/bin", HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder }
  const child = spawn(program, args, { ...as, env, cwd: folder, stdio: ["ignore", "ignore", "pipe"] })
  let said = ""
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (said += chunk))
  const agent = new Agent({ keepAlive: true })
  const ask = (path: string, { body, headers, ...more }: RequestOptions & { readonly body?: string | Buffer } = {}) =>
    new Promise<Answer>((resolve, reject) => {
      const address = { host: "127.0.0.1", servername: "localhost", port, path, agent, ca: certificate.cert }
      const named = { host: `localhost:${port}`, ...(headers as OutgoingHttpHeaders) }
      const asked = request({ ...address, ...more, headers: named }, (response) => {
        text(response).then(
          (content) => resolve({ status: response.statusCode ?? 0, headers: response.headers, content }),
          reject,
        )
      })
      asked.on("error", reject)
      asked.end(body)
    })
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null
  // It says nothing when it listens, so it is asked.
  while (!(await ask("/metrics").then(() => true, isRefused))) {
    if (hasEnded()) {
      rmSync(folder, { recursive: true })
      throw new Error(`${kind} ended with ${child.exitCode}: ${said}`)
    }
    await setTimeout(20)
  }
  return {
    ask,
    /** A connection of one's own, past TLS. */
    connect: () => connect({ host: "127.0.0.1", port, servername: "localhost", ca: certificate.cert }),
    said: () => said,
    [Symbol.asyncDispose]: async () => {
      agent.destroy()
      if (!hasEnded()) {
        child.kill("SIGTERM")
        await once(child, "exit")
      }
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
