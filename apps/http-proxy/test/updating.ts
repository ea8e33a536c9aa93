/** Updates of a user that come one after the other over each of several connections, for as long as a test has it so. */
import { type Answer, dial, request } from "./raw.ts"

const callers = 8

/** Eight callers, spread over the servers. Each update has a name of its own. */
export const keepUpdating = (origins: ReadonlyArray<string>, path: string, token: string) => {
  const acknowledged: Array<unknown> = []
  const refusals: Array<Answer> = []
  const over = new AbortController()
  let news = Promise.withResolvers<void>()
  const caller = async (_: unknown, index: number) => {
    using connection = await dial(origins[index % origins.length] ?? "")
    for (let round = 1; !over.signal.aborted; round += 1) {
      const name = `Caller ${index}, round ${round}`
      const headers = [`Authorization: Bearer ${token}`, "Content-Type: application/json"]
      connection.send(request(`PATCH ${path}`, headers, JSON.stringify({ data: { name } })))
      const answer = await connection.next()
      if (answer === undefined) throw new Error("The connection was closed")
      if (answer.status === 200) acknowledged.push(name)
      else refusals.push(answer)
      news.resolve()
      news = Promise.withResolvers()
    }
  }
  const ended = Promise.all(Array.from({ length: callers }, caller))
  /** Waits until there are so many more of them. */
  const more = async (of: ReadonlyArray<unknown>, count: number) => {
    for (const least = of.length + count; of.length < least;) await Promise.race([news.promise, ended])
  }
  return {
    acknowledged,
    refusals,
    more,
    stop: async () => {
      over.abort()
      await ended
    },
  }
}
