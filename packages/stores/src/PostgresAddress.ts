/** What the address of a PostgreSQL database says. It is read here, without the driver, to be judged and to be shown. */

/** How much of TLS is asked for; the words are PostgreSQL's own, and so is what they mean. */
export type SslMode = "disable" | "allow" | "prefer" | "require" | "verify-ca" | "verify-full"

export interface PostgresAddress {
  readonly host: string
  readonly port: number
  readonly database: string
  readonly sslMode: SslMode
  /** Paths of PEM files: who vouches for the server; who we are, and our key. */
  readonly sslRootCert: string | undefined
  readonly sslCert: string | undefined
  readonly sslKey: string | undefined
  /** How long a connection may take to be made, in seconds. */
  readonly connectTimeout: number | undefined
}

const sslModes: ReadonlyArray<string> = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]
const isSslMode = (text: string): text is SslMode => sslModes.includes(text)

/** The address, or what is wrong with it, in words that repeat nothing of it: it may hold a password anywhere. */
export const parse = (address: string): PostgresAddress | string => {
  // Whether it can be read at all, asked first: the error of a URL carries the whole of it.
  const url = URL.canParse(address) ? new URL(address) : undefined
  // A password's unescaped / ? or # ends the part that passwords stand in, and leaves the @ behind.
  if (url === undefined || !/^\w+:\/\//.test(address) || `${url.pathname}${url.hash}`.includes("@"))
    return "has to be like postgres://user:password@host:5432/database; what is special in a name or password is escaped, @ as %40"
  const parts = [url.username, url.password, url.hostname, url.pathname]
  if (!parts.every(isEscapedWell)) return "has a % that escapes nothing; % itself is %25"
  const said = (name: string) => url.searchParams.get(name) ?? undefined
  const sslMode = said("sslmode") ?? "prefer"
  if (!isSslMode(sslMode)) return `has an sslmode that is none of ${sslModes.join(", ")}`
  const port = Number(said("port") ?? (url.port || 5432))
  if (!(Number.isInteger(port) && port > 0 && port < 65_536)) return "has a port that is none"
  const database = said("dbname") ?? decodeURIComponent(url.pathname.slice(1))
  if (database === "") return "has to name a database, as in postgres://user:password@host:5432/database"
  const host = said("host") ?? (decodeURIComponent(url.hostname).replace(/^\[(.*)\]$/, "$1") || "localhost")
  if (host.includes(",")) return "names several servers, and only one can be asked"
  return {
    host,
    port,
    database,
    sslMode,
    sslRootCert: said("sslrootcert"),
    sslCert: said("sslcert"),
    sslKey: said("sslkey"),
    connectTimeout: Number(said("connect_timeout")) || undefined,
  }
}

/** Where the database is and how it is called; never who asks, nor how they prove it. */
export const describe = (address: string): string => {
  const parsed = parse(address)
  // Half of a password that nobody escaped can stand in the host's place; then there is an @ in what follows it.
  if (typeof parsed === "string" || address.split("@").length > 2) return "postgres:…"
  const { host, port, database } = parsed
  return `postgres://${host.includes(":") ? `[${host}]` : host.includes("/") ? encodeURIComponent(host) : host}:${port}/${encodeURIComponent(database)}`
}

const isEscapedWell = (part: string): boolean => {
  try {
    decodeURIComponent(part)
    return true
  } catch {
    return false
  }
}
