/** What a type of the API reference is made of, where its source makes it of something that nobody looks up. */
import { pathToFileURL } from "node:url"
import ts from "typescript-6"

/** @typedef {import("./reference-declaration.mjs").Context} Context */
/** @typedef {ReadonlyMap<ts.Symbol, ReadonlyMap<string, string | undefined>>} Descriptions of the properties that a schema has, in its order */

const flags =
  ts.TypeFormatFlags.NoTruncation |
  ts.TypeFormatFlags.UseAliasDefinedOutsideCurrentScope |
  ts.TypeFormatFlags.WriteArrowStyleSignature

/**
 * What schemas say of their properties: to the compiler that is lost in their types.
 *
 * @param {ReadonlyArray<ts.Symbol>} symbols
 * @returns {Promise<Descriptions>}
 */
export const descriptionsOf = async (symbols) => {
  /** @type {Map<ts.Symbol, ReadonlyMap<string, string | undefined>>} */
  const all = new Map()
  for (const symbol of symbols) {
    const declarations = symbol.declarations ?? []
    const file = declarations.find(ts.isVariableDeclaration)?.getSourceFile()
    if (file === undefined || file.isDeclarationFile || !declarations.some(isType)) continue
    const properties = (await import(pathToFileURL(file.fileName).href))[symbol.name]?.ast?.propertySignatures
    if (!Array.isArray(properties)) continue
    all.set(symbol, new Map(properties.map(({ name, type }) => [String(name), type.annotations?.description])))
  }
  return all
}

/** @param {ts.Node} node @returns {node is ts.TypeAliasDeclaration | ts.InterfaceDeclaration} */
const isType = (node) => ts.isTypeAliasDeclaration(node) || ts.isInterfaceDeclaration(node)

/** @param {ts.TypeChecker} checker @param {ts.Node} node */
export const symbolAt = (checker, node) => {
  const symbol = checker.getSymbolAtLocation(node)
  return symbol !== undefined && symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
}

/** Whether it is declared in a source of ours. @param {ts.Symbol | undefined} symbol @returns {symbol is ts.Symbol} */
export const isOurs = (symbol) =>
  symbol?.declarations?.some((node) => isType(node) && !node.getSourceFile().isDeclarationFile) === true

/** @param {ts.Symbol} property */
const isReadonly = (property) => {
  // Of a property that is computed, only the compiler's own notes say so.
  const { checkFlags = 0 } =
    /** @type {{ links?: { checkFlags?: number } }} */ (/** @type {unknown} */ (property)).links ?? {}
  const readonly = property.declarations?.some((node) => ts.getCombinedModifierFlags(node) & ts.ModifierFlags.Readonly)
  return (checkFlags & 8) !== 0 || readonly === true
}

/** @param {string | undefined} text */
const comment = (text) => {
  if (text === undefined || text === "") return ""
  const whole = /[.:]$/.test(text) ? text : `${text}.`
  return whole.includes("\n") ? `/**\n * ${whole.replaceAll("\n", "\n * ")}\n */\n` : `/** ${whole} */\n`
}

/**
 * The properties of a type, with what is said of them.
 *
 * @param {Context} context
 * @param {ts.Type} type
 * @param {ts.Node} at
 * @param {ReadonlyMap<string, string | undefined>} [said]
 */
const propertiesText = ({ checker, naming }, type, at, said = new Map()) => {
  const order = [...said.keys()]
  const place = (/** @type {ts.Symbol} */ { name }) => (order.includes(name) ? order.indexOf(name) : order.length)
  const properties = checker.getPropertiesOfType(type).toSorted((a, b) => place(a) - place(b))
  const lines = properties.map((property) => {
    const name = /^\w+$/.test(property.name) ? property.name : `"${property.name}"`
    const text = naming(checker.typeToString(checker.getTypeOfSymbolAtLocation(property, at), at, flags))
    const own = ts.displayPartsToString(property.getDocumentationComment(checker)) || said.get(property.name)
    const isOptional = (property.flags & ts.SymbolFlags.Optional) !== 0
    return `${comment(own)}${isReadonly(property) ? "readonly " : ""}${name}${isOptional ? "?" : ""}: ${text}`
  })
  const rest = checker.getIndexInfosOfType(type).map((info) => {
    const [key, value] = [info.keyType, info.type].map((part) => naming(checker.typeToString(part, at, flags)))
    return `${info.isReadonly ? "readonly " : ""}[key: ${key}]: ${value}`
  })
  return `{\n${[...lines, ...rest].join("\n")}\n}`
}

/** @param {ts.Type} type */
const isObject = (type) => (type.flags & ts.TypeFlags.Object) !== 0 && !type.isClass()

