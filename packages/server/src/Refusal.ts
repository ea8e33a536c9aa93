/** Answers to what node:http could not read as a request, and has no response for. */
import { STATUS_CODES } from "node:http"
import { BadRequest } from "@webflow-users/core"
import * as Http from "./Http.ts"

const refusals: Readonly<Record<string, { readonly status: number; readonly message: string }>> = {
  HPE_HEADER_OVERFLOW: { status: 431, message: "The request's headers are too large" },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, message: "The request did not arrive in time" },
}

/** The answer to what node:http gave up with this code. */
export const of = (code: string | undefined): Http.TextResponse => {
  const { status, message } = refusals[code ?? ""] ?? { status: 400, message: "The request is not valid HTTP" }
  return { ...Http.failure(new BadRequest({ message })), status }
}

/** An answer as it goes over the wire, the last one of its connection. */
export const asText = ({ status, headers, body }: Http.TextResponse): string => {
  const lines = Object.entries({ ...headers, "content-length": Buffer.byteLength(body), connection: "close" })
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${head}\r\n${body}`
}
