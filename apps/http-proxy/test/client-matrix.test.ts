/**
 * What each official SDK can do against the proxy, and how it tells what went wrong. The results are `docs/clients.md`, so
 * that what stands there is what was seen: `npm test -- apps/http-proxy/test/client-matrix.test.ts -u` writes it anew.
 */
import { subscribe, unsubscribe } from "node:diagnostics_channel"
import type { IncomingMessage } from "node:http"
import { isDeepStrictEqual } from "node:util"
import type { UserJson } from "@webflow-users/core/wire"
import { parseSiteId, type SiteId, type User, UserId, UserStore } from "@webflow-users/core"
import { Layer, Predicate } from "effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { Faults, Wire } from "@webflow-users/server"
import { render, wayOut } from "./client-document.ts"
import { failureOf, type OfficialClient, officialClients } from "./official-clients.ts"
import { start } from "./proxy.ts"

const userId = UserId.make("6287ec36a841b25637c663df")
const bought = { slug: "course", type: "ecommerce" } as const
const user: User = {
  id: userId,
  isEmailVerified: true,
  lastUpdated: "2022-05-20T13:46:12.093Z",
  invitedOn: null,
  createdOn: "2022-05-20T13:46:12.093Z",
  lastLogin: "2022-05-20T13:46:12.093Z",
  status: "verified",
  accessGroups: [{ slug: "webflowers", type: "admin" }, bought],
  data: {
    name: "Member",
    email: "member@example.com",
    "accept-privacy": true,
    "accept-communications": false,
    drink: "Tea",
  },
}
const siteOf = (index: number) => parseSiteId(`580e63e98c9a982ac9b8${(0xb000 + index).toString(16)}`) as SiteId

/** Requests that came, by the site that is in their path. */
const requests = new Map<string, number>()
const count = (message: unknown) => {
  const { url = "" } = (message as { readonly request: IncomingMessage }).request
  const site = /\/sites\/([^/]+)\//.exec(url)?.[1] ?? ""
  requests.set(site, (requests.get(site) ?? 0) + 1)
}

const startWith = (nesting: UserJson.DataNesting) => {
  const beside = Layer.merge(Faults.layer, Layer.succeed(Wire.DataNesting, nesting))
  return start("memory:", { id: siteOf(0), users: [] }, undefined, beside)
}
let proxies: Record<UserJson.DataNesting, Awaited<ReturnType<typeof start>>>
beforeAll(async () => {
  proxies = { flat: await startWith("flat"), documented: await startWith("documented") }
  subscribe("http.server.request.start", count)
})
afterAll(async () => {
  unsubscribe("http.server.request.start", count)
  await proxies.flat.stop()
  await proxies.documented.stop()
})

let sites = 0
/** A site of its own for each thing that is tried, with the one user on it. */
const place = async (nesting: UserJson.DataNesting = "flat") => {
  sites += 1
  const siteId = siteOf(sites)
  const proxy = proxies[nesting]
  await proxy.add({ id: siteId, users: [user] })
  const token = await proxy.token(siteId)
  return {
    siteId,
    origin: proxy.origin,
    token,
    reading: await proxy.token(siteId, ["users:read"]),
    stored: () => proxy.run(UserStore.UserStore.use((store) => store.get(siteId, userId))),
    requests: () => requests.get(siteId) ?? 0,
    fault: async (fault: object) => {
      const response = await fetch(`${proxy.origin}/faults/sites/${siteId}`, {
        method: "PUT",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: JSON.stringify(fault),
      })
      expect(response.status).toBe(200)
    },
  }
}

type Place = Awaited<ReturnType<typeof place>>
type Change = (user: User) => Pick<User, "data" | "accessGroups">
const setting =
  (fields: User["data"]): Change =>
  ({ data, accessGroups }) => ({ data: { ...data, ...fields }, accessGroups })
const joining: Change = ({ data }) => ({ data, accessGroups: [{ slug: "platinum", type: "admin" }, bought] })
const withoutDrink: Change = ({ data: { drink: _, ...data }, accessGroups }) => ({ data, accessGroups })

