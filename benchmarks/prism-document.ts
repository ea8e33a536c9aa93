/** What Prism checks requests against: the contract as the proxy describes it, with the paths as they are asked for. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import * as OpenApi from "@webflow-users/core/wire/OpenApi"

/** Writes it into a folder, and gives the file. */
export const documentForPrism = (folder: string): string => {
  const document = OpenApi.make({ version: "0.0.0" })
  const paths = Object.fromEntries(Object.entries(document.paths).map(([path, item]) => [`/v2${path}`, item]))
  const file = join(folder, "openapi.json")
  writeFileSync(file, JSON.stringify({ ...document, servers: [], paths }))
  return file
}
