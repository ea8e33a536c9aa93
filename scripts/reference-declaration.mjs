/** How an export is written in the API reference: as in its source, without what it does. */
import { format } from "oxfmt"
import ts from "typescript-6"
import { failureMembers, failureOf, failureText } from "./reference-failure.mjs"
import { helpersOf, schemaShape, typeDeclarationText } from "./reference-shape.mjs"

/** @typedef {(type: string, but?: string) => string} Naming what is called so the compiler knows by its parts; `but` is not used */
/**
 * @typedef {{ readonly checker: ts.TypeChecker, readonly naming: Naming, readonly exported: ReadonlySet<ts.Symbol>,
 *   readonly descriptions: import("./reference-shape.mjs").Descriptions }} Context
 */

const flags =
  ts.TypeFormatFlags.NoTruncation |
  ts.TypeFormatFlags.UseAliasDefinedOutsideCurrentScope |
  ts.TypeFormatFlags.WriteArrowStyleSignature

/** Initialisers up to this many lines say more than the type that is made of them. */
const fewLines = 24

/** A file's own way to say where a type comes from makes no other type of it. @param {string} type */
const plain = (type) => type.replaceAll("Schema.Json", "Json").replaceAll(/\s+/g, " ")

const listName = "UpdateUserError"

/** @param {string} part */
const isBuiltIn = (part) => /^[a-z]/.test(part)

/**
 * A union in an order of its own: the compiler's is that in which it came upon the parts, which changes with what else it is asked. One
 * with the whole list of errors in it names the list.
 */
const ordered = (/** @type {ReadonlyArray<string>} */ classes) => (/** @type {string} */ union) => {
  const parts = union.split(" | ")
  const bare = parts.map((part) => part.replace(/^\w+\./, ""))
  const isList = classes.length > 1 && classes.every((name) => bare.includes(name))
  const named = isList ? [listName, ...parts.filter((_, index) => !classes.includes(bare[index] ?? ""))] : parts
  return [...named.filter((part) => !isBuiltIn(part)).toSorted(), ...named.filter(isBuiltIn)].join(" | ")
}

/**
 * Types whose names the compiler has lost on the way, found again by what they are made of.
 *
 * @param {ts.TypeChecker} checker
 * @param {ReadonlyArray<ts.Symbol>} symbols
 * @returns {Naming}
 */
export const namingOf = (checker, symbols) => {
  /** @type {Map<string, string>} */
  const names = new Map()
  /** @type {ReadonlyArray<string>} */
  let classes = []
  for (const symbol of symbols) {
    // One of a schema's: where it is spelled out, the compiler tells what the schema has.
    const made = symbol.declarations?.find(ts.isInterfaceDeclaration)
    if (made?.heritageClauses?.some((clause) => clause.getText().startsWith("extends Schema.Schema.Type<"))) {
      const [base] = checker.getBaseTypes(/** @type {ts.InterfaceType} */ (checker.getDeclaredTypeOfSymbol(symbol)))
      if (base !== undefined) names.set(plain(checker.typeToString(base, made, flags)), symbol.name)
    }
    const alias = symbol.declarations?.find(ts.isTypeAliasDeclaration)
    if (alias === undefined || alias.typeParameters !== undefined) continue
    const type = checker.getDeclaredTypeOfSymbol(symbol)
    // The SDK has a list of that name too, of the same classes with something beside them.
    const parts = symbol.name === listName && type.isUnion() ? type.types : []
    if (parts.length > 0 && parts.every((part) => part.isClass())) classes = parts.map((part) => part.symbol.name)
    const expanded = plain(checker.typeToString(type, alias, flags | ts.TypeFormatFlags.InTypeAlias))
    if (/^\{|&/.test(expanded)) names.set(expanded, symbol.name)
  }
  const longestFirst = [...names].toSorted(([a], [b]) => b.length - a.length)
  const listed = ordered(classes)
  const unlisted = ordered([])
  return (text, but) => {
    const usable = longestFirst.filter(([, name]) => name !== but)
    const named = usable.reduce((so, [parts, name]) => so.replaceAll(parts, name), plain(text))
    return named.replaceAll(/(?:"[^"]*"|[\w.]+)(?: \| (?:"[^"]*"|[\w.]+))+/g, but === listName ? unlisted : listed)
  }
}

/** @param {ts.Node} node */
const textOf = (node) => node.getText().replace(/^export (default )?/, "")

/** A member's own doc comment, if it has one. @param {ts.Node} node */
const commentBefore = (node) => {
  const comment = ts.getJSDocCommentsAndTags(node).find(ts.isJSDoc)
  return comment === undefined ? "" : `${comment.getText()}\n`
}

/** @param {ts.ClassElement} node */
const isHidden = (node) => {
  const modifiers = ts.canHaveModifiers(node) ? (ts.getModifiers(node) ?? []) : []
  const isPrivate = modifiers.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword)
  return isPrivate || (node.name !== undefined && ts.isPrivateIdentifier(node.name))
}

/** @param {Context} context @param {ts.Type} type @param {ts.Node} node */
const typeText = ({ checker, naming }, type, node) => naming(checker.typeToString(type, node, flags))

