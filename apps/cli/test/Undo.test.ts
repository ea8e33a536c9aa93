/** What a run changed is put back, and nothing else. */
import { rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import {
  contents,
  cut,
  journalIn,
  memberAt,
  membersTo,
  pathIn,
  resultOf,
  runIn,
  stored,
  tableOf,
  textIn,
} from "./bulk.ts"
import { cli, errorIn, newFolder, siteId } from "./run.ts"
import { refusals, serveMembers } from "./upstream.ts"

/** Changes of every kind. */
const table = [
  "email,name,drink,size,accept-privacy,groups,add-groups,remove-groups",
  "m0@example.com,Al,Coffee,,,,,",
  "m1@example.com,,,12,true,,,",
  "m2@example.com,,,,,gold;silver,,",
  "m3@example.com,,,,,,gold,webflowers",
  "m4@example.com,,Tea,,,,,",
].join("\n")

const changed = async () => {
  const store = await stored(6)
  expect(await store.cli(["bulk", siteId, store.file("m.csv", table)])).toMatchObject({ code: 0 })
  return { store, run: runIn(store.cwd), before: contents(membersTo(6)), after: contents(store.users()) }
}

describe("undo", { concurrent: true }, () => {
  it("puts everybody back exactly, and leaves alone whom the run left", async () => {
    const { store, run, before, after } = await changed()
    expect(after).not.toEqual(before)
    const outcome = await store.cli(["undo", run])
    expect(outcome).toMatchObject({
      code: 0,
      stderr: expect.stringContaining("4 users: 4 to put back, 0 as before already"),
    })
    expect(resultOf(outcome)).toMatchObject({ rows: 4, changes: 4, updated: 4, failed: 0, failures: null })
    expect(contents(store.users())).toEqual(before)
    expect(store.member(5)).toEqual(memberAt(5))
    expect(JSON.parse(textIn(store.cwd, runIn(store.cwd, run), "run.json"))).toMatchObject({
      kind: "undo",
      undoes: run,
    })
  })

  it("--dry-run tells what would be put back, and does nothing", async () => {
    const { store, run, after } = await changed()
    const { differences, ...plan } = resultOf(await store.cli(["undo", run, "--dry-run"]))
    expect(plan).toMatchObject({ dryRun: true, rows: 4, changes: 4, unchanged: 0, invalid: 0 })
    expect(differences).toMatchObject([
      { id: memberAt(0).id, changes: [{ field: "name", before: "Al", after: "Member 0" }, { field: "drink" }] },
      {
        changes: [
          { field: "accept-privacy", before: true, after: false },
          { field: "size", before: "12", after: null },
        ],
      },
      { changes: [{ field: "accessGroups", before: ["gold", "silver", "course"], after: ["webflowers", "course"] }] },
      { changes: [{ field: "accessGroups", before: ["gold", "course"], after: ["webflowers", "course"] }] },
    ])
    expect(contents(store.users())).toEqual(after)
    expect(runIn(store.cwd)).toBe(run)
  })

  it("leaves alone whom somebody else has changed since, and says so", async () => {
    const { store, run, before } = await changed()
    await store.cli(["update", siteId, memberAt(0).id, "--field", "drink=Water"])
    await store.cli(["update", siteId, memberAt(3).id, "--name", "Bo"])
    // Moves only `lastUpdated`.
    await store.cli(["update", siteId, memberAt(1).id, "--data", "{}"])
    const theirs = [store.member(0), store.member(3)]
    const outcome = await store.cli(["undo", run])
    expect(outcome.code).toBe(1)
    expect(outcome.stderr).toContain(
      [
        "2 users cannot be put back:",
        "  m0@example.com: was changed by somebody else since, and is left alone",
        "  m3@example.com: was changed by somebody else since, and is left alone",
        "4 users: 2 to put back, 0 as before already, 2 left alone",
      ].join("\n"),
    )
    expect(resultOf(outcome)).toMatchObject({ updated: 2, invalid: 2, failures: expect.stringMatching(/ndjson$/) })
    expect([store.member(0), store.member(3)]).toEqual(theirs)
    expect(contents([store.member(1), store.member(2)])).toEqual(before.slice(1, 3))
  })

  it("twice puts nothing back the second time", async () => {
    const { store, run } = await changed()
    await store.cli(["undo", run])
    const users = store.users()
    const outcome = await store.cli(["undo", run])
    expect({ code: outcome.code, ...resultOf(outcome) }).toMatchObject({
      code: 0,
      changes: 0,
      unchanged: 4,
      updated: 0,
    })
    expect(store.users()).toEqual(users)
  })

  it("of an undo makes it as the run made it", async () => {
    const { store, run, after } = await changed()
    await store.cli(["undo", run])
    const undone = runIn(store.cwd, run)
    expect(await store.cli(["undo", undone])).toMatchObject({ code: 0 })
    expect(contents(store.users())).toEqual(after)
  })

  it("of a run with users who came twice puts back what was there before the first", async () => {
    const store = await stored(2)
    const rows = [
      "m0@example.com,Coffee,gold,",
      "m1@example.com,Milk,,",
      "m0@example.com,Water,silver,gold",
      "m0@example.com,,,webflowers",
    ]
    await store.cli(["bulk", siteId, store.file("m.csv", ["email,drink,add-groups,remove-groups", ...rows].join("\n"))])
    const run = runIn(store.cwd)
    expect(journalIn(store.cwd, run)).toHaveLength(4)
    expect(resultOf(await store.cli(["undo", run]))).toMatchObject({ rows: 2, updated: 2 })
    expect(contents(store.users())).toEqual(contents(membersTo(2)))
  })

  it("of a run that was stopped puts back what it did; the rest can still be done", async () => {
    const { store, run, before, after } = await changed()
    cut(store.cwd, run, 2)
    const recorded = new Set(journalIn(store.cwd, run).map(({ user }) => user))
    expect(resultOf(await store.cli(["undo", run]))).toMatchObject({ rows: 2, updated: 2 })
    expect(contents(store.users())).toEqual(before.map((user, at) => (recorded.has(user.id) ? user : after[at])))
    expect(resultOf(await store.cli(["bulk", "--resume", run]))).toMatchObject({ updated: 4, left: 0 })
    expect(contents(store.users())).toEqual(before.map((user, at) => (recorded.has(user.id) ? user : after[at])))
  })

  it("that was stopped is resumed", async () => {
    const { store, run, before } = await changed()
    await store.cli(["undo", run])
    const undone = runIn(store.cwd, run)
    cut(store.cwd, undone, 1)
    expect(resultOf(await store.cli(["bulk", "--resume", undone]))).toMatchObject({ updated: 4, left: 0 })
    expect(contents(store.users())).toEqual(before)
  })

  it("puts back what was there before the run, also where it was killed and updates were made twice", async () => {
    const { store, run, before, after } = await changed()
    cut(store.cwd, run, 1)
    expect(await store.cli(["bulk", "--resume", run])).toMatchObject({ code: 0 })
    expect(contents(store.users())).toEqual(after)
    expect(resultOf(await store.cli(["undo", run]))).toMatchObject({ rows: 4, updated: 4 })
    expect(contents(store.users())).toEqual(before)
  })

  it("knows the run's own work, of which nobody heard, from what was there before", async () => {
    const store = await stored(2)
    const rows = ["m0@example.com,Coffee", "m1@example.com,Milk", "m0@example.com,Water"]
    await store.cli(["bulk", siteId, store.file("m.csv", ["email,drink", ...rows].join("\n"))])
    const run = runIn(store.cwd)
    cut(store.cwd, run, 0)
    expect(resultOf(await store.cli(["bulk", "--resume", run]))).toMatchObject({ updated: 3, left: 0 })
    expect(store.drinks()).toEqual(["Water", "Milk"])
    expect(await store.cli(["undo", run])).toMatchObject({ code: 0 })
    expect(contents(store.users())).toEqual(contents(membersTo(2)))
  })

  it("goes back behind a row that was made and failed all the same", async () => {
    await using server = await serveMembers(membersTo(1), ({ before, make }) => {
      const made = make()
      return before === 0 ? refusals[500] : made
    })
    const cwd = newFolder()
    writeFileSync(join(cwd, "m.csv"), "email,drink,add-groups\nm0@example.com,Coffee,\nm0@example.com,Rum,gold\n")
    const env = { WEBFLOW_USERS_UPSTREAM_ATTEMPTS: "1" }
    await cli(["bulk", siteId, "m.csv", "--store", server.address], { cwd, env })
    const run = runIn(cwd)
    expect(resultOf(await cli(["bulk", "--resume", run], { cwd }))).toMatchObject({ updated: 2, failed: 0, left: 0 })
    expect(server.drinks()).toEqual(["Rum"])
    expect(await cli(["undo", run], { cwd })).toMatchObject({ code: 0 })
    expect(contents(server.users.values())).toEqual(contents(membersTo(1)))
  })

  it("puts back what may have been made, and nobody knows of: of a run that was killed, or of a row that failed", async () => {
    const store = await stored(4)
    const file = store.file(
      "m.csv",
      tableOf(4, "drink,add-groups", () => "Coffee,gold"),
    )
    await store.cli(["bulk", siteId, file])
    const killed = runIn(store.cwd)
    cut(store.cwd, killed, 1)
    rmSync(pathIn(store.cwd, killed, "summary.json"))
    await store.cli(["update", siteId, "m2@example.com", "--field", "drink=Tea", "--remove-group", "gold"])
    expect(resultOf(await store.cli(["undo", killed]))).toMatchObject({ rows: 4, updated: 3, unchanged: 1 })
    expect(contents(store.users())).toEqual(contents(membersTo(4)))

    await using server = await serveMembers(membersTo(2), ({ id, make }) =>
      id === memberAt(0).id ? refusals[make().status === 200 ? 500 : 400] : make(),
    )
    const cwd = newFolder()
    writeFileSync(join(cwd, "m.csv"), "email,drink\nm0@example.com,Coffee\nm1@example.com,Rum\n")
    const env = { WEBFLOW_USERS_UPSTREAM_ATTEMPTS: "1" }
    await cli(["bulk", siteId, "m.csv", "--store", server.address], { cwd, env })
    expect(server.drinks()).toEqual(["Coffee", "Rum"])
    // It puts both back, and hears nothing of the one.
    await cli(["undo", runIn(cwd)], { cwd, env })
    expect(contents(server.users.values())).toEqual(contents(membersTo(2)))
  })

  it("leaves alone who was changed between its plan and its end", async () => {
    let isAccepted = true
    await using server = await serveMembers(membersTo(2), ({ make }) => (isAccepted ? make() : refusals[401]))
    const cwd = newFolder()
    writeFileSync(join(cwd, "m.csv"), "email,drink\nm0@example.com,Coffee\nm1@example.com,Coffee\n")
    await cli(["bulk", siteId, "m.csv", "--store", server.address], { cwd })
    const run = runIn(cwd)
    isAccepted = false
    expect(resultOf(await cli(["undo", run], { cwd }))).toMatchObject({ updated: 0, left: 2 })
    isAccepted = true
    server.users.set(memberAt(0).id, { ...memberAt(0), data: { ...memberAt(0).data, drink: "Rum" } })
    const resumed = await cli(["bulk", "--resume", runIn(cwd, run)], { cwd })
    expect(resumed.code).toBe(1)
    expect(resultOf(resumed)).toMatchObject({ updated: 1, failed: 1, left: 0 })
    expect(server.drinks()).toEqual(["Rum", "Tea"])
    expect(textIn(cwd, runIn(cwd, run), "failures.ndjson")).toContain("was changed by somebody else since")
  })

  it("gives what cannot be cleared what comes nearest to nothing", async () => {
    const store = await stored(2)
    const file = store.file(
      "m.csv",
      tableOf(2, "accept-communications", () => "yes"),
    )
    await store.cli(["bulk", siteId, file])
    expect(await store.cli(["undo", runIn(store.cwd)])).toMatchObject({ code: 0 })
    expect(store.member(0).data["accept-communications"]).toBe(false)
  })

  it("leaves alone a user to whom no update can give back what was there, and says why", async () => {
    const { store, run, after } = await changed()
    await store.cli(["site", "declare", siteId, "--file", store.file("site.json", `{"accessGroups": []}`)])
    const outcome = await store.cli(["undo", run])
    expect(outcome.code).toBe(1)
    expect(outcome.stderr).toContain("  m3@example.com, accessGroups: webflowers: the site has no access groups\n")
    expect(contents([store.member(3)])).toEqual([after[3]])
  })

  it("asks before more than 100 users too, and takes no other store", async () => {
    const store = await stored(101)
    await store.cli([
      "bulk",
      siteId,
      store.file(
        "m.csv",
        tableOf(101, "drink", () => "Coffee"),
      ),
      "--yes",
    ])
    const run = runIn(store.cwd)
    const refused = await store.cli(["undo", run])
    expect(refused).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining("confirmation_required") })
    expect(errorIn(await store.cli(["undo", run, "--store", "file:./x.db"]))).toMatchObject({ tag: "RunMismatch" })
    expect(new Set(store.drinks())).toEqual(new Set(["Coffee"]))
    expect(await store.cli(["undo", run, "--yes"])).toMatchObject({ code: 0 })
    expect(new Set(store.drinks())).toEqual(new Set(["Tea"]))
  })
})
