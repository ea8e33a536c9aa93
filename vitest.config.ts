import { defineConfig } from "vitest/config"

// `npm run test:long` runs these and only these: what kills, fuzzes or installs takes minutes.
const long = "**/*.long.test.ts"
const isLong = process.env["TEST_LONG"] !== undefined
const folders = ["packages/*/test", "apps/*/test", "test"]

// Tests read the packages' sources; only what is spawned (the CLI, the proxy) needs a build first.
export default defineConfig({
  // What the bundlers put in.
  define: { VERSION: JSON.stringify("0.0.0-test") },
  // And of the SDK what Node is given.
  resolve: { conditions: ["@webflow-users/source", "node"] },
  ssr: { resolve: { conditions: ["@webflow-users/source", "node"] } },
  test: {
    include: folders.map((folder) => (isLong ? `${folder}/${long}` : `${folder}/**/*.test.ts`)),
    exclude: ["**/node_modules/**", ...(isLong ? [] : [long])],
    // Style sheets are served here, and come as they are.
    css: true,
    globalSetup: "test/postgres.setup.ts",
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
})
