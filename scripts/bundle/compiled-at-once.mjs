/**
 * Rewrites a program so that V8 compiles at once, with their file, the functions that are named to it. It does that with a function
 * expression in parentheses; declarations and methods of objects are made into such ones. What classes have cannot be.
 */
import { parseAst } from "rolldown/parseAst"

/** @typedef {{ readonly type: string, readonly start: number, readonly end: number } & Readonly<Record<string, any>>} Node */

/** @param {Node} node @returns {Array<Node>} the nodes right within it, in their order */
const within = (node) => {
  const all = Object.values(node).flat()
  const nodes = all.filter((value) => value !== null && typeof value === "object" && typeof value.type === "string")
  // Of `{ a }`, key and value stand in the same place; of `{ a = 1 }`, the value holds the key.
  return nodes.toSorted((a, b) => a.start - b.start || b.end - a.end)
}

/** Whether `super` is said in it: a method that does has to stay one. @param {Node} node @returns {boolean} */
const saysSuper = (node) => node.type === "Super" || within(node).some(saysSuper)

/** @param {Node} node */
const keywordOf = ({ async: isAsync, generator }) => `${isAsync ? "async " : ""}function${generator ? "*" : ""}`

/** @param {Node | undefined} parent */
const isMethod = (parent) =>
  parent?.type === "MethodDefinition" || (parent?.type === "Property" && (parent.method || parent.kind !== "init"))

const expressions = new Set(["FunctionExpression", "ArrowFunctionExpression"])

/**
 * @param {string} text
 * @param {ReadonlySet<string>} called where the functions stand, as `START-END` in characters: of a method, its name is part of it
 * @param {boolean} isFirst whether it is evaluated before anybody calls what it declares: only then may that become variables
 */
export const compiledAtOnce = (text, called, isFirst) => {
  /** @param {Node} node */
  const isCalled = ({ start, end }) => called.has(`${start}-${end}`)

  /**
   * The text of a node. What it declares may have to stand before all else in the block it stands in.
   *
   * @param {Node} node
   * @param {Node | undefined} parent
   * @param {Array<string> | undefined} block where to put that, of a function or of the program
   * @returns {string}
   */
  const written = (node, parent, block) => {
    if (node.type === "Property" && node.method && isCalled(node) && !saysSuper(node.value)) {
      const name = inner(node.key)
      return `${node.computed ? `[${name}]` : name}:(${keywordOf(node.value)}${inner(node.value)})`
    }
    if (node.type === "FunctionDeclaration" && isCalled(node) && block !== undefined) {
      // Without its name in it: some write over that.
      block.push(`var ${node.id.name}=(${keywordOf(node)}${inner(node, node.id.end)});`)
      return ";"
    }
    if (expressions.has(node.type) && isCalled(node) && !isMethod(parent)) return `(${inner(node)})`
    const isBlock =
      node.type === "Program" ? isFirst : node.type === "BlockStatement" && /Function/.test(parent?.type ?? "")
    return inner(node, node.start, isBlock ? [] : undefined)
  }

  /** @param {Node} node @param {number} from @param {Array<string> | undefined} block @returns {string} */
  const inner = (node, from = node.start, block = undefined) => {
    let [made, done, first] = ["", from, -1]
    for (const one of within(node)) {
      if (one.start < done) continue
      made += text.slice(done, one.start)
      if (first < 0 && one.type !== "Hashbang" && !("directive" in one)) first = made.length
      made += written(one, node, block)
      done = one.end
    }
    made += text.slice(done, node.end)
    return block === undefined || block.length === 0 ? made : made.slice(0, first) + block.join("") + made.slice(first)
  }

  return written(/** @type {Node} */ (/** @type {unknown} */ (parseAst(text))), undefined, undefined)
}
