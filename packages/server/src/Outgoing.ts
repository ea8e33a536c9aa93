/** Answers as node:http is handed them. */
import type * as Http from "./Http.ts"
import * as Request from "./Request.ts"

/** An answer's headers in a row, each name with its value behind it: an object that has two more would be made anew for each. */
export const headersOf = ({ status, headers }: Http.Response, id: string, length: number): Array<string> => {
  const row: Array<string> = []
  for (const name in headers) row.push(name, headers[name] ?? "")
  row.push(Request.idHeader, id)
  // An answer that says that it has no body has no length either.
  if (status !== 204) row.push("content-length", String(length))
  return row
}

/** What an answer of such a length takes up that no other has: bytes are shared. */
export const ownSizeOf = ({ body }: Http.Response, length = Buffer.byteLength(body)): number =>
  typeof body === "string" ? length : 0