/**
 * A type that a schema has, by its properties; of one that has none, nothing.
 *
 * @param {Context} context
 * @param {ts.Symbol} symbol
 */
export const schemaShape = (context, symbol) => {
  const node = symbol.declarations?.find(isType)
  const isMade = ts.isInterfaceDeclaration(node ?? symbol.declarations?.[0] ?? ts.factory.createOmittedExpression())
    ? /extends Schema\.Schema\.Type</.test(node?.getText() ?? "")
    : node !== undefined && ts.isTypeAliasDeclaration(node) && /^typeof \w+\.Type$/.test(node.type.getText())
  const type = context.checker.getDeclaredTypeOfSymbol(symbol)
  if (node === undefined || !isMade || !isObject(type) || context.checker.getPropertiesOfType(type).length === 0)
    return undefined
  return `interface ${symbol.name} ${propertiesText(context, type, node, context.descriptions.get(symbol))}`
}

/**
 * A type as its source writes it, but by the names that it is exported under, and with the parts of another spelled out that
 * cannot be looked up by them.
 *
 * @param {Context} context
 * @param {ts.Symbol} symbol
 * @param {ts.TypeAliasDeclaration | ts.InterfaceDeclaration} node
 */
export const typeDeclarationText = (context, symbol, node) => {
  const { checker, naming } = context
  /** @type {Array<{ readonly from: number, readonly to: number, readonly text: string }>} */
  const changes = []
  /** @param {ts.TypeNode} part @param {ts.Symbol} of */
  const spellOut = (part, of) => {
    const type = checker.getTypeFromTypeNode(part)
    const text = isObject(type)
      ? propertiesText(context, type, part, context.descriptions.get(of))
      : `(${naming(checker.typeToString(type, part, flags | ts.TypeFormatFlags.InTypeAlias), symbol.name)})`
    changes.push({ from: part.getStart(), to: part.getEnd(), text })
  }
  /** @param {ts.Node} part */
  const visit = (part) => {
    if (ts.isIndexedAccessTypeNode(part) && ts.isTypeReferenceNode(part.objectType)) {
      const owner = symbolAt(checker, part.objectType.typeName)
      if (isOurs(owner) && owner !== symbol && owner.name === symbol.name) return spellOut(part, owner)
    }
    if (!ts.isTypeReferenceNode(part)) return void ts.forEachChild(part, visit)
    const [first] = part.typeArguments ?? []
    const isPart = /^(Pick|Omit)$/.test(part.typeName.getText())
    const of = isPart && first !== undefined && ts.isTypeReferenceNode(first) ? first : part
    const meant = symbolAt(checker, of.typeName)
    if (isOurs(meant) && meant !== symbol) {
      if (meant.name === symbol.name || isPart) return spellOut(part, meant)
      if (ts.isIdentifier(of.typeName) && of.typeName.text !== meant.name) {
        changes.push({ from: of.typeName.getStart(), to: of.typeName.getEnd(), text: meant.name })
      }
    }
    return void ts.forEachChild(part, visit)
  }
  visit(node)
  const start = node.getStart()
  const changed = changes
    .toSorted((a, b) => b.from - a.from)
    .reduce(
      (text, { from, to, text: put }) => text.slice(0, from - start) + put + text.slice(to - start),
      node.getText(),
    )
  return changed.replace(/^export (default )?/, "")
}

/**
 * Types that a declaration names and that have no entry of their own, nor have those that they name; with what they are called there.
 *
 * @param {Context} context
 * @param {ReadonlyArray<ts.Declaration>} nodes
 * @returns {ReadonlyArray<readonly [name: string, symbol: ts.Symbol]>}
 */
export const helpersOf = ({ checker, exported }, nodes) => {
  /** @type {Map<ts.Symbol, string>} */
  const found = new Map()
  /** @param {ts.Node} node */
  const visit = (node) => {
    if (ts.isBlock(node)) return
    const name = ts.isTypeReferenceNode(node)
      ? node.typeName
      : ts.isExpressionWithTypeArguments(node)
        ? node.expression
        : undefined
    const symbol = name === undefined ? undefined : symbolAt(checker, name)
    if (isOurs(symbol) && !exported.has(symbol) && !found.has(symbol)) {
      found.set(symbol, name !== undefined && ts.isIdentifier(name) ? name.text : symbol.name)
      for (const declaration of symbol.declarations ?? []) visit(declaration)
    }
    ts.forEachChild(node, visit)
  }
  for (const node of nodes) visit(node)
  return [...found].map(([symbol, name]) => [name, symbol])
}
