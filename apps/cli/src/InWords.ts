/** A failure as a person reads it. */
import { Predicate } from "effect"
import type { Told } from "./Failure.ts"
import { printable } from "./Text.ts"

export const inWords = (told: Told): string =>
  [
    `Error: ${told.message.split("\n").map(printable).join("\n  ").trimEnd()}`,
    ...listed(told.details.map(detailOf)),
    ...(told.cause === undefined ? [] : [`  ${printable(plainly(told.cause))}`]),
    ...outside(told),
    ...whatBecame(told),
    ...(told.requestId === undefined ? [] : [`  The server calls this request ${printable(told.requestId)}.`]),
    ...(told.nextStep === undefined ? [] : [`  Next: ${uncapitalized(told.nextStep)}`]),
    ...(told.usage === undefined ? [] : ["", `Usage: ${told.usage}`, "       --help tells the rest."]),
    ...(told.trace === undefined ? [] : ["", ...told.trace.split("\n").map(printable)]),
  ].join("\n")

const uncapitalized = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1)

/** What the words of networks mean. */
const meanings: ReadonlyArray<readonly [words: RegExp, meaning: string]> = [
  [/\bECONNREFUSED\b/, "nothing listens there"],
  [/\bENOTFOUND\b/, "there is no host of this name"],
  [/\bEAI_AGAIN\b/, "names of hosts cannot be looked up at the moment"],
  [/\b(EHOSTUNREACH|ENETUNREACH)\b/, "there is no way there from this machine"],
  [/\bECONNRESET\b|other side closed/, "the server ended the connection"],
  [/\bwrong version number\b/, "the server does not speak TLS, so it may want http:"],
  [/\bHeaders Timeout\b/, "it was silent"],
  [/\bBody Timeout\b/, "it stopped within its answer"],
]

const plainly = (cause: string): string => {
  const meaning = meanings.find(([words]) => words.test(cause))
  return meaning === undefined ? cause : `${cause}: ${meaning[1]}`
}

/** An answer outside the contract, by which its sender may be recognised. */
const outside = ({ tag, status, code, excerpt }: Told): ReadonlyArray<string> => {
  if (tag === "UnexpectedResponse") return [`  Status ${status}, ${printable(code)}`]
  if (tag !== "UpstreamInvalidResponse") return []
  const beginning = excerpt === undefined ? "" : `, and it begins: ${printable(excerpt.replaceAll(/\s+/g, " ")).trim()}`
  return [`  Status ${status}${beginning}`]
}

const outcomes = {
  unchanged: "nothing was changed",
  unknown: "whether the update was made is not known; to make it twice does no harm",
}

/** To whom, and after how many tries. */
const whatBecame = ({ user, outcome, attempts }: Told): ReadonlyArray<string> => {
  const whom =
    user === undefined ? undefined : `User ${printable(user)}${outcome === undefined ? "" : `: ${outcomes[outcome]}`}.`
  const tries = attempts === undefined ? undefined : `It was tried ${attempts === 1 ? "once" : `${attempts} times`}.`
  const known = [whom, tries].filter((sentence) => sentence !== undefined)
  return known.length === 0 ? [] : [`  ${known.join(" ")}`]
}

/** The most that a person is shown of a list of problems; JSON has them all. */
const mostListed = 20

/** Problems as indented lines. */
export const listed = (problems: ReadonlyArray<string>): ReadonlyArray<string> => [
  ...problems.slice(0, mostListed).map((problem) => `  ${printable(problem)}`),
  ...(problems.length > mostListed ? [`  … and ${problems.length - mostListed} more; --json lists them all`] : []),
]

/** Details come in every form a server may send, and problems of a file with their place. */
const detailOf = (detail: unknown): string => {
  if (Predicate.isString(detail)) return detail
  for (const [where, what] of [
    ["param", "description"],
    ["field", "message"],
    ["place", "reason"],
  ] as const) {
    if (Predicate.hasProperty(detail, where) && Predicate.hasProperty(detail, what)) {
      return `${String(detail[where])}: ${String(detail[what])}`
    }
  }
  return JSON.stringify(detail)
}
