/** Requests as they come nearly always, read without node:http: docs/decisions/0033. */

export interface PlainRequest {
  readonly method: string
  readonly url: string
  /** By their names in lower case, each of which came once. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: Buffer
  /** Where in what came the next one begins. */
  readonly end: number
}

/** How long a head may be, in bytes: a fourth of what node:http reads. */
const maxHead = 4_096

/** HEAD is none of these: what is read here is answered with a body. */
const requestLine = /^(GET|PATCH|OPTIONS) (\/[\w\-.~%!$&'()*+,;=:@/?]*) HTTP\/1\.1\r\n/

/** Neither bytes beyond ASCII nor tabs. Spaces around the value are one part with it: of two, each length of the first would be tried. */
const headerLine = /([\w!#$%&'*+\-.^`|~]+):([ -~]*)\r\n/y

/** Longer bodies come in pieces, and may be too long. */
const isLength = /^\d{1,5}$/

/** What says how a body is framed, or what becomes of the connection, as far as it is more than a length and "keep-alive". */
const notPlain: ReadonlySet<string> = new Set([
  "transfer-encoding",
  "trailer",
  "te",
  "expect",
  "upgrade",
  "proxy-connection",
])

/**
 * Reads a request that came whole, from there on. Nothing, where it is not all here, or where there is anything about it that
 * two readers could take differently: whatever is read here, node:http would have read as the same.
 */
export const read = (bytes: Buffer, from: number): PlainRequest | undefined => {
  const text = bytes.toString("latin1", from, from + maxHead)
  const line = requestLine.exec(text)
  if (line === null) return undefined
  const [first, method = "", url = ""] = line
  const headers = new Map<string, string>()
  let at = first.length
  while (!text.startsWith("\r\n", at)) {
    headerLine.lastIndex = at
    const [whole, name = "", value = ""] = headerLine.exec(text) ?? []
    if (whole === undefined) return undefined
    const known = name.toLowerCase()
    if (headers.has(known) || notPlain.has(known)) return undefined
    headers.set(known, value.trim())
    at += whole.length
  }
  const connection = headers.get("connection") ?? "keep-alive"
  const length = headers.get("content-length") ?? "0"
  if (!headers.has("host") || connection.toLowerCase() !== "keep-alive" || !isLength.test(length)) return undefined
  const start = from + at + "\r\n".length
  const end = start + Number(length)
  return end > bytes.length ? undefined : { method, url, headers, body: bytes.subarray(start, end), end }
}
