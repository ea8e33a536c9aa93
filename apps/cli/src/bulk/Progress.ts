/** How far a run is, while it goes on: a bar on a terminal, a line now and then off one, events where JSON is asked for. */
import { Clock, Effect, Schedule } from "effect"
import { Calls } from "../Calls.ts"
import * as Bar from "../Bar.ts"
import { Output } from "../Output.ts"
import { inTime, number } from "../Text.ts"

export interface Counts {
  readonly done: number
  readonly failed: number
}

export interface Progress {
  readonly advance: (counts: Counts) => Effect.Effect<void>
  /** Ends it, so that something else can be told. */
  readonly end: Effect.Effect<void>
}

/** What is told of a run that goes on. */
interface State extends Counts {
  readonly total: number
  readonly skipped: number
  /** Of changes in a second, since it began. */
  readonly rate: number
  /** In seconds; nothing while it cannot be told. */
  readonly secondsLeft: number | undefined
  /** For how many seconds the server's limit holds everything up. */
  readonly waiting: number
}

const barEvery = "200 millis"
const lineEvery = "5 seconds"
/** Shorter waits are no news. */
const shortestWait = 1.5

/** Tells how far a run is whose other changes were made before. The scope ends it too. */
export const make = Effect.fnUntraced(function* (run: {
  readonly total: number
  readonly skipped: number
  readonly before: Counts
}) {
  const output = yield* Output
  const { waitLeft } = yield* Calls
  const start = yield* Clock.currentTimeMillis
  let counts = run.before

  const state = Effect.gen(function* () {
    const seconds = ((yield* Clock.currentTimeMillis) - start) / 1000
    const ended = counts.done + counts.failed - run.before.done - run.before.failed
    const rate = seconds > 0 ? ended / seconds : 0
    const left = run.total - counts.done - counts.failed
    const waiting = (yield* waitLeft) / 1000
    return {
      ...counts,
      total: run.total,
      skipped: run.skipped,
      rate,
      // Nothing goes on while everything waits, however fast it was until then.
      secondsLeft: rate > 0 ? Math.ceil(left / rate + waiting) : undefined,
      waiting: waiting >= shortestWait ? Math.ceil(waiting) : 0,
    } satisfies State
  })

  const isBar = output.progress === "bar" && run.total > 0
  const teller = yield* isBar ? Effect.flatMap(state, bar) : Effect.succeed(lines(output))
  const tell = Effect.flatMap(state, (now) => teller.tell(now))
  const every = isBar ? barEvery : lineEvery
  yield* Effect.forkScoped(Effect.schedule(tell, Schedule.spaced(every)))
  return {
    advance: (now) => {
      counts = now
      return isBar ? tell : Effect.void
    },
    end: isBar ? Effect.andThen(tell, teller.end) : Effect.void,
  } satisfies Progress
})

const lines = (output: Output["Service"]) => ({
  tell: (state: State) =>
    output.progress === "events"
      ? output.event({ event: "progress", ...state, rate: Math.round(state.rate * 10) / 10 })
      : output.remark([`${number(state.done)} of ${number(state.total)} done`, ...inWords(state)].join(", ")),
  end: Effect.void,
})

const inWords = ({ failed, skipped, rate, secondsLeft, waiting }: State): ReadonlyArray<string> => [
  `${number(failed)} failed`,
  `${number(skipped)} skipped`,
  `${rate >= 10 ? number(Math.round(rate)) : rate.toFixed(1)} a second`,
  ...(secondsLeft === undefined ? [] : [`${inTime(secondsLeft)} left`]),
  ...(waiting > 0 ? [`waiting ${inTime(waiting)} for the server's limit`] : []),
]

/** The same for a bar, in few letters. */
const inShort = ({ done, total, failed, skipped, rate, secondsLeft, waiting }: State): string =>
  [
    `${number(done)}/${number(total)} done`,
    `${number(failed)} failed`,
    `${number(skipped)} skipped`,
    `${rate >= 10 ? number(Math.round(rate)) : rate.toFixed(1)}/s`,
    ...(secondsLeft === undefined ? [] : [`${inTimeShort(secondsLeft)} left`]),
    ...(waiting > 0 ? [`limit: ${inTimeShort(waiting)}`] : []),
  ].join(", ")

const bar = Effect.fnUntraced(function* (first: State) {
  const drawn = yield* Bar.draw(first.total, first.done + first.failed, inShort(first))
  return {
    tell: (state: State) => drawn.tell(state.done + state.failed, inShort(state)),
    end: drawn.end,
  }
})

const inTimeShort = (seconds: number): string =>
  seconds <= 120 ? `${seconds}s` : seconds <= 7200 ? `${Math.ceil(seconds / 60)}m` : `${Math.ceil(seconds / 3600)}h`
