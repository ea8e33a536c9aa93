import { defineConfig } from "rolldown"
import { asciiWithoutSegmenter, httpWithoutWebSockets } from "../../scripts/cold-start.mjs"
import { thirdPartyLicenses } from "../../scripts/third-party-licenses.mjs"
import manifest from "./package.json" with { type: "json" }

// One program, run with `node` alone: nothing but Node's own modules stays outside the bundle.
export default defineConfig({
  input: "src/main.ts",
  platform: "node",
  plugins: [httpWithoutWebSockets(), asciiWithoutSegmenter(), thirdPartyLicenses()],
  resolve: { conditionNames: ["@webflow-users/source", "import", "node", "default"] },
  transform: { define: { VERSION: JSON.stringify(manifest.version) } },
  output: {
    dir: "dist",
    format: "esm",
    entryFileNames: "main.js",
    chunkFileNames: "[name]-[hash].js",
    minify: { compress: true, mangle: false, codegen: false },
    banner: ({ isEntry }) => (isEntry ? "#!/usr/bin/env node" : ""),
    cleanDir: true,
  },
})
