/** Errors of the list in the API reference: what is given to `failure` as what the class then has. */
import ts from "typescript-6"

/** @typedef {import("./reference-declaration.mjs").Context} Context */

/** Calls that make the class of an error, with what the classes then have in common. @type {Readonly<Record<string, string>>} */
const makers = { failure: "Failure", "Data.TaggedError": "Error" }

/** What `failure("Tag", {…})<{…}>` of a class is given, or another maker. @param {ts.Declaration | undefined} node */
export const failureOf = (node) => {
  if (node === undefined || !ts.isClassDeclaration(node)) return undefined
  const parent = node.heritageClauses?.find(({ token }) => token === ts.SyntaxKind.ExtendsKeyword)?.types[0]
  const call = parent?.expression
  if (call === undefined || !ts.isCallExpression(call)) return undefined
  const base = makers[call.expression.getText()]
  if (base === undefined) return undefined
  const [tag, defaults] = call.arguments
  const own = parent?.typeArguments?.[0]
  return {
    base,
    tag: tag?.getText() ?? "",
    defaults: defaults !== undefined && ts.isObjectLiteralExpression(defaults) ? [...defaults.properties] : [],
    own: own !== undefined && ts.isTypeLiteralNode(own) ? [...own.members] : [],
  }
}

/**
 * The members that a class has of what `failure` was given.
 *
 * @param {Context} context
 * @param {NonNullable<ReturnType<typeof failureOf>>} failure
 * @param {(node: ts.Node) => string} commentBefore
 */
export const failureMembers = ({ checker }, { tag, defaults, own }, commentBefore) => [
  `readonly _tag: ${tag}`,
  ...defaults.filter(ts.isPropertyAssignment).flatMap((property) => {
    const { initializer } = property
    const name = property.name.getText()
    if (name !== "message") {
      const type = ts.isAsExpression(initializer)
        ? initializer.type.getText()
        : checker.typeToString(checker.getTypeAtLocation(initializer))
      return [`${commentBefore(property)}readonly ${name}: ${type}`]
    }
    const said = checker.getTypeAtLocation(initializer)
    return said.isStringLiteral()
      ? [`/** "${said.value}", unless it is told otherwise. */\nreadonly message: string`]
      : []
  }),
  ...own.map((member) => `${commentBefore(member)}${member.getText()}`),
]

/** Whether it is an error of the list. @param {ts.Symbol} symbol */
export const isFailure = (symbol) => failureOf(symbol.valueDeclaration)?.base === makers["failure"]

/**
 * What all classes of the list have, as the interface that one of them has it of.
 *
 * @param {Context} context
 * @param {ts.Symbol} symbol
 * @param {(node: ts.Node) => string} commentBefore
 */
export const failureText = ({ checker }, symbol, commentBefore) => {
  const facts = checker.getPropertyOfType(checker.getDeclaredTypeOfSymbol(symbol), "details")?.declarations?.[0]?.parent
  if (facts === undefined || !ts.isInterfaceDeclaration(facts)) throw new Error(`${symbol.name}: no interface of facts`)
  const members = facts.members.map((member) => `${commentBefore(member)}${member.getText()}`)
  return `interface Failure extends Error {
/** The name of the class, as \`name\` is. */
readonly _tag: string
${members.join("\n")}
/** That of the contract, or the server's own. */
readonly status: number
/** That of the contract, or the server's own. */
readonly code: string
/** Whether the same call may succeed later. */
readonly isRetryable: boolean
}`
}
