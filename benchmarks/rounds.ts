/** How contenders are measured side by side, and what is made of several rounds. */

/** Each of them so often, in turn and from either end: a machine that drifts drifts for all. */
export const inTurn = async <A>(
  names: ReadonlyArray<string>,
  rounds: number,
  one: (name: string, round: number) => Promise<A>,
): Promise<ReadonlyMap<string, ReadonlyArray<A>>> => {
  const seen = new Map(names.map((name) => [name, new Array<A>()]))
  for (let round = 0; round < rounds; round += 1) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) seen.get(name)?.push(await one(name, round))
  }
  return seen
}

export const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN
