/** Many updates of users in PostgreSQL, whose address holds a password. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, Exit, Scope } from "effect"
import { expect, it, onTestFinished } from "vitest"
import { database } from "../../../test/postgres.ts"
import { cut, membersTo, resultOf, runIn, tableOf } from "./bulk.ts"
import { cli, errorIn, newFolder, siteId } from "./run.ts"

it("are made, resumed and taken back, and the password is kept nowhere", async () => {
  const scope = Effect.runSync(Scope.make())
  onTestFinished(() => Effect.runPromise(Scope.close(scope, Exit.void)))
  const address = await Effect.runPromise(Scope.provide(database(), scope))
  const cwd = newFolder()
  const env = { WEBFLOW_USERS_STORE: address }
  const password = new URL(address).password
  expect(password).not.toBe("")
  writeFileSync(join(cwd, "users.json"), JSON.stringify({ users: membersTo(20) }))
  const table = tableOf(20, "drink,add-groups", () => "Coffee,gold")
  writeFileSync(join(cwd, "m.csv"), table)
  expect(await cli(["import", "users.json", "--site", siteId], { cwd, env })).toMatchObject({ code: 0 })
  expect(resultOf(await cli(["bulk", siteId, "m.csv"], { cwd, env }))).toMatchObject({ updated: 20, failed: 0 })

  const run = runIn(cwd)
  const folder = join(cwd, ".webflow-users/runs", run)
  const kept = readdirSync(folder).map((file) => readFileSync(join(folder, file), "utf8"))
  expect(kept.filter((text) => text.includes(password))).toEqual([])
  expect((await cli(["runs", "show", run], { cwd, env })).stdout).not.toContain(password)

  cut(cwd, run, 5)
  const unsaid = errorIn(await cli(["bulk", "--resume", run], { cwd }))
  expect(unsaid).toMatchObject({ tag: "RunMismatch", message: expect.stringMatching(/holds a password.*--store/) })
  expect(JSON.stringify(unsaid)).not.toContain(password)
  expect(resultOf(await cli(["bulk", "--resume", run], { cwd, env }))).toMatchObject({ updated: 20, left: 0 })
  expect(resultOf(await cli(["undo", run], { cwd, env }))).toMatchObject({ updated: 20 })
  expect(resultOf(await cli(["bulk", siteId, "m.csv", "--dry-run"], { cwd, env }))).toMatchObject({ changes: 20 })
})
