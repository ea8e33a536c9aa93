/** The address that a server of node:http is found at. */
import type { Server } from "node:http"
import { Server as NetServer } from "node:net"
import { Data, Effect } from "effect"

export interface Address {
  readonly host: string
  /** 0 takes any free port. */
  readonly port: number
}

/** The address cannot be listened on: taken, not this machine's, or not permitted. */
export class CannotListen extends Data.TaggedError("CannotListen")<{ readonly message: string }> {}

/** Makes a server listen. */
export const bind = (server: Server, { host, port }: Address): Effect.Effect<void, CannotListen> =>
  Effect.callback<void, CannotListen>((resume) => {
    const onError = (error: Error) =>
      resume(Effect.fail(new CannotListen({ message: `Cannot listen on ${host}:${port}: ${error.message}` })))
    server.once("error", onError)
    server.listen(port, host, () => {
      server.off("error", onError)
      resume(Effect.void)
    })
  })

/** Takes no more connections, and waits for those there are. */
export const close = (server: Server) =>
  Effect.callback<void>((resume) => {
    // Not node:http's own: it destroys connections whose answers are written and not yet sent, and ends the timeouts.
    NetServer.prototype.close.call(server, () => resume(Effect.void))
  })
