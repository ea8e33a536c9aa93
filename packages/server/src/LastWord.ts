/** How a connection ends so that its caller hears the end. */
import type { Socket } from "node:net"
import type { Response } from "./PlainResponse.ts"

/** How long a caller may take to close its side after the last word, in milliseconds. */
export const lingerTimeout = 1_000

/**
 * Says the last word, and gives the caller a moment to hear it: a socket that is destroyed while the caller sends takes
 * back what was not delivered yet, also of the answers before.
 */
export const hangUp = (socket: Socket, lastWord = "") => {
  if (socket.writableEnded) return
  socket.end(lastWord, () => setTimeout(() => socket.destroy(), lingerTimeout).unref())
}

/** Does something when an answer, if there is one, has been handed to the socket whole. */
export const afterAnswer = (answer: Response | undefined, act: () => unknown): void => {
  if (answer === undefined || answer.writableFinished || answer.closed) act()
  else answer.once("close", act)
}
