import { defineConfig } from "rolldown"
import { calledAtStart } from "../../scripts/bundle/called-at-start.mjs"
import {
  asciiWithoutSegmenter,
  builtinsAsTheyAre,
  completionsLate,
  inAscii,
  withoutBareImports,
  withoutFacades,
  withoutProbes,
  withoutWizard,
} from "../../scripts/bundle/cold-start.mjs"
import { startWithoutSchema } from "../../scripts/bundle/start-without-schema.mjs"
import { thirdPartyLicenses } from "../../scripts/bundle/third-party-licenses.mjs"
import manifest from "./package.json" with { type: "json" }
import { starts } from "./starts.ts"

/** Of Effect, what the start of no command needs, nor an update. */
const later = [
  "[\\w/]+\\.js\\?by-schema",
  "Schema",
  "internal/(schema|glob|rcRef|uuid|ulid|stream|count)",
  "Stream|Channel|Sink|Queue|MutableList|MutableRef|RcRef|Semaphore|Latch",
  "FileSystem|Path\\.|PlatformError|ByteSize|Bytes|BigDecimal|Tuple|Struct\\.|encoding/(Base64|EncodingError)",
  "(http|net|crypto)/",
  "cli/Prompt",
]

// One program, run with `node` alone: nothing but Node's own modules stays outside the bundle.
export default defineConfig({
  input: "src/main.ts",
  platform: "node",
  preserveEntrySignatures: "allow-extension",
  plugins: [
    builtinsAsTheyAre(),
    asciiWithoutSegmenter(),
    withoutWizard(),
    withoutProbes(),
    completionsLate(),
    startWithoutSchema(),
    withoutBareImports(),
    withoutFacades(),
    inAscii(),
    thirdPartyLicenses(),
    calledAtStart(starts),
  ],
  resolve: { conditionNames: ["@webflow-users/source", "import", "node", "default"] },
  transform: {
    define: {
      VERSION: JSON.stringify(manifest.version),
      OLDEST_NODE: JSON.stringify(manifest.engines.node.replace(">=", "")),
    },
  },
  output: {
    dir: "dist",
    format: "esm",
    entryFileNames: "main.js",
    chunkFileNames: "[name]-[hash].js",
    // What is loaded together is one file: to look for a file takes as long as to read a large one. A group takes in all that its
    // files import, used by them or not, so that what only some commands use is kept out of it first.
    codeSplitting: {
      groups: [
        {
          name: "later",
          test: new RegExp(`/effect/dist/(${later.join("|")})`),
          priority: 5,
          includeDependenciesRecursively: false,
        },
        { name: "program", test: /\/apps\/cli\/src\/Program\.ts$|^\0rolldown\/runtime/, priority: 4 },
        { name: "update", test: /\/apps\/cli\/src\/Update\.ts$/, priority: 3 },
        { name: "sql", test: /\/packages\/stores\/src\/SqlStore\.ts$/, priority: 2 },
        { name: "files", test: /\/NodeServices\.js$/, priority: 1 },
      ],
    },
    minify: true,
    banner: ({ isEntry }) => (isEntry ? "#!/usr/bin/env node" : ""),
    cleanDir: true,
  },
})
