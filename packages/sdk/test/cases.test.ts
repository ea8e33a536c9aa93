import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { UpdateUserError } from "@webflow-users/core"
import { UpdateUserCases } from "@webflow-users/core/testing"
import { createClient, type StoreClient } from "@webflow-users/sdk"
import { afterAll, beforeAll, describe, expect, it } from "vitest"

const folder = await mkdtemp(join(tmpdir(), "webflow-users-sdk-"))
afterAll(() => rm(folder, { recursive: true }))

describe.each([
  ["memory:", "memory:"],
  ["a SQLite file", `file:${folder}/users.db`],
])("the SDK in process, on %s", (_, store) => {
  let client: StoreClient
  beforeAll(async () => {
    client = createClient({ store })
    for (const { id, users, declaration } of UpdateUserCases.sites) {
      const report = await client.importUsers(id, users)
      expect(report).toEqual({ added: users.length, existing: 0, problems: [] })
      if (declaration !== undefined) await client.declareSite(id, declaration)
    }
  })
  afterAll(() => client.close())

  it.each(UpdateUserCases.all.map((one, index) => ({ ...one, index })))("$name", async ({ index, ...one }) => {
    const before = UpdateUserCases.users[index]!
    const outcome = await client.users.update(one.siteId, one.userId, JSON.parse(one.body)).then(
      (user) => ({ user }),
      (error: UpdateUserError) => UpdateUserCases.failed(error),
    )
    const after = await client.users.get(one.home, before.id)
    const { actual, expected } = UpdateUserCases.judge(one, { outcome, before, after })
    expect(actual).toEqual(expected)
  })
})
