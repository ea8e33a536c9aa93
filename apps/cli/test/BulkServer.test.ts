/** Many updates in front of a server that refuses, fails, falls silent or is gone. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { contents, journalIn, jsonLines, memberAt, membersTo, resultOf, runIn, tableOf } from "./bulk.ts"
import { cli, newFolder, siteId } from "./run.ts"
import { type Patch, refusals, serveMembers } from "./upstream.ts"

/** A folder with changes for so many members, where commands are called. */
const folderFor = (address: string, count: number, env: Readonly<Record<string, string>> = {}) => {
  const cwd = newFolder()
  writeFileSync(
    join(cwd, "m.csv"),
    tableOf(count, "drink", () => "Coffee"),
  )
  return {
    cwd,
    run: () => runIn(cwd),
    cli: (...args: ReadonlyArray<string>) => cli(args, { cwd, env: { WEBFLOW_USERS_STORE: address, ...env } }),
  }
}
const all = (count: number) => Array.from({ length: count }, () => "Coffee")

describe("a server", { concurrent: true }, () => {
  it("is asked for pages and not for users, and for each update once", async () => {
    await using server = await serveMembers(membersTo(250))
    const { cli: call } = folderFor(server.address, 250)
    expect(resultOf(await call("bulk", siteId, "m.csv", "--yes"))).toMatchObject({ updated: 250, failed: 0 })
    expect(server.asked().filter((what) => what.startsWith("GET"))).toEqual(
      [0, 100, 200].map((offset) => `GET /users?offset=${offset}&limit=100`),
    )
    expect(server.sent).toHaveLength(250)
    expect(server.drinks()).toEqual(all(250))
  })

  it("that takes the token back stops everybody, and leaves the rest for --resume", async () => {
    let isIn = true
    await using server = await serveMembers(membersTo(60), ({ before, make }) =>
      isIn && before >= 25 ? refusals[401] : make(),
    )
    const { cwd, run, cli: call } = folderFor(server.address, 60)
    const stopped = await call("bulk", siteId, "m.csv", "--concurrency", "4")
    expect(stopped.code).toBe(1)
    expect(jsonLines(stopped.stderr.split("\n").slice(1).join("\n"))).toMatchObject([
      { error: { tag: "NotAuthorized" } },
    ])
    expect(resultOf(stopped)).toMatchObject({
      event: "stopped",
      updated: 25,
      failed: 0,
      left: 35,
      resume: `webflow-users bulk --resume ${run()}`,
    })
    expect(server.sent.length).toBeLessThanOrEqual(25 + 4)
    expect(resultOf(await call("runs", "show", run()))).toMatchObject({ state: "stopped", left: 35 })
    isIn = false
    const { code, stdout } = await call("bulk", "--resume", run())
    expect({ code, ...JSON.parse(stdout) }).toMatchObject({ code: 0, event: "finished", updated: 60, left: 0 })
    expect(server.drinks()).toEqual(all(60))
    expect(journalIn(cwd, run())).toHaveLength(60)
  })

  it("that fails stops the run after 20 in a row, and what failed is done again", async () => {
    let isIll = true
    await using server = await serveMembers(membersTo(60), ({ before, make }) =>
      isIll && before >= 10 ? refusals[500] : make(),
    )
    const { run, cli: call } = folderFor(server.address, 60, { WEBFLOW_USERS_UPSTREAM_ATTEMPTS: "1" })
    const stopped = await call("bulk", siteId, "m.csv", "--concurrency", "2")
    expect(stopped.code).toBe(1)
    expect(stopped.stderr).toContain('"tag":"InternalError"')
    const { updated, failed, failedInPassing, left, resume } = resultOf(stopped)
    expect({ updated, left: Number(left) + Number(failed), resume }).toEqual({
      updated: 10,
      left: 50,
      resume: `webflow-users bulk --resume ${run()}`,
    })
    expect(failedInPassing).toBe(failed)
    expect(server.sent.length).toBeLessThanOrEqual(10 + 20 + 2)
    isIll = false
    expect(resultOf(await call("bulk", "--resume", run()))).toMatchObject({ updated: 60, failed: 0, left: 0 })
    expect(server.drinks()).toEqual(all(60))
  })

  it("that is gone stops the run, and says how to go on", async () => {
    const { run, cli: call, cwd } = folderFor("", 60)
    const env = { WEBFLOW_USERS_UPSTREAM_ATTEMPTS: "1" }
    let store: string
    {
      await using server = await serveMembers(membersTo(60), ({ before, request, close, make }) => {
        if (before < 5) return make()
        close()
        request.socket.destroy()
        return undefined
      })
      store = server.address
      const stopped = await cli(["bulk", siteId, "m.csv", "--concurrency", "1", "--store", store], { cwd, env })
      expect(stopped.code).toBe(1)
      expect(resultOf(stopped)).toMatchObject({ event: "stopped", updated: 5, failed: 20, left: 35 })
      expect(resultOf(stopped)["resume"]).toBe(`webflow-users bulk --resume ${run()}`)
    }
    const still = await cli(["bulk", "--resume", run()], { cwd, env })
    expect(still.code).toBe(1)
    expect(resultOf(still)).toMatchObject({
      event: "stopped",
      updated: 5,
      resume: `webflow-users bulk --resume ${run()}`,
    })
    // From the beginning nothing is begun.
    expect((await call("bulk", siteId, "m.csv", "--store", store)).code).toBe(5)
    expect(run()).toBe(runIn(cwd))
  })

  it("that answers most requests of a burst with 429 is waited for: none is lost, none fails", async () => {
    let refusing = 0
    let refused = 0
    await using server = await serveMembers(membersTo(90), ({ before, make }) => {
      // Three bursts, in which what is under way is refused, without a word on the limit.
      if ([5, 40, 70].includes(before)) refusing = 12
      if (refusing === 0) return make()
      refusing -= 1
      refused += 1
      return { ...refusals[429], headers: { "retry-after": "1" } }
    })
    const { cwd, run, cli: call } = folderFor(server.address, 90)
    const { code, stdout } = await call("bulk", siteId, "m.csv")
    expect({ code, ...JSON.parse(stdout) }).toMatchObject({ code: 0, updated: 90, failed: 0, left: 0 })
    expect(refused).toBeGreaterThan(12)
    expect(server.sent).toHaveLength(90 + refused)
    expect(server.drinks()).toEqual(all(90))
    expect(journalIn(cwd, run())).toHaveLength(90)
  })

  it("that makes updates and then breaks off or answers 500 now and then: none is told to have failed, none is lost", async () => {
    const faults = [
      ({ make, request }: Patch) => {
        make()
        request.socket.destroy()
        return undefined
      },
      ({ make }: Patch) => {
        make()
        return refusals[500]
      },
      () => refusals[500],
    ]
    let faulty = 0
    await using server = await serveMembers(membersTo(99), (patch) => {
      const fault = patch.before % 11 === 3 ? faults[faulty++ % faults.length] : undefined
      return fault === undefined ? patch.make() : fault(patch)
    })
    const { cwd, run, cli: call } = folderFor(server.address, 99, { WEBFLOW_USERS_UPSTREAM_ATTEMPTS: "8" })
    const { code, stdout } = await call("bulk", siteId, "m.csv")
    expect({ code, ...JSON.parse(stdout) }).toMatchObject({ code: 0, updated: 99, failed: 0, left: 0 })
    expect(server.sent).toHaveLength(99 + faulty)
    expect(server.drinks()).toEqual(all(99))
    expect(
      journalIn(cwd, run())
        .map(({ user }) => user)
        .toSorted(),
    ).toEqual(membersTo(99).map(({ id }) => id))
    expect((await call("undo", run())).code).toBe(0)
    expect(contents(server.users.values())).toEqual(contents(membersTo(99)))
  })

  it("whose user is gone meanwhile: it alone fails", async () => {
    await using server = await serveMembers(membersTo(5), ({ before, make }) => {
      if (before === 0) server.users.delete(memberAt(4).id)
      return make()
    })
    const { cli: call } = folderFor(server.address, 5)
    const outcome = await call("bulk", siteId, "m.csv", "--concurrency", "1")
    expect({ code: outcome.code, ...resultOf(outcome) }).toMatchObject({ code: 1, updated: 4, failed: 1, left: 0 })
  })
})
