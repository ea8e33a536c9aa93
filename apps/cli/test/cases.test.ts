/** Core's table of what an update means, through the command line on a SQLite file. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { UpdateUserCases } from "@webflow-users/core/testing"
import { beforeAll, describe, expect, it } from "vitest"
import { errorIn, fresh, type Outcome } from "./run.ts"

const { all, sites, users } = UpdateUserCases

const read = (outcome: Outcome): UpdateUserCases.Outcome => {
  if (outcome.code === 0) return { user: JSON.parse(outcome.stdout) }
  const { tag, details } = errorIn(outcome)
  return UpdateUserCases.failed({ _tag: String(tag), details: details as ReadonlyArray<unknown> })
}

describe("update --data", { concurrent: true }, () => {
  const store = fresh()
  beforeAll(async () => {
    for (const site of sites) {
      writeFileSync(join(store.cwd, "users.json"), JSON.stringify({ users: site.users }))
      expect(await store.cli(["import", "users.json", "--site", site.id])).toMatchObject({ code: 0 })
      if (site.declaration === undefined) continue
      writeFileSync(join(store.cwd, "site.json"), JSON.stringify(site.declaration))
      expect(await store.cli(["site", "declare", site.id, "--file", "site.json"])).toMatchObject({ code: 0 })
    }
  })

  it.each(all.map((one, index) => ({ ...one, index })))("$name", async ({ index, ...one }) => {
    const before = users[index]
    if (before === undefined) throw new Error("The table has a user for each case")
    const outcome = read(await store.cli(["update", one.siteId, one.userId, "--data", one.body]))
    const { actual, expected } = UpdateUserCases.judge(one, { outcome, before, after: store.user(before.id) })
    expect(actual).toEqual(expected)
  })
})
