/** nginx of the machine, as one process that reads no configuration but the one given here. */
import { existsSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { freePort } from "../test/free-port.ts"
import type { Served } from "./processes.ts"
import { serveSilent } from "./silent.ts"
import { temporaryFolder } from "./temporary-folder.ts"

const program = "/usr/sbin/nginx"

export const hasNginx = existsSync(program)

interface Site {
  /** Directives beside the server, such as an `upstream`. */
  readonly http?: string
  /** Directives for whatever is asked. */
  readonly location: string
}

const configured = (folder: string, port: number, { http = "", location }: Site) => `
daemon off; master_process off; pid ${folder}/pid; error_log stderr warn;
events { worker_connections 1024; }
http {
  access_log off; keepalive_requests 1000000000; default_type application/json;
${["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `  ${name}_temp_path ${folder}/${name};`).join("\n")}
  ${http}
  server { listen 127.0.0.1:${port} backlog=1024; location / { ${location} } }
}
`

/** Starts it; `prefix` is a command that runs another. */
export const serveNginx = async (site: Site, prefix: ReadonlyArray<string> = []): Promise<Served> => {
  const folder = temporaryFolder("nginx")
  const port = await freePort()
  const file = join(folder, "nginx.conf")
  writeFileSync(file, configured(folder, port, site))
  const [command = program, ...args] = [...prefix, program, "-p", folder, "-e", "stderr", "-c", file]
  return serveSilent(command, args, port)
}
