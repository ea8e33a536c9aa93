/**
 * What is there for a while, in no order, such as requests that are under way.
 *
 * A `Set` is made anew from time to time while things come and go, and its old table keeps all that it held, and the new table too.
 * Once such a table is old enough to be left to the collector's rare and large rounds, it holds with the tables after it
 * all that has been in them since: where every request passes through a set, V8 copies the requests of whole seconds again
 * and again (docs/decisions/0031).
 */
export interface Bag<A> {
  /** Takes one in. Gives what lets it go again, and says whether it was still there. */
  readonly add: (one: A) => () => boolean
  readonly size: () => number
  /** Those that are there now. */
  readonly values: () => ReadonlyArray<A>
}

interface Place<A> {
  readonly one: A
  /** Where it stands; nowhere once it has been let go. */
  index: number | undefined
}

/** Makes an empty one. */
export const make = <A>(): Bag<A> => {
  const places: Array<Place<A>> = []
  return {
    add: (one) => {
      const place: Place<A> = { one, index: places.length }
      places.push(place)
      return () => {
        const { index } = place
        const last = places.at(-1)
        if (index === undefined || last === undefined) return false
        // The last one takes the place of the one that goes.
        places[index] = last
        last.index = index
        places.pop()
        place.index = undefined
        return true
      }
    },
    size: () => places.length,
    values: () => places.map(({ one }) => one),
  }
}
