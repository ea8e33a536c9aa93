/** What is told of a run: before, when it ends, and when it is stopped. */
import { Array as Arr } from "effect"
import * as Changes from "../Changes.ts"
import { counted, nameOf, number, printable } from "../Text.ts"
import type { Told } from "../Failure.ts"
import type { Ended } from "./Execution.ts"
import type { Plan } from "./Plan.ts"
import type { Problem } from "./Rows.ts"
import type { Run } from "./RunFolder.ts"

/** What each is called, of a run of either kind. */
const names = {
  bulk: { rows: "row", toDo: "to change", done: "updated", unchanged: "unchanged", invalid: "invalid" },
  undo: { rows: "user", toDo: "to put back", done: "put back", unchanged: "as before already", invalid: "left alone" },
} as const

/** The most problems, users and repetitions that a person is shown, unless all are asked for. */
export const mostShown = 20

/** An undo has no file of its own: its lines are those of the run that it takes back. */
const problemInWords = ({ line, column, reason }: Problem, kind: Run["kind"]): string =>
  printable(
    [...(kind === "bulk" ? [`line ${line}`] : []), ...(column === undefined ? [] : [column])].join(", ") +
      `: ${reason}`,
  )

const more = (all: number, shown: number, what: string): ReadonlyArray<string> =>
  all > shown ? [`  … and ${counted(all - shown, what)} more`] : []

/** What is wrong, and what comes twice. */
export const warnings = (plan: Plan, kind: Run["kind"]): ReadonlyArray<string> => {
  const invalidLines = Arr.dedupe(plan.problems.map(({ line }) => line)).length
  return [
    ...(plan.invalid === 0
      ? []
      : [
          kind === "bulk"
            ? `${counted(plan.invalid, "row")} cannot be carried out:`
            : `${counted(plan.invalid, "user")} cannot be put back:`,
          ...plan.problems.map((problem) => `  ${problemInWords(problem, kind)}`),
          ...more(plan.invalid, invalidLines, names[kind].rows),
        ]),
    ...(plan.repeated === 0
      ? []
      : [
          `${counted(plan.repeated, "row")} of users who came before; they are changed in order, so the last row wins:`,
          ...plan.repetitions.map(({ line, earlier }) => `  line ${line}: the same user as line ${earlier}`),
          ...more(plan.repeated, plan.repetitions.length, "row"),
        ]),
  ]
}

/** The plan, user by user. */
export const differences = (plan: Plan, kind: Run["kind"]): ReadonlyArray<string> => [
  ...plan.differences.flatMap(({ line, user, changes }) => [
    kind === "bulk" ? `${nameOf(user)}, line ${line}` : nameOf(user),
    ...(changes.length === 0 ? ["  as an earlier row leaves it"] : Changes.inWords(changes)),
  ]),
  ...more(plan.changes, plan.differences.length, "change"),
]

/** The plan in one sentence. */
export const planned = ({ rows, changes, unchanged, invalid }: Plan, kind: Run["kind"]): string => {
  const name = names[kind]
  const parts = [
    `${number(changes)} ${name.toDo}`,
    `${number(unchanged)} ${name.unchanged}`,
    `${number(invalid)} ${name.invalid}`,
  ]
  return `${counted(rows, name.rows)}: ${parts.join(", ")}`
}

/** The plan for programs. */
export const planJson = ({ differences: users, problems, repetitions, ...counts }: Plan) => ({
  ...counts,
  differences: users.map(({ line, user, changes }) => ({ line, id: user.id, email: user.data.email ?? null, changes })),
  problems,
  repetitions,
})

export const resumeCommand = ({ id }: Run): string => `webflow-users bulk --resume ${id}`

export const undoHint = ({ updated }: Pick<Ended, "updated">, { id, kind }: Run): ReadonlyArray<string> =>
  kind === "bulk" && updated > 0 ? [`To take it back: webflow-users undo ${id}`] : []

/** How a run was begun. */
export const options = ({ options: { map, emptyClears, failFast, concurrency, rate } }: Run): ReadonlyArray<string> => [
  ...Object.entries(map).map(([heading, key]) => `--map ${printable(`${heading}=${key}`)}`),
  ...(emptyClears ? ["--empty-clears"] : []),
  ...(failFast ? ["--fail-fast"] : []),
  ...(concurrency === undefined ? [] : [`--concurrency ${concurrency}`]),
  ...(rate === undefined ? [] : [`--rate ${rate}`]),
]

/** What has become of a run, in one sentence. */
export const standing = (
  { updated, failed, left }: Pick<Ended, "updated" | "failed" | "left">,
  { counts, kind }: Run,
): string =>
  [
    `${number(updated)} ${names[kind].done}`,
    `${number(failed)} failed`,
    ...(left === 0 ? [] : [`${number(left)} left`]),
    `${number(counts.unchanged)} ${names[kind].unchanged}`,
    `${number(counts.invalid)} ${names[kind].invalid}`,
  ].join(", ")

/** What failed in a run, and of whom. */
export const failures = (failed: ReadonlyMap<number, Told>): ReadonlyArray<string> => {
  const first = [...failed.values()].slice(0, mostShown)
  return [
    ...first.map(({ user, message }) => `  ${printable(user ?? "")}: ${printable(message)}`),
    ...more(failed.size, first.length, "failure"),
  ]
}
