import { readFileSync } from "node:fs"
import { defineConfig, type Plugin } from "rolldown"
import { calledAtStart } from "../../scripts/bundle/called-at-start.mjs"
import { asciiWithoutSegmenter, builtinsAsTheyAre, inAscii, withoutWizard } from "../../scripts/bundle/cold-start.mjs"
import { thirdPartyLicenses } from "../../scripts/bundle/third-party-licenses.mjs"
import manifest from "./package.json" with { type: "json" }
import { starts } from "./starts.ts"

/** `import text from "file?raw"` gives a file's text, as in Vite, which runs the tests. */
const raw: Plugin = {
  name: "raw",
  async resolveId(source, importer) {
    if (!source.endsWith("?raw")) return null
    const file = await this.resolve(source.slice(0, -"?raw".length), importer)
    return file === null ? null : `${file.id}?raw`
  },
  load: (id) =>
    id.endsWith("?raw")
      ? {
          code: `export default ${JSON.stringify(readFileSync(id.slice(0, -"?raw".length), "utf8"))}`,
          moduleType: "js",
        }
      : null,
}

// One program, run with `node` alone: nothing but Node's own modules stays outside the bundle.
export default defineConfig({
  input: "src/main.ts",
  platform: "node",
  plugins: [
    raw,
    builtinsAsTheyAre(),
    asciiWithoutSegmenter(),
    withoutWizard(),
    inAscii(),
    thirdPartyLicenses(),
    calledAtStart(starts),
  ],
  resolve: { conditionNames: ["@webflow-users/source", "import", "node", "default"] },
  transform: { define: { VERSION: JSON.stringify(manifest.version) } },
  output: {
    dir: "dist",
    format: "esm",
    entryFileNames: "main.js",
    chunkFileNames: "[name]-[hash].js",
    // What is loaded together is one file: to look for a file takes as long as to read a large one.
    codeSplitting: {
      groups: [
        { name: "program", test: /\/apps\/http-proxy\/src\/Program\.ts$/, priority: 2 },
        { name: "sql", test: /\/packages\/stores\/src\/SqlStore\.ts$/, priority: 1 },
      ],
    },
    minify: true,
    banner: ({ isEntry }) => (isEntry ? "#!/usr/bin/env node" : ""),
    cleanDir: true,
  },
})
