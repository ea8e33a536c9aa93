/** What node:http reads of the requests that come; while somebody hears of that, it reads all of them on new connections. */
import { subscribe, unsubscribe } from "node:diagnostics_channel"
import type { IncomingMessage, ServerResponse } from "node:http"
import { onTestFinished } from "vitest"

export interface Read {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

/** Hears of them, as instrumentation of Node's server does, until the test is over. */
export const hear = (onRead: (read: Read) => unknown): void => {
  const onStart = (message: unknown) => void onRead(message as Read)
  subscribe("http.server.request.start", onStart)
  onTestFinished(() => void unsubscribe("http.server.request.start", onStart))
}