/** @param {Context} context @param {ts.ParameterDeclaration} parameter */
const parameterText = (context, parameter) => {
  const { name, type, initializer, questionToken, dotDotDotToken } = parameter
  const called = ts.isIdentifier(name) ? name.text : "options"
  const isOptional = questionToken !== undefined || initializer !== undefined
  const written = type?.getText() ?? typeText(context, context.checker.getTypeAtLocation(parameter), parameter)
  return `${dotDotDotToken === undefined ? "" : "..."}${called}${isOptional ? "?" : ""}: ${written}`
}

/** What is called, and what that gives. @param {Context} context @param {ts.SignatureDeclaration} node @param {ts.Type} given */
const signatureText = (context, node, given) => {
  const parameters = node.parameters.map((parameter) => parameterText(context, parameter)).join(", ")
  const types = node.typeParameters?.map((parameter) => parameter.getText()).join(", ")
  const written = node.type?.getText().replace(/^Effect\.fn\.Return</, "Effect.Effect<")
  const result = written ?? typeText(context, given, node)
  return { head: `${types === undefined ? "" : `<${types}>`}(${parameters})`, result }
}

/** The function that a variable is: itself, or what a call such as `Effect.fnUntraced` is given. @param {ts.Expression} node */
const functionIn = (node) => {
  const inner = ts.isCallExpression(node) ? node.arguments[0] : node
  return inner !== undefined && (ts.isArrowFunction(inner) || ts.isFunctionExpression(inner)) ? inner : undefined
}

