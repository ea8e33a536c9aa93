/** Runs who makes updates: a process for each, of which is told what it took. */
import { inRepository, run } from "./processes.ts"
import { median } from "./rounds.ts"

export interface Taken {
  readonly milliseconds: number
  /** CPU of all its threads, in milliseconds. */
  readonly cpu: number
  /** The most memory it has had, in MB. */
  readonly memory: number
}

/** What a number of updates took. */
export interface Updates extends Taken {
  readonly updates: number
  readonly failed: number
}

/** What a server allows, for whoever has to be told; nothing where it has no limit. */
export interface Limit {
  readonly limit: number
  /** In milliseconds. */
  readonly window: number
}

/** Nobody takes as long, unless something is wrong. */
const timeout = 900_000

/** The lines that a program prints, as JSON. */
const linesOf = <A>(printed: string): ReadonlyArray<A> =>
  printed
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as A)

/** A contender of `updates.mjs` or of `peers/updates.mjs`, which makes so many updates, and then so many. */
export const updatesOf = async (
  name: string,
  origin: string,
  counts: ReadonlyArray<number>,
  { limit, window }: Limit = { limit: 0, window: 0 },
  node: ReadonlyArray<string> = [],
): Promise<ReadonlyArray<Updates>> => {
  const file = /sdk|UpdateUsers/.test(name) ? "benchmarks/updates.mjs" : "benchmarks/peers/updates.mjs"
  const args = [...node, inRepository(file), name, origin, ...[limit, window, ...counts].map(String)]
  return linesOf<Updates>(await run(args, { timeout }))
}

/** A command of the built command line, and what that process took from its start to its end. */
export const commandOf = async (
  args: ReadonlyArray<string>,
  means: { readonly cwd: string; readonly env?: NodeJS.ProcessEnv },
): Promise<Taken> => {
  const meter = ["--import", inRepository("benchmarks/updates-meter.mjs")]
  const printed = await run([...meter, inRepository("apps/cli/dist/main.js"), ...args], { ...means, timeout })
  const taken = linesOf<Taken>(printed).at(-1)
  if (taken === undefined) throw new Error(`${args.join(" ")} printed nothing`)
  return taken
}

/** The best of each round: a busy machine only ever takes something away. Of memory, the most. */
export const bestOf = (rounds: ReadonlyArray<Updates>) => ({
  rate: Math.max(...rounds.map(({ updates, milliseconds }) => (updates / milliseconds) * 1000)),
  micros: Math.min(...rounds.map(({ cpu, updates }) => (cpu / updates) * 1000)),
  memory: Math.max(...rounds.map(({ memory }) => memory)),
})

/** The middle of ratios between two that were measured in the same rounds. */
export const ratio = (
  ones: ReadonlyArray<Updates>,
  others: ReadonlyArray<Updates>,
  of: (updates: Updates) => number,
): number => median(ones.map((one, round) => of(one) / of(others[round] ?? one)))
