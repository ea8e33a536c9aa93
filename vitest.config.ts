import { defineConfig } from "vitest/config"

// `npm run test:long` runs these and only these: what kills, fuzzes or installs takes minutes.
const long = "**/*.long.test.ts"
const isLong = process.env["TEST_LONG"] !== undefined
const folders = ["packages/*/test", "apps/*/test", "test"]

// Tests read the packages' sources; only what is spawned (the CLI, the proxy) needs a build first.
export default defineConfig({
  resolve: { conditions: ["@webflow-users/source"] },
  ssr: { resolve: { conditions: ["@webflow-users/source"] } },
  test: {
    include: folders.map((folder) => (isLong ? `${folder}/${long}` : `${folder}/**/*.test.ts`)),
    exclude: ["**/node_modules/**", ...(isLong ? [] : [long])],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
})
