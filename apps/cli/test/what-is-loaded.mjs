/** Loaded before a program: writes to the file `LOADED` which files the program has loaded when it ends, and what of Node. */
import { writeFileSync } from "node:fs"
import { registerHooks } from "node:module"

/** @type {Array<string>} */
const files = []
registerHooks({
  load: (url, context, next) => {
    if (url.startsWith("file:")) files.push(url)
    return next(url, context)
  },
})
process.on("exit", () => {
  // Not in Node's types.
  const builtins = Reflect.get(process, "moduleLoadList")
  writeFileSync(process.env["LOADED"] ?? "", JSON.stringify({ files, builtins }))
})
