/**
 * What is published of the SDK (docs/decisions/0021). Its entries are those that the export map names: `./dist/X.js` is made of
 * `src/X.ts`, and nothing else has to be told of a new one.
 */
import { defineConfig, type RolldownOptions } from "rolldown"
import { thirdPartyLicenses } from "../../scripts/third-party-licenses.mjs"
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
}

const group = ({ chunks, input, external = [], cleanDir = false }: Group): RolldownOptions => ({
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
  },
})

const sources = (names: ReadonlyArray<string>) => Object.fromEntries(names.map((name) => [name, `src/${name}.ts`]))
const plain = sources(exported.filter((name) => !withEffect.test(name)))
const effectful = sources(exported.filter((name) => withEffect.test(name)))

export default defineConfig(
  [
    group({ chunks: "chunks", input: plain, cleanDir: true }),
    group({
      chunks: "effect-chunks",
      input: effectful,
      external: [/^effect(\/|$)/, /^@webflow-users\/core(\/|$)/],
    }),
  ].filter(({ input = {} }) => Object.keys(input).length > 0),
)