/** Updates as callers write them, and what each asks for. */
const updates: ReadonlyArray<readonly [written: string, body: object, wanted: Change]> = [
  ["`{ data: { name } }`", { data: { name: "New" } }, setting({ name: "New" })],
  ["`{ data: { data: { name } } }`", { data: { data: { name: "New" } } }, setting({ name: "New" })],
  ["`{ data: { acceptPrivacy } }`", { data: { acceptPrivacy: false } }, setting({ "accept-privacy": false })],
  [
    "`{ data: { data: { acceptPrivacy } } }`",
    { data: { data: { acceptPrivacy: false } } },
    setting({ "accept-privacy": false }),
  ],
  ['`{ data: { "accept-privacy" } }`', { data: { "accept-privacy": false } }, setting({ "accept-privacy": false })],
  ["`{ data: { drink } }`", { data: { drink: "Coffee" } }, setting({ drink: "Coffee" })],
  ["`{ data: { data: { drink } } }`", { data: { data: { drink: "Coffee" } } }, setting({ drink: "Coffee" })],
  ["`{ data: { drink: null } }`", { data: { drink: null } }, withoutDrink],
  ["`{ accessGroups: [slug] }`", { accessGroups: ["platinum"] }, joining],
  ["`{ accessGroups: [{ slug, type }] }`", { accessGroups: [{ slug: "platinum", type: "admin" }] }, joining],
]
const sentBack = "the user it read, sent back"

/** What became of an update, in a word or some. */
const outcome = async (at: Place, call: () => Promise<unknown>, wanted: Change): Promise<string> => {
  const before = at.requests()
  const failure = await call().then(() => undefined, failureOf)
  const { data, accessGroups } = await at.stored()
  const kept = { data, accessGroups }
  if (failure === undefined && isDeepStrictEqual(kept, wanted(user))) return "yes"
  const added = Object.keys(data).filter((key) => !(key in user.data))
  if (failure === undefined && added.length > 0) return `makes a field \`${added.join()}\``
  // Whatever it was, it is not half done.
  expect(kept).toEqual({ data: user.data, accessGroups: user.accessGroups })
  if (failure === undefined) return "dropped"
  return at.requests() === before ? `throws \`${failure.className}\`` : `${failure.statusCode} \`${failure.code}\``
}

