/**
 * What is published of the SDK (docs/decisions/0021). Its entries are those that the export map names: `./dist/X.js` is made of
 * `src/X.ts`, and nothing else has to be told of a new one.
 */
import { defineConfig, type OutputOptions, type RolldownOptions } from "rolldown"
import { thirdPartyLicenses } from "../../scripts/bundle/third-party-licenses.mjs"
import manifest from "./package.json" with { type: "json" }

/** Programs in Effect bring an `effect` of their own, and use it together with what these give them. */
const withEffect = /^(effect|testing)(\.node)?$/

const exported = [...JSON.stringify(manifest.exports).matchAll(/"\.\/dist\/([^"]+)\.js"/g)].map(([, name = ""]) => name)

interface Group {
  /** Where what its entries share is put. */
  readonly chunks: string
  readonly input: Readonly<Record<string, string>>
  readonly external?: ReadonlyArray<RegExp>
  readonly cleanDir?: boolean
  readonly codeSplitting?: Exclude<OutputOptions["codeSplitting"], boolean | undefined>
}

/**
 * What the entries load at once, in a few large files, which load faster than many small ones; what is loaded when it is asked for
 * stays where it is. Three and not one: who bundles and takes in one guard leaves out a file more easily than what is in it.
 */
const few = {
  groups: [
    { name: "effect", test: /node_modules.effect/ },
    // With what its classes need.
    { name: "errors", test: /src.guards\.ts$/ },
    // What is Node's own would bring its lazy parts along, and browsers have no such.
    { name: "client", test: (id: string) => !/\.node\.ts$|src.webflow-api/.test(id) },
  ].map((chunk) => ({ ...chunk, tags: ["$initial"], minShareCount: 2 })),
}

const group = ({ chunks, input, external = [], cleanDir = false, codeSplitting = {} }: Group): RolldownOptions => ({
  input,
  platform: "neutral",
  plugins: [thirdPartyLicenses(`${chunks}/THIRD-PARTY-LICENSES.txt`)],
  external: [/^node:/, /^undici(\/|$)/, ...external],
  resolve: { conditionNames: ["@webflow-users/source", "import", "default"] },
  // What Node 20 reads.
  transform: { target: "es2022" },
  output: {
    dir: "dist",
    format: "esm",
    entryFileNames: "[name].js",
    chunkFileNames: ({ name }) => `${chunks}/${name === "src" ? "stores" : name}.js`,
    // Left to be read, and to be made small by who bundles it; compressed, it would lose marks by which bundlers leave out what is not
    // used. Doc comments are in the types.
    minify: false,
    comments: { legal: true, annotation: true, jsdoc: false },
    cleanDir,
    codeSplitting,
  },
})

const sources = (names: ReadonlyArray<string>) => Object.fromEntries(names.map((name) => [name, `src/${name}.ts`]))
const plain = sources(exported.filter((name) => !withEffect.test(name)))
const effectful = sources(exported.filter((name) => withEffect.test(name)))

export default defineConfig(
  [
    group({ chunks: "chunks", input: plain, cleanDir: true, codeSplitting: few }),
    group({
      chunks: "effect-chunks",
      input: effectful,
      external: [/^effect(\/|$)/, /^@webflow-users\/core(\/|$)/],
    }),
  ].filter(({ input = {} }) => Object.keys(input).length > 0),
)
