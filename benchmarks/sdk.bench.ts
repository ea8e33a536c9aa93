/**
 * One call of the SDK, 50 at a time, beside undici's own `Pool.request`, `fetch`, and the official SDK: CPU of the caller's
 * process for each, and calls a second. Every contender is a process of its own, and so is the server, which has no limit.
 */
import { inRepository, serve } from "./processes.ts"
import { isQuick, report } from "./report.ts"
import { inTurn } from "./rounds.ts"
import { bestOf, updatesOf } from "./updates-run.ts"

const many = isQuick ? 8_000 : 40_000
/** Each with how many updates it makes a round: those that take a tenth of a millisecond and more are not given as many. */
const contenders: Record<string, number> = {
  "undici Pool.request": many,
  "@webflow-users/sdk": many,
  ...(!isQuick && { fetch: many / 10, "@webflow-users/sdk by fetch": many / 10 }),
  "webflow-api 3.1.3": many / (isQuick ? 8 : 10),
}

const server = await serve(process.execPath, [inRepository("benchmarks/bulk-server.ts")])
const seen = await inTurn(Object.keys(contenders), isQuick ? 2 : 3, async (name) => {
  const count = contenders[name] ?? 0
  // What is compiled while it is measured is no part of what a call costs.
  const [, ...rounds] = await updatesOf(name, server.origin, isQuick ? [count, count] : [count, count, count])
  return rounds
})
await server.stop()

const of = (name: string) => bestOf((seen.get(name) ?? []).flat())
const [undici, official, ours] = [of("undici Pool.request"), of("webflow-api 3.1.3"), of("@webflow-users/sdk")]
report(
  [
    {
      title: "50 calls at a time",
      columns: ["CPU µs a call", "÷ undici", "calls a second", "× webflow-api"],
      rows: Object.keys(contenders).map((name) => {
        const { micros, rate } = of(name)
        return [name, micros, micros / undici.micros, rate, rate / official.rate]
      }),
    },
  ],
  [
    { what: "CPU of a call, over undici's Pool.request", atMost: 2, measured: ours.micros / undici.micros },
    { what: "calls a second, over webflow-api's", atLeast: 10, measured: ours.rate / official.rate },
  ],
)
