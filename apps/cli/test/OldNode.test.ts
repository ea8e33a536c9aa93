/** What an older Node is told, which has not what the program begins with. */
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { expect, it } from "vitest"
import { cli, newFolder } from "./run.ts"

const { engines } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"))

/** Node, as if it were of this version; before 22.1 it keeps nothing compiled. */
const asNode = (version: string) => {
  const cwd = newFolder()
  const file = join(cwd, "older.mjs")
  writeFileSync(
    file,
    `import module, { syncBuiltinESMExports } from "node:module"
     Object.defineProperty(process, "versions", { value: { ...process.versions, node: "${version}" } })
     if (${version.startsWith("20.")}) delete module.enableCompileCache
     syncBuiltinESMExports()`,
  )
  return { cwd, env: { NODE_OPTIONS: `--import ${pathToFileURL(file).href}` } }
}

it.each(["20.20.2", "22.18.0"])("Node %s is told which one is needed", async (version) => {
  expect(await cli(["--help"], asNode(version))).toStrictEqual({
    code: 1,
    stdout: "",
    stderr: `webflow-users needs Node ${String(engines.node).slice(2)} or newer; this is ${version}.\n`,
  })
})

it.each(["22.19.0", "24.0.0"])("Node %s is new enough", async (version) => {
  expect(await cli(["--help"], asNode(version))).toMatchObject({ code: 0, stderr: "" })
})