/** Where in what an SDK gives a value stands. */
const pathTo = (value: unknown, given: unknown, path = "user"): string | undefined => {
  if (given === value) return path
  if (!Predicate.isObject(given)) return undefined
  const paths = Object.entries(given).map(([key, part]) =>
    pathTo(value, part, /^\w+$/.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`),
  )
  return paths.find((found) => found !== undefined)
}

const read = async (client: OfficialClient, nesting: UserJson.DataNesting) => {
  const at = await place(nesting)
  const got = await client.connect(at).get(at.siteId, userId)
  const data = Predicate.hasProperty(got, "data") ? got.data : undefined
  const { lastUpdated, updatedOn } = got as { readonly lastUpdated?: unknown; readonly updatedOn?: unknown }
  return {
    [`name, ${nesting}`]: `\`${pathTo(user.data.name, got)}\``,
    [`a consent, ${nesting}`]: `\`${pathTo(true, data, "user.data")}\``,
    [`a custom field, ${nesting}`]: `\`${pathTo(user.data["drink"], got)}\``,
    [`when it was updated, ${nesting}`]: (lastUpdated ?? updatedOn) instanceof Date ? "a `Date`" : "text",
  }
}

interface Failing {
  readonly status: number
  readonly user?: UserId
  readonly token?: (at: Place) => string
  readonly name?: string
  readonly fault?: object
}
const failing: ReadonlyArray<Failing> = [
  { status: 400, name: "x".repeat(257) },
  { status: 401, token: () => "wrong" },
  { status: 403, token: (at) => at.reading },
  { status: 404, user: UserId.make("f".repeat(24)) },
  { status: 429, fault: { status: 429, retryAfter: 1, times: 10 } },
  { status: 500, fault: { status: 500, times: 10 } },
]

/** Meets an error: what the call rejected with, and how often it asked. */
const meet = async (
  client: OfficialClient,
  { user: id = userId, name = "New", ...of }: Failing,
  maxRetries?: number,
) => {
  const at = await place()
  if (of.fault !== undefined) await at.fault(of.fault)
  const token = of.token?.(at) ?? at.token
  const before = at.requests()
  const connected = client.connect({ origin: at.origin, token, ...(maxRetries !== undefined && { maxRetries }) })
  const error: unknown = await connected.update(at.siteId, id, client.rename(name)).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(await at.stored()).toEqual(user)
  return { error, ...failureOf(error), requests: at.requests() - before }
}

/** Everything that is asked of an SDK. */
const examine = async (client: OfficialClient) => {
  const seen: Record<string, string> = {}
  for (const [written, body, wanted] of updates) {
    const at = await place()
    seen[written] = await outcome(at, () => client.connect(at).update(at.siteId, userId, body), wanted)
  }
  const at = await place()
  const connected = client.connect(at)
  const got = (await connected.get(at.siteId, userId)) as object
  seen[sentBack] = await outcome(at, () => connected.update(at.siteId, userId, got), setting({}))

  const met = await Promise.all(failing.map((one) => meet(client, one, 0)))
  // These take some seconds, which are the SDK's own pauses.
  const left = await Promise.all(failing.filter(({ fault }) => fault !== undefined).map((one) => meet(client, one)))
  return {
    client,
    met,
    version: client.version,
    updates: seen,
    reading: { ...(await read(client, "flat")), ...(await read(client, "documented")) },
    errors: {
      ...Object.fromEntries(
        met.map(({ className, code }, index) => [String(failing[index]?.status), `\`${className}\` \`${code}\``]),
      ),
      ...Object.fromEntries(
        left.map(({ statusCode, requests: asked }) => [`requests for a ${statusCode}, left to itself`, String(asked)]),
      ),
      "with `maxRetries: 0`": client.errors === undefined ? "–" : String(Math.max(...met.map((one) => one.requests))),
    },
  }
}

let examined: ReadonlyArray<Awaited<ReturnType<typeof examine>>>
beforeAll(async () => {
  examined = await Promise.all(officialClients.map(examine))
})
const seenOf = (version: string) => examined.find((one) => one.version === version)!

describe.each(officialClients)("the official SDK $version", ({ version, errors }) => {
  it("updates fields and groups as its reference writes them", () => {
    const seen = seenOf(version).updates
    const isNested = version.startsWith("3.2")
    expect(seen[isNested ? "`{ data: { data: { name } } }`" : "`{ data: { name } }`"]).toBe("yes")
    expect(seen[isNested ? "`{ accessGroups: [{ slug, type }] }`" : "`{ accessGroups: [slug] }`"]).toBe("yes")
  })

  it("reads a user back, whole", () => {
    for (const path of Object.values(seenOf(version).reading)) expect(path).not.toContain("undefined")
  })

  it.each(failing.map(({ status }, index) => [status, index] as const))(
    "meets %i as an error of its own",
    (status, index) => {
      const { error, className, statusCode, code, requests: asked } = seenOf(version).met[index]!
      expect({ statusCode, asked }).toEqual({ statusCode: status, asked: 1 })
      expect(code).toEqual(expect.any(String))
      if (errors === undefined) expect(className).toBe("AxiosError")
      else expect(error).toBeInstanceOf(errors[className])
    },
  )

  it("has a way out of everything that it cannot do", () => {
    const stuck = Object.entries(seenOf(version).updates).filter(
      ([tried, seen]) => seen !== "yes" && wayOut(version, tried, seen) === undefined,
    )
    expect(stuck).toEqual([])
  })
})

it("docs/clients.md says what was seen", async () => {
  await expect(render(examined)).toMatchFileSnapshot("../../../docs/clients.md")
})