/** @param {Context} context @param {ts.ClassElement} member */
const memberText = (context, member) => {
  const { checker } = context
  const modifiers = ts.canHaveModifiers(member) ? (ts.getModifiers(member) ?? []) : []
  const before = modifiers.map((modifier) => `${modifier.getText()} `).join("")
  const name = member.name?.getText() ?? "constructor"
  if (ts.isMethodDeclaration(member) || ts.isConstructorDeclaration(member)) {
    const signature = checker.getSignatureFromDeclaration(member)
    if (signature === undefined) return textOf(member)
    const { head, result } = signatureText(context, member, signature.getReturnType())
    return ts.isConstructorDeclaration(member) ? `${before}${name}${head}` : `${before}${name}${head}: ${result}`
  }
  if (ts.isGetAccessor(member)) {
    return `${before}get ${name}(): ${member.type?.getText() ?? typeText(context, checker.getTypeAtLocation(member), member)}`
  }
  if (!ts.isPropertyDeclaration(member)) return textOf(member)
  const { initializer, type, questionToken } = member
  if (initializer !== undefined && type === undefined && !/[({]/.test(initializer.getText())) return textOf(member)
  const written = type?.getText() ?? typeText(context, checker.getTypeAtLocation(member), member)
  return `${before}${name}${questionToken === undefined ? "" : "?"}: ${written}`
}

/**
 * What a class has of one of ours that it extends, which may not be to be had by itself. Of a library's there is its documentation.
 *
 * @param {Context} context
 * @param {ts.ClassDeclaration} node
 * @returns {ReadonlyArray<ts.ClassElement>}
 */
const inherited = (context, node) => {
  const parent = node.heritageClauses?.find(({ token }) => token === ts.SyntaxKind.ExtendsKeyword)?.types[0]
  const symbol = parent === undefined ? undefined : context.checker.getTypeAtLocation(parent).getSymbol()
  const found = symbol?.declarations?.find(ts.isClassDeclaration)
  if (found === undefined || found.getSourceFile().isDeclarationFile) return []
  const own = new Set(node.members.map((member) => member.name?.getText() ?? "constructor"))
  return [...inherited(context, found), ...found.members].filter(
    (member) => !own.has(member.name?.getText() ?? "constructor"),
  )
}

/** @param {Context} context @param {ts.ClassDeclaration} node */
const classText = (context, node) => {
  const failure = failureOf(node)
  const parents =
    failure === undefined
      ? (node.heritageClauses ?? []).map((clause) => ` ${clause.getText()}`).join("")
      : ` extends ${failure.base}`
  const parameters = node.typeParameters?.map((parameter) => parameter.getText()).join(", ")
  const members = [...inherited(context, node), ...node.members]
    .filter((member) => !isHidden(member) && !ts.isClassStaticBlockDeclaration(member))
    .map((member) => `${commentBefore(member)}${memberText(context, member)}`)
  if (failure !== undefined) members.unshift(...failureMembers(context, failure, commentBefore))
  const types = parameters === undefined ? "" : `<${parameters}>`
  return `class ${node.name?.text ?? ""}${types}${parents} {${members.length === 0 ? "" : "\n"}${members.join("\n")}}`
}

/** @param {Context} context @param {ts.VariableDeclaration} node */
const variableText = (context, node) => {
  const { initializer, type } = node
  const head = `declare const ${node.name.getText()}`
  const whole = context.checker.getTypeAtLocation(node)
  if (type !== undefined) return `${head}: ${type.getText()}`
  if (initializer === undefined) return `${head}: ${typeText(context, whole, node)}`
  const [called] = whole.getCallSignatures()
  const inner = functionIn(initializer)
  if (called !== undefined && inner !== undefined) {
    const signature = signatureText(context, inner, called.getReturnType())
    return `${head}: ${signature.head} => ${signature.result}`
  }
  const written = initializer.getText()
  return called !== undefined || written.split("\n").length > fewLines
    ? `${head}: ${typeText(context, whole, node)}`
    : `const ${node.name.getText()} = ${written}`
}

/** @param {Context} context @param {ts.FunctionDeclaration} node */
const functionText = (context, node) => {
  const signature = context.checker.getSignatureFromDeclaration(node)
  if (signature === undefined) return textOf(node)
  const { head, result } = signatureText(context, node, signature.getReturnType())
  return `declare function ${node.name?.text ?? ""}${head}: ${result}`
}

/** @param {Context} context @param {ts.Symbol} symbol @param {ts.Declaration} node */
const oneText = (context, symbol, node) => {
  if (ts.isVariableDeclaration(node)) return variableText(context, node)
  if (ts.isClassDeclaration(node)) return classText(context, node)
  if (ts.isFunctionDeclaration(node)) return functionText(context, node)
  const isType = ts.isTypeAliasDeclaration(node) || ts.isInterfaceDeclaration(node)
  if (ts.isTypeAliasDeclaration(node) && /^typeof \w+\.Type$/.test(node.type.getText())) {
    const type = context.checker.getDeclaredTypeOfSymbol(symbol)
    const text = context.checker.typeToString(type, undefined, flags | ts.TypeFormatFlags.InTypeAlias)
    return schemaShape(context, symbol) ?? `type ${symbol.name} = ${context.naming(text, symbol.name)}`
  }
  if (isType) return schemaShape(context, symbol) ?? typeDeclarationText(context, symbol, node)
  return textOf(node)
}

/**
 * What a type is made of, where its source makes it of something that is not given away beside it.
 *
 * @param {Context} context
 * @param {ts.Symbol} symbol
 * @param {boolean} isTypeOnly
 */
const expandedText = (context, symbol, isTypeOnly) => {
  const { checker, naming } = context
  const alias = symbol.declarations?.find(ts.isTypeAliasDeclaration)
  const isAlone = isTypeOnly || symbol.declarations?.length === 1
  const shape = isAlone ? schemaShape(context, symbol) : undefined
  if (shape !== undefined) return shape
  if (!isAlone || alias === undefined || !/^(typeof |ReturnType<)/.test(alias.type.getText())) return undefined
  const type = checker.typeToString(
    checker.getDeclaredTypeOfSymbol(symbol),
    undefined,
    flags | ts.TypeFormatFlags.InTypeAlias,
  )
  return `type ${symbol.name} = ${naming(type, symbol.name)}`
}

/** @param {Context} context @param {ts.Symbol} symbol */
const writtenText = (context, symbol) => {
  const declarations = symbol.declarations ?? []
  // Of a function with overloads, the one with the body is none that can be called.
  const isOverloaded = declarations.some((node) => ts.isFunctionDeclaration(node) && node.body === undefined)
  return declarations
    .filter((node) => !(isOverloaded && ts.isFunctionDeclaration(node) && node.body !== undefined))
    .map((node) => oneText(context, symbol, node))
    .join("\n")
}

/** @param {string} name @param {string} source */
const formatted = async (name, source) => {
  const { code, errors } = await format("reference.ts", source, { printWidth: 110, semi: false })
  if (errors.length > 0) throw new Error(`${name}: ${errors[0]?.message}\n${source}`)
  return code
    .replaceAll(/^declare /gm, "")
    .replaceAll(/\{@link\s+([^}|\s]+)\s*\|?\s*([^}]*)\}/g, (_, link, label) => label || link)
    .trim()
}

/** What every error has that `failure` makes the class of: `symbol` is one. @param {Context} context @param {ts.Symbol} symbol */
export const factsText = (context, symbol) =>
  formatted("Failure", failureText(context, symbol, commentBefore).replaceAll("Schema.Json", "Json"))

/**
 * @param {Context} context
 * @param {ts.Symbol} symbol
 * @param {boolean} isTypeOnly whether the package gives the type away without the value of the same name
 */
export const declarationText = async (context, symbol, isTypeOnly) => {
  const source = expandedText(context, symbol, isTypeOnly) ?? writtenText(context, symbol)
  const types = (symbol.declarations ?? []).filter((node) => !ts.isVariableDeclaration(node) || node.type !== undefined)
  const whole = helpersOf(context, types).reduce((text, [called, helper]) => {
    const mentions = (/** @type {string} */ name) => new RegExp(`\\b${name}\\b`).test(text)
    const name = [called, helper.name].find((each) => mentions(each) && !mentions(`(type|interface) ${each}`))
    if (name === undefined) return text
    return `${text}\n\n${writtenText(context, helper).replace(/^(interface|type) \w+/, `$1 ${name}`)}`
  }, source)
  return formatted(symbol.name, whole)
}
