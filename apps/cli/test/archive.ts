/** What tests of archives need: a store with something of everything on the site, and what is in an archive. */
import { createHash } from "node:crypto"
import { createWriteStream, readFileSync, writeFileSync } from "node:fs"
import { once } from "node:events"
import { join } from "node:path"
import { ada, otherSiteId, seeded, siteId } from "./run.ts"

/** Who is on the other site. */
export const dee = { ...ada, id: "6287ec36a841b25637c66304", data: { name: "Dee 名前 😀", note: null } }

/** A declared site with three users, one of them updated twice, and another site with one. */
export const furnished = async () => {
  const store = await seeded()
  const run = async (...args: ReadonlyArray<string>) => {
    const { code, stderr } = await store.cli(args)
    if (code !== 0) throw new Error(`The store cannot be furnished: ${stderr}`)
  }
  writeFileSync(join(store.cwd, "other.json"), JSON.stringify({ users: [dee] }))
  writeFileSync(join(store.cwd, "site.json"), JSON.stringify({ fields: [{ slug: "drink", type: "PlainText" }] }))
  await run("import", "other.json", "--site", otherSiteId)
  await run("update", siteId, ada.id, "--name", "Ada 名前 😀", "--add-group", "platinum")
  await run("site", "declare", siteId, "--file", "site.json")
  await run("update", siteId, ada.id, "--field", "drink=Coffee")
  return store
}

export const counts = { accessGroups: 3, users: 3, events: 2 }

/** A file's text, and the SHA-256 of all its lines but the last. */
export const readArchive = (path: string) => {
  const text = readFileSync(path, "utf8")
  const body = text.slice(0, text.trimEnd().lastIndexOf("\n") + 1)
  return { text, sha256: createHash("sha256").update(body).digest("hex") }
}

const largeUser = (index: number, drink: string) => ({
  ...ada,
  id: `6287ec36a841b256${(0x10000000 + index).toString(16)}`,
  data: { ...ada.data, email: `m${index}@example.com`, drink, note: "x".repeat(200) },
})

/** Writes an archive of a site with so many users and as many events. */
export const writeLarge = async (path: string, count: number): Promise<void> => {
  const file = createWriteStream(path)
  const hash = createHash("sha256")
  const write = async (line: unknown) => {
    const text = `${JSON.stringify(line)}\n`
    hash.update(text)
    if (!file.write(text)) await once(file, "drain")
  }
  await write({
    format: "webflow-users-archive",
    version: 1,
    siteId,
    createdOn: "2026-01-29T00:00:00.000Z",
    declaration: null,
  })
  for (let index = 0; index < count; index += 1) await write({ user: largeUser(index, "Coffee") })
  for (let index = 0; index < count; index += 1) {
    const { id } = largeUser(index, "")
    const at = "2026-01-29T00:00:00.000Z"
    const [before, after] = [largeUser(index, "Tea"), largeUser(index, "Coffee")]
    await write({ event: { userId: id, at, actor: "cli", label: null, address: null, before, after } })
  }
  const end = { accessGroups: 0, users: count, events: count }
  file.end(`${JSON.stringify({ end, sha256: hash.digest("hex") })}\n`)
  await once(file, "close")
}
