/**
 * What answers take up until their callers have fetched them. Who does not fetch takes no more than a share of the memory, and
 * no place that somebody else needs: docs/decisions/0017.
 */
import type { Socket } from "node:net"
import { Clock, Effect } from "effect"

/** The most that all answers together take up, in bytes. */
const most = 128 * 1024 * 1024

/** What a request and its answer take up beside the answer's text, in bytes. */
const atLeast = 8 * 1024

/** An answer of such a size is rather not given than kept where there is no room, in bytes. */
const large = 64 * 1024

/** How long an answer may wait to be fetched while nobody needs the place, in milliseconds, and while somebody does. */
const patience = { otherwise: 30_000, needed: 1_000 }

interface Held {
  bytes: number
  /** When the answers were sent that are not fetched yet, in their order; in milliseconds. */
  readonly sent: Array<number>
}

/** `end` is to end a connection that does not fetch. */
export const make = Effect.fnUntraced(function* (end: (socket: Socket) => void) {
  const clock = yield* Clock.Clock
  const now = () => Number(clock.monotonicTimeNanosUnsafe()) / 1_000_000
  let total = 0
  const held = new Map<Socket, Held>()

  const forget = (socket: Socket): void => {
    total -= held.get(socket)?.bytes ?? 0
    held.delete(socket)
  }

  /** Ends the connection with the answer that has waited for longest, if that is long enough. */
  const endOne = (longEnough: number): boolean => {
    let slowest: Socket | undefined
    let since = now() - longEnough
    for (const [socket, { sent }] of held) {
      const [first] = sent
      if (first === undefined || first > since) continue
      slowest = socket
      since = first
    }
    if (slowest === undefined) return false
    forget(slowest)
    end(slowest)
    return true
  }

  const makeRoom = (): boolean => endOne(patience.needed)

  const hasRoom = (): boolean => {
    if (total <= most) return true
    return makeRoom() && hasRoom()
  }

  const take = (one: Held, bytes: number): void => {
    one.bytes += bytes
    total += bytes
  }

  yield* Effect.acquireRelease(
    Effect.sync(() =>
      setInterval(() => {
        while (endOne(patience.otherwise)) continue
      }, 1_000).unref(),
    ),
    (sweeping) => Effect.sync(() => clearInterval(sweeping)),
  )

  return {
    /** Whether another answer may be made; if need be, room is made for it. */
    hasRoom,
    /** Whether an answer of so many bytes may be given. */
    hasRoomFor: (bytes: number): boolean => bytes < large || hasRoom(),
    /** Gives up who has left an answer for longest, if somebody has. */
    makeRoom,
    /** A request has come. */
    begin: (socket: Socket): void => {
      const one = held.get(socket) ?? { bytes: 0, sent: [] }
      if (!held.has(socket)) socket.once("close", () => forget(socket))
      held.set(socket, one)
      take(one, atLeast)
    },
    /** Its answer has been made, of so many bytes that nobody else has. */
    made: (socket: Socket, bytes: number): void => {
      const one = held.get(socket)
      if (one !== undefined) take(one, bytes)
    },
    /**
     * The answer is with the socket, and from now on waits for its caller: one that was made in the same step and could not leave yet waits for nobody.
     * Gives what is to be called when it is fetched.
     */
    sent: (socket: Socket, bytes: number): (() => void) => {
      const one = held.get(socket)
      if (one === undefined) return () => undefined
      one.sent.push(now())
      return () => {
        if (held.get(socket) !== one) return
        take(one, -bytes - atLeast)
        one.sent.shift()
      }
    },
  }
})
