/** What came together is worked on together, and sent together: docs/decisions/0031. */
import { AsyncResource } from "node:async_hooks"
// Those of Node, also where a test puts others in the place of the globals later.
import { clearImmediate, setImmediate } from "node:timers"
import { Scheduler } from "effect"

export interface Gathered {
  /** Begins some work when all has been read that has come, in the asynchronous context of now. */
  readonly begin: (work: () => void) => void
  /** Sends something when what is worked on is done. */
  readonly send: (send: () => void) => void
  /** Begins and sends what waits for it, for who has to know now what becomes of it. */
  readonly now: () => void
}

export const make = (): Gathered => {
  const works = new Scheduler.MixedScheduler("async", afterReading).makeDispatcher()
  const answers = new Scheduler.MixedScheduler("sync").makeDispatcher()
  return {
    begin: (work) => {
      // Instrumentation keeps there what belongs to a request.
      const context = new AsyncResource("webflow-users/Request", { requireManualDestroy: true })
      works.scheduleTask(() => {
        context.runInAsyncScope(work)
        context.emitDestroy()
      }, 0)
    },
    send: (send) => answers.scheduleTask(send, 0),
    now: () => {
      works.flush()
      answers.flush()
    },
  }
}

const afterReading = (begin: () => void) => {
  const immediate = setImmediate(begin)
  return () => clearImmediate(immediate)
}
