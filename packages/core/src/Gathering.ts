/**
 * Small pieces of work, done one after the other once a program has read all that has come for it, and not each where it was read.
 *
 * What one piece needs of code and data is then near the processor when the next one needs it, and whoever gets what they
 * write is woken once for many: of a request passed on, that is a third of its time (docs/decisions/0031).
 */

/**
 * Gives what takes in a piece of work. `later` calls back when all has been read that can be: `setImmediate` of Node is such.
 * What comes while work is done waits for the next time, so that reading and working take turns.
 */
export const make = <A>(later: (begin: () => void) => void, work: (one: A) => void): ((one: A) => void) => {
  let waiting: Array<A> = []
  const begin = () => {
    const all = waiting
    waiting = []
    let done = 0
    try {
      for (const one of all) {
        done += 1
        work(one)
      }
    } finally {
      // One that throws does not take those behind it along.
      for (const one of all.slice(done)) take(one)
    }
  }
  const take = (one: A) => {
    if (waiting.push(one) === 1) later(begin)
  }
  return take
}
