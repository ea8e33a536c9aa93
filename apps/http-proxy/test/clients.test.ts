/** Callers that were written for Webflow, with nothing changed but where they call. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import { parseSiteId, type SiteId, type User, UserId } from "@webflow-users/core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as V2_5 from "webflow-api-2.5.0"
import * as V3_1 from "webflow-api-3.1.3"
import * as V3_2 from "webflow-api-3.2.2"
import { start } from "./proxy.ts"

const siteId = parseSiteId("62749158efef318abc8d5a0f") as SiteId

// The moments are those of the documentation's example: SDK 3.2's documented call sends them back.
const member = (id: string): User => ({
  id: UserId.make(id),
  isEmailVerified: true,
  lastUpdated: "2022-05-20T13:46:12.000Z",
  invitedOn: "2022-05-20T13:46:12.000Z",
  createdOn: "2022-05-20T13:46:12.000Z",
  lastLogin: "2022-05-20T13:46:12.000Z",
  status: "verified",
  accessGroups: [],
  data: {
    name: "Member",
    email: `${id}@example.com`,
    "accept-privacy": true,
    "accept-communications": true,
    drink: "Tea",
  },
})

const users = {
  curl: member("6287ec36a841b25637c66301"),
  "2.5.0": member("6287ec36a841b25637c66302"),
  "3.1.3": member("6287ec36a841b25637c66303"),
  "3.2.2": member("6287ec36a841b25637c663df"),
  object: member("6287ec36a841b25637c66304"),
}

let folder: string
let proxy: Awaited<ReturnType<typeof start>>
let token: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "webflow-users-clients-"))
  proxy = await start(`file:${folder}/users.db`, { id: siteId, users: Object.values(users) })
  token = await proxy.token()
})
afterAll(async () => {
  await proxy.stop()
  await rm(folder, { recursive: true })
})

/** The documented change, made to a user. */
const changed = (user: User, accessGroups: User["accessGroups"]) => ({
  ...user,
  lastUpdated: expect.stringMatching(/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
  accessGroups,
  data: { ...user.data, name: "Some One", "accept-privacy": false, "accept-communications": false },
})
const documentedGroups = (["webflowers", "platinum", "free-tier"] as const).map(
  (slug) => ({ slug, type: "admin" }) as const,
)

const readBack = async (user: User): Promise<unknown> => {
  const response = await fetch(`${proxy.origin}/v2/sites/${siteId}/users/${user.id}`, {
    headers: { authorization: `Bearer ${token}` },
  })
  return await response.json()
}

describe("curl, as the documentation prints it", () => {
  // The request example of Webflow's "Update User" (v2.0.0-beta), to the letter.
  const documented = String.raw`curl -X PATCH https://api.webflow.com/beta/sites/580e63e98c9a982ac9b8b741/users/580e63e98c9a982ac9b8b741 \
     -H "Authorization: Bearer <token>" \
     -H "Content-Type: application/json" \
     -d '{
  "data": {
    "name": "Some One",
    "accept-privacy": false,
    "accept-communications": false
  },
  "accessGroups": [
    "webflowers",
    "platinum",
    "free-tier"
  ]
}'`

  it("gets 200 and the changed user, with only host, token and ids changed", async () => {
    const command = documented
      .replace("https://api.webflow.com", proxy.origin)
      .replace("sites/580e63e98c9a982ac9b8b741", `sites/${siteId}`)
      .replace("users/580e63e98c9a982ac9b8b741", `users/${users.curl.id}`)
      .replace("<token>", token)
    // The status is asked for in curl's own settings, so that the command stays as it is printed.
    await writeFile(join(folder, ".curlrc"), 'silent\nshow-error\nnoproxy = "*"\nwrite-out = "\\n%{http_code}"\n')
    const shell = spawn("bash", ["-c", command], {
      env: { PATH: process.env["PATH"], CURL_HOME: folder, HOME: folder },
      stdio: ["ignore", "pipe", "pipe"],
    })
    const [stdout, stderr] = await Promise.all([text(shell.stdout), text(shell.stderr), once(shell, "close")])

    const [body = "", status] = stdout.split("\n")
    const expected = changed(users.curl, documentedGroups)
    expect({ status, stderr, user: JSON.parse(body) }).toEqual({ status: "200", stderr: "", user: expected })
    expect(await readBack(users.curl)).toEqual(expected)
  })
})

/** The error classes of an SDK, which all versions have under the same names. */
type ErrorClasses = Pick<
  typeof V2_5.Webflow,
  "BadRequestError" | "UnauthorizedError" | "ForbiddenError" | "NotFoundError"
>

/** An SDK, told where to call in the way its version has for that. */
const sdks = {
  "2.5.0": (accessToken: string) => {
    const client = new V2_5.WebflowClient({ accessToken, environment: `${proxy.origin}/v2` })
    return {
      users: client.users,
      rename: (site: string, user: string, name: string) => client.users.update(site, user, { data: { name } }),
      errors: V2_5.Webflow as ErrorClasses,
    }
  },
  "3.1.3": (accessToken: string) => {
    const url = `${proxy.origin}/v2`
    const environment = { base: url, dataApi: url, contentDeliveryApi: url, production: url, cdn: url }
    const client = new V3_1.WebflowClient({ accessToken, environment })
    return {
      users: client.users,
      rename: (site: string, user: string, name: string) => client.users.update(site, user, { data: { name } }),
      errors: V3_1.Webflow as unknown as ErrorClasses,
    }
  },
  "3.2.2": (accessToken: string) => {
    const client = new V3_2.WebflowClient({ accessToken, baseUrl: `${proxy.origin}/v2` })
    return {
      users: client.users,
      rename: (site: string, user: string, name: string) =>
        client.users.update(site, user, { data: { data: { name } } }),
      errors: V3_2.Webflow as unknown as ErrorClasses,
    }
  },
}

describe.each(["2.5.0", "3.1.3"] as const)("the official SDK %s", (version) => {
  it("updates as its reference writes it, and reads the change back", async () => {
    const client = sdks[version](token)
    const updated = await client.users.update(siteId, users[version].id, {
      data: {
        name: "Some One",
        acceptPrivacy: false,
        acceptCommunications: false,
      },
      accessGroups: ["webflowers", "platinum", "free-tier"],
    })

    const expected = changed(users[version], documentedGroups)
    expect(updated).toMatchObject({ id: users[version].id, accessGroups: documentedGroups, data: expected.data })
    expect(await client.users.get(siteId, users[version].id)).toEqual(updated)
    expect(await readBack(users[version])).toEqual(expected)
  })
})

describe("the official SDK 3.2.2", () => {
  it("updates as its reference writes it, the whole user sent back, and reads the change back", async () => {
    const client = sdks["3.2.2"](token)
    const updated = await client.users.update(siteId, "6287ec36a841b25637c663df", {
      id: "6287ec36a841b25637c663df",
      isEmailVerified: true,
      lastUpdated: new Date("2022-05-20T13:46:12.000Z"),
      invitedOn: new Date("2022-05-20T13:46:12.000Z"),
      createdOn: new Date("2022-05-20T13:46:12.000Z"),
      lastLogin: new Date("2022-05-20T13:46:12.000Z"),
      status: "verified",
      accessGroups: [
        {
          slug: "webflowers",
          type: "admin",
        },
      ],
    })

    const accessGroups = [{ slug: "webflowers", type: "admin" }] as const
    expect(updated).toMatchObject({ id: users["3.2.2"].id, accessGroups, data: users["3.2.2"].data })
    expect(await client.users.get(siteId, users["3.2.2"].id)).toEqual(updated)
    const expected = { ...changed(users["3.2.2"], accessGroups), data: users["3.2.2"].data }
    expect(await readBack(users["3.2.2"])).toEqual(expected)
  })

  it("updates fields as its types nest them", async () => {
    const client = sdks["3.2.2"](token)
    await client.users.update(siteId, users.object.id, {
      data: { data: { name: "Some One", acceptPrivacy: false, acceptCommunications: false } },
      accessGroups: documentedGroups.map((group) => ({ ...group })),
    })
    expect(await readBack(users.object)).toEqual(changed(users.object, documentedGroups))
  })

  it("changes nothing but lastUpdated when it sends back what it got", async () => {
    const client = sdks["3.2.2"](token)
    const before = await client.users.get(siteId, users.object.id)
    const after = await client.users.update(siteId, users.object.id, before)
    expect({ ...after, lastUpdated: before.lastUpdated }).toEqual(before)
    expect(after.lastUpdated?.getTime()).toBeGreaterThan(before.lastUpdated?.getTime() ?? 0)
  })
})

describe.each(["2.5.0", "3.1.3", "3.2.2"] as const)("what the official SDK %s throws", (version) => {
  const unknownUser = "ffffffffffffffffffffffff"
  it.each([
    ["BadRequestError", 400, "validation_error", (): string => token, users[version].id, "x".repeat(257)],
    ["UnauthorizedError", 401, "not_authorized", (): string => "wrong", users[version].id, "X"],
    ["ForbiddenError", 403, "missing_scopes", () => proxy.token(siteId, ["users:read"]), users[version].id, "X"],
    ["NotFoundError", 404, "user_not_found", () => token, unknownUser, "X"],
  ] as const)("is its own %s for %i %s", async (className, statusCode, code, tokenOf, userId, name) => {
    const { rename, errors } = sdks[version](await tokenOf())
    const error: unknown = await rename(siteId, userId, name).then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    expect(error).toBeInstanceOf(errors[className])
    expect(error).toMatchObject({ statusCode, body: { code, message: expect.any(String) } })
  })
})
