/** Requests by `fetch`: the platform's own, or one that is given. Nothing else is needed, so it runs everywhere. */
import { Exit, Layer } from "effect"
import * as Transport from "../Transport.ts"
import { UnsendableRequest, UpstreamInvalidResponse } from "../UpstreamError.ts"

/** Sends by this `fetch`. No error of it repeats a header, or what is secret in an address. */
export const make = (fetch: typeof globalThis.fetch = globalThis.fetch): Transport.Transport["Service"] =>
  Transport.of((request, done) => {
    const controller = new AbortController()
    const ask = async () => done(await exitOf(fetch, request, controller.signal))
    void ask()
    return () => controller.abort()
  })

const exitOf = async (
  fetch: typeof globalThis.fetch,
  { method, url, headers, body }: Transport.TransportRequest,
  signal: AbortSignal,
): Promise<Exit.Exit<Transport.TransportResponse, Transport.TransportError>> => {
  try {
    // A redirect is an answer: following it would carry the token to another address.
    const response = await fetch(url, { method, headers, body: body ?? null, signal, redirect: "manual" })
    return Exit.succeed({
      // Browsers do not tell what a redirect is.
      status: response.type === "opaqueredirect" ? 302 : response.status,
      header: (name: string) => response.headers.get(name) ?? undefined,
      text: await read(response),
    })
  } catch (cause) {
    // What no network throws, but a `fetch` that is written wrongly. To try that again would not help.
    if (cause instanceof ReferenceError || cause instanceof SyntaxError) return Exit.die(cause)
    if (cause instanceof UpstreamInvalidResponse) return Exit.fail(cause)
    return Exit.fail(
      URL.canParse(url)
        ? Transport.failureOf(cause)
        : new UnsendableRequest({ details: ["the server's address is not a whole URL"] }),
    )
  }
}

/** The same as a layer. */
export const layer = (fetch?: typeof globalThis.fetch): Layer.Layer<Transport.Transport> =>
  Layer.succeed(Transport.Transport, make(fetch))

/** The longest answer that is read as a whole, in bytes. Where a page is not told that it is compressed, it may become longer. */
const short = 64 * 1024

const isShort = (headers: Headers): boolean =>
  !headers.has("content-encoding") && Number(headers.get("content-length") ?? Number.NaN) <= short

const read = async (response: Response): Promise<string> => {
  const { status, headers } = response
  // Some platforms, and answers made up for tests, have no stream.
  const body: Partial<ReadableStream<Uint8Array>> | null | undefined = response.body
  if (body === null) return ""
  // To read a stream piece by piece takes a third as long again as the request.
  if (body?.getReader === undefined || isShort(headers)) return await response.text()
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let text = ""
  for (let size = 0; ;) {
    const { done, value } = await reader.read()
    if (done) return text + decoder.decode()
    size += value.byteLength
    if (size > Transport.maxResponseBytes) {
      await reader.cancel()
      throw Transport.tooLarge(status)
    }
    text += decoder.decode(value, { stream: true })
  }
}
