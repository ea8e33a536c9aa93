/**
 * Keeps Effect's Schema, a fifth of what a program loads, out of the start of one that decodes nothing by it: `effect/cli` and `Config`
 * are written with it, for little. Each part fails the build when what it is about is no longer there.
 */
import { readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { changed } from "./cold-start.mjs"

/** Says of a file that it is the part of another one that does need Schema: loaded with what uses that, and otherwise not. */
const bySchema = "?by-schema"

/** What reads numbers and dates, and says what is wrong with a switch. */
const primitives = [
  'import * as Effect from "../Effect.js"',
  'import * as Schema from "../Schema.js"',
  "const decoder = (schema) => { const decode = Schema.decodeUnknownEffect(Schema.toCodecStringTree(schema));",
  "return (value) => Effect.mapError(decode(value), ({ message }) => message) }",
  ...["Finite", "Int", "Date"].map((name) => `export const ${name} = decoder(Schema.${name})`),
  "export const Boolean = decoder(Schema.BooleanLiterals)",
].join("\n")

/** What of `Config` is a function reads by Schema, but for these; who uses one gets it from the file as it is. @param {string} code */
const withoutSettings = (code) => {
  /** @type {ReadonlyArray<string>} */
  const settings = code.match(/(?<=^export function )(?!(?:all|fail|succeed|String)\b)\w+/gm) ?? []
  if (!settings.includes("schema")) throw new Error("How effect/Config.js exports settings has changed")
  return `${code.replaceAll(/^export (?=function (?!(?:all|fail|succeed|String)\b))/gm, "")}
export { ${settings.join(", ")} } from "./Config.js${bySchema}"`
}

/** @type {Readonly<Record<string, ReadonlyArray<import("./cold-start.mjs").Change>>>} */
const files = {
  // Errors are made of what they are given, as `Data` makes them: unchecked, by who has typed them.
  "cli/CliError.js": [
    [
      'import * as Schema from "../Schema.js";',
      [
        'import * as Data from "../Data.js"; const of = () => {};',
        "const Schema = { TaggedError: (name) => (tag) => { const Made = Data.TaggedError(tag); Made.prototype.name = name; return Made; },",
        "String: undefined, optional: of, optionalKey: of, Array: of, Literal: of, Union: of, Defect: of };",
      ].join(" "),
    ],
  ],
  "Terminal.js": [
    ['import * as Schema from "./Schema.js";', 'import * as Data from "./Data.js";'],
    [/Schema\.Error\("QuitError"\)\(\{\s*_tag: [^}]*\}\)/, 'Data.TaggedError("QuitError")'],
  ],
  "cli/Primitive.js": [
    ["Schema.is(Schema.TrueLiterals)", '(word => ["true", "yes", "on", "1", "y"].includes(word))'],
    ["Schema.is(Schema.FalseLiterals)", '(word => ["false", "no", "off", "0", "n"].includes(word))'],
    [
      /const makeSchemaPrimitive = [\s\S]*?\n\};/,
      [
        "const bySchema = (tag, value) =>",
        `Effect.flatMap(Effect.promise(() => import("./Primitive.js${bySchema}")), (decoders) => decoders[tag](value));`,
        'const makeSchemaPrimitive = (tag) => makePrimitive(tag, (value) => tag !== "Boolean" ? bySchema(tag, value) :',
        "isTrueLiteral(value) ? Effect.succeed(true) : isFalseLiteral(value) ? Effect.succeed(false) : bySchema(tag, value));",
      ].join(" "),
    ],
    [/(?<=makeSchemaPrimitive\("\w+"), Schema\.\w+/g, ""],
  ],
  // A text that is there is what was asked for.
  "Config.js": [
    [
      "return schema(Schema.String, name);",
      [
        'const localPath = typeof name === "string" ? [name] : name ?? [];',
        "return make((provider, pathPrefix) => { const path = [...pathPrefix, ...localPath];",
        'const missing = () => new ConfigError({ toString: () => `${path.join(".")} is missing` });',
        "return loadCursor(provider, path).pipe(Effect.mapEager(({ node }) => node?.value === undefined ? Result.fail(missing()) :",
        "Result.succeed(node.value)), mapReasons(reason => Cause.isDieReason(reason) && isSourceError(reason.defect) ?",
        "Cause.makeFailReason(new ConfigError(reason.defect)).annotate(Cause.reasonAnnotations(reason)) : reason)); });",
      ].join(" "),
    ],
    [/^[^]*$/, withoutSettings],
  ],
}

/** @returns {import("rolldown").Plugin} */
export const startWithoutSchema = () => ({
  ...changed("start-without-schema", files),
  resolveId: (source, importer) =>
    source.endsWith(bySchema) && importer !== undefined ? { id: join(dirname(importer), source) } : null,
  load(id) {
    if (!id.endsWith(bySchema)) return null
    const file = id.slice(0, -bySchema.length)
    return { code: file.endsWith("Primitive.js") ? primitives : readFileSync(file, "utf8"), moduleType: "js" }
  },
})
