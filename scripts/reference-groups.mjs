/** What a page of the API reference has, in the order in which it is looked for, and where on the page. */
import ts from "typescript-6"
import { isFailure } from "./reference-failure.mjs"
import { anchorsOf } from "./reference-links.mjs"

/**
 * @typedef {{ readonly name: string, readonly symbol: ts.Symbol, readonly isTypeOnly: boolean,
 *   readonly members: ReadonlyArray<Exported> }} Exported
 */

/** What errors of the list have together stands once on a page, under the name that the classes extend. */
export const facts = "Failure"
export const guards = "Guards"

/** The union of the list, which stands before its parts. */
const list = "UpdateUserError"

/** @param {ts.TypeChecker} checker @param {Exported} exported */
const isGuard = (checker, { name, symbol }) =>
  /^is[A-Z]/.test(name) &&
  checker
    .getTypeOfSymbol(symbol)
    .getCallSignatures()
    .some((signature) => checker.getTypePredicateOfSignature(signature)?.type !== undefined)

/** @param {ts.TypeChecker} checker @param {Exported} exported */
const isError = (checker, { name, symbol }) =>
  name === list ||
  ((symbol.flags & ts.SymbolFlags.Class) !== 0 &&
    checker.getPropertyOfType(checker.getDeclaredTypeOfSymbol(symbol), "stack") !== undefined)

/**
 * The exports of a page in the order in which they are looked for.
 *
 * @param {ts.TypeChecker} checker
 * @param {ReadonlyArray<Exported>} all
 * @returns {ReadonlyArray<readonly [title: string, exports: ReadonlyArray<Exported>]>}
 */
export const groupsOf = (checker, all) => {
  const areGuards = all.filter((exported) => isGuard(checker, exported)).length > 5
  const inOrder = all.toSorted((a, b) => Number(b.name === list) - Number(a.name === list))
  const titles = ["Functions and values", "Clients", "Options", "Types", "Errors", "Modules", guards]
  /** @param {Exported} exported */
  const titleOf = (exported) => {
    if (areGuards && isGuard(checker, exported)) return guards
    if (exported.members.length > 0) return "Modules"
    if (/^[a-z]/.test(exported.name)) return "Functions and values"
    if (isError(checker, exported)) return "Errors"
    return exported.name.endsWith("Client") ? "Clients" : /Options?$/.test(exported.name) ? "Options" : "Types"
  }
  return titles
    .map((title) => /** @type {const} */ ([title, inOrder.filter((exported) => titleOf(exported) === title)]))
    .filter(([, some]) => some.length > 0)
}

/** The headings of a page and the names that they are of. @param {ts.TypeChecker} checker @param {string} name @param {ReadonlyArray<Exported>} all */
export const placesOf = (checker, name, all) => {
  // A module stands under its name with a dot: a type may be called so too.
  const headings = groupsOf(checker, all).flatMap(([title, some]) => {
    if (title === guards) return [guards]
    const names = some.flatMap((exported) => {
      const within = `${exported.name}.`
      if (exported.members.length === 0) return [exported.name]
      return [within, ...exported.members.map((member) => `${within}${member.name}`)]
    })
    return title === "Errors" && some.some(({ symbol }) => isFailure(symbol)) ? [facts, ...names] : names
  })
  const anchors = anchorsOf([name, ...headings])
  const places = new Map(headings.map((heading, index) => [heading, anchors[index + 1] ?? ""]))
  const atGuards = places.get(guards)
  for (const exported of all) {
    if (atGuards !== undefined && isGuard(checker, exported)) places.set(exported.name, atGuards)
  }
  return places
}
