/** Counts what fell into the last window of time, in steps of a thousandth of it: a count of any size takes little room. */

/**
 * A window is taken for a little longer than it is: what counts for a window may count for the millisecond after it too, and two clocks that are
 * both being set right, while they run, differ by up to a thousandth.
 */
export const safely = (window: number): number => Math.ceil(window * 1.001) + 1

/** So many that are counted until a moment. Times are in milliseconds. */
export interface Ending {
  readonly at: number
  count: number
}

export interface WindowCount {
  /** Counts so many, from now on for a window. */
  readonly add: (now: number, count: number) => void
  /** Leaves out what is over. */
  readonly forget: (now: number) => void
  readonly total: () => number
  /** What is counted, in the order in which it ends. */
  readonly endings: () => ReadonlyArray<Ending>
  /** When the next of it ends; never where nothing is counted. */
  readonly nextEnd: () => number
}

export const make = (window: number): WindowCount => {
  const step = Math.max(1, Math.floor(window / 1_000))
  let endings: Array<Ending> = []
  let total = 0
  return {
    add: (now, count) => {
      if (count <= 0) return
      const at = Math.ceil((now + window) / step) * step
      const last = endings.at(-1)
      if (last?.at === at) last.count += count
      else endings.push({ at, count })
      total += count
    },
    forget: (now) => {
      const [first] = endings
      if (first === undefined || first.at > now) return
      const kept = endings.findIndex(({ at }) => at > now)
      const over = kept < 0 ? endings : endings.slice(0, kept)
      endings = kept < 0 ? [] : endings.slice(kept)
      for (const { count } of over) total -= count
    },
    total: () => total,
    endings: () => endings,
    nextEnd: () => endings[0]?.at ?? Number.POSITIVE_INFINITY,
  }
}

/** What of a limit is taken. */
export interface Taken {
  readonly limit: number
  readonly endings: ReadonlyArray<Ending>
  /** What is not counted yet, and will be from now on at the earliest. */
  readonly underWay: number
  readonly window: number
}

/** How long who waits behind so many others waits for a place within a limit, as far as can be told now. */
export const waitFor = (ahead: number, { limit, endings, underWay, window }: Taken, now: number): number => {
  const taken = endings.reduce((sum, { count }) => sum + count, underWay)
  const place = ahead - Math.max(0, limit - taken)
  if (limit === Number.POSITIVE_INFINITY || place < 0) return 0
  let before = place % limit
  // What is under way, and who takes a free place now, makes room a window from now.
  const ending = endings.toSorted((a, b) => a.at - b.at).find(({ count }) => (before -= count) < 0)
  return (ending?.at ?? now + window) - now + Math.floor(place / limit) * window
}
