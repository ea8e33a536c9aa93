/**
 * Requests to one server over undici's `Pool`: connections that are kept, and no more of them than are allowed.
 *
 * Its `dispatch` is used as it is: what stands on top of it costs as much again (docs/decisions/0009).
 */
import { Transport } from "@webflow-users/core"
import { Duration, Effect, Exit, Layer, Scheduler } from "effect"
import type { Dispatcher } from "undici"
import Pool from "undici/lib/dispatcher/pool.js"

export interface Options {
  /** How long a connection may take to be made. 10 seconds unless said otherwise. */
  readonly connectTimeout?: Duration.Input | undefined
  /** How long the server may be silent, before its answer and within it. A minute unless said otherwise; 0 is as long as it takes. */
  readonly silence?: Duration.Input | undefined
  /** The most connections at once. 64 unless said otherwise. */
  readonly connections?: number | undefined
  /** Node's `setImmediate`, from whoever was there before somebody could put another one in its place, as tests do. */
  readonly setImmediate?: ((begin: () => void) => unknown) | undefined
}

/** Sends to the server at this address, and to no other. */
export const layer = (address: string, options: Options = {}): Layer.Layer<Transport.Transport> =>
  Layer.effect(
    Transport.Transport,
    Effect.gen(function* () {
      const silence = wholeMillis(options.silence ?? "1 minute")
      const { origin } = new URL(address)
      const pool = yield* Effect.acquireRelease(
        Effect.sync(
          () =>
            new Pool(origin, {
              connections: options.connections ?? 64,
              connect: { timeout: wholeMillis(options.connectTimeout ?? "10 seconds") },
              headersTimeout: silence,
              bodyTimeout: silence,
              maxResponseSize: Transport.maxResponseBytes,
              allowH2: false,
            }),
        ),
        (opened) => Effect.promise(() => opened.destroy()),
      )
      const received = gathered(options.setImmediate ?? globalThis.setImmediate)
      return Transport.of(({ method, url, headers, body }, done) => {
        const exchange = new Exchange(received, done)
        const request = {
          path: pathOf(url, origin),
          method: method as Dispatcher.HttpMethod,
          headers,
          body: body ?? null,
        }
        pool.dispatch(request, exchange)
        return () => exchange.cancel()
      })
    }),
  )

/** Where answers that came together wait until all of them are read, and are then worked on (docs/decisions/0031). */
const gathered = (later: (begin: () => void) => unknown) =>
  new Scheduler.MixedScheduler("async", (begin) => {
    later(begin)
    // Nobody calls it off.
    return () => undefined
  }).makeDispatcher()

/** What follows the origin. Only where something in it may have another spelling does it have to be read as an address. */
const pathOf = (url: string, origin: string): string => {
  const rest = url.startsWith(origin) ? url.slice(origin.length) : ""
  if (/^\/[\w/?&=~-]*$/.test(rest)) return rest
  const { pathname, search } = new URL(url)
  return pathname + search
}

/** undici takes no others. */
const wholeMillis = (duration: Duration.Input): number => Math.ceil(Duration.toMillis(duration))

class Exchange implements Dispatcher.DispatchHandler {
  readonly #received: Scheduler.SchedulerDispatcher
  readonly #done: Transport.Done
  readonly #chunks: Array<Buffer> = []
  #controller: Dispatcher.DispatchController | undefined
  #isCancelled = false
  #status = 0
  #headers: NodeJS.Dict<string | Array<string>> = {}

  constructor(received: Scheduler.SchedulerDispatcher, done: Transport.Done) {
    this.#received = received
    this.#done = done
  }

  /** Ends it: with its connection where it is under way, and before it is sent where it waits for one. */
  cancel() {
    this.#isCancelled = true
    this.#controller?.abort(nobodyWaits())
  }

  onRequestStart(controller: Dispatcher.DispatchController) {
    // An abort would take the connection with it, and nothing was sent over it yet.
    if (this.#isCancelled) throw nobodyWaits()
    this.#controller = controller
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: NodeJS.Dict<string | Array<string>>) {
    this.#status = status
    this.#headers = headers
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer) {
    this.#chunks.push(chunk)
  }

  onResponseEnd() {
    this.#received.scheduleTask(() => this.#tell(), 0)
  }

  #tell() {
    const headers = this.#headers
    const chunks = this.#chunks
    const [first] = chunks
    this.#done(
      Exit.succeed({
        status: this.#status,
        header: (name) => {
          const value = headers[name]
          return Array.isArray(value) ? value.join(", ") : value
        },
        text: first === undefined ? "" : textOf(chunks.length === 1 ? first : Buffer.concat(chunks)),
      }),
    )
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error & { readonly code?: string }) {
    this.#done(
      Exit.fail(
        error.code === "UND_ERR_RES_EXCEEDED_MAX_SIZE" ? Transport.tooLarge(this.#status) : Transport.failureOf(error),
      ),
    )
  }
}

const nobodyWaits = () => new Error("Nobody waits for the answer any more")

/** As a `TextDecoder` reads it, which leaves out a mark at the beginning, and takes several times as long. */
const textOf = (bytes: Buffer): string => {
  const text = bytes.toString()
  return text.startsWith("\uFEFF") ? text.slice(1) : text
}
