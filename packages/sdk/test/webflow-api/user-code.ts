/**
 * What somebody has who wrote for `webflow-api` 3.1: it is compiled and run against that, and with its import changed against
 * `@webflow-users/sdk/webflow-api`. What it prints has to be the same.
 */
import { Webflow, WebflowClient, WebflowEnvironment, WebflowError, WebflowTimeoutError } from "webflow-api-3.1.3"

const [url = "", token = "", readToken = "", siteId = "", userId = ""] = process.argv.slice(2)
const nobody = "f".repeat(24)

const say = (what: string, value: unknown) => process.stdout.write(`${what}: ${JSON.stringify(value, null, 2)}\n`)

const environment = {
  ...WebflowEnvironment.DataApi,
  base: url,
  dataApi: url,
  contentDeliveryApi: url,
  production: url,
  cdn: url,
}
type Options = ConstructorParameters<typeof WebflowClient>[0]
type RequestOptions = NonNullable<Parameters<WebflowClient["users"]["get"]>[2]>
const options: Options = { accessToken: token, environment }
const client = new WebflowClient(options)

/** A user as it prints, without the moment that each run has for itself. */
const shown = ({ lastUpdated, ...user }: Webflow.User) => ({ ...user, lastUpdated: lastUpdated instanceof Date })

/** A field, wherever the server nests it. */
const field = (user: Webflow.User, slug: string): unknown => {
  const outer = (user.data ?? {}) as Record<string, unknown>
  const inner = (user.data?.data ?? {}) as Record<string, unknown>
  return outer[slug] ?? inner[slug]
}

const reading = async () => {
  const user = await client.users.get(siteId, userId)
  say("get", shown(user))
  say("moments", {
    createdOn: user.createdOn instanceof Date && user.createdOn.toISOString(),
    keys: Object.keys(user),
    invitedOn: user.invitedOn === undefined,
    isVerified: user.status === Webflow.UserStatus.Verified,
    bought: user.accessGroups?.filter(({ type }) => type === Webflow.UserAccessGroupsItemType.Ecommerce),
  })
  say("consents", {
    typed: user.data?.data?.acceptPrivacy,
    wire: field(user, "accept-privacy"),
    keys: Object.keys(user.data ?? {}),
  })
  say("drink", field(user, "drink"))
}

const listing = async () => {
  const request: Webflow.UsersListRequest = { limit: 2, sort: Webflow.UsersListRequestSort.EmailDescending }
  for (let offset = 0, total = 1; offset < total; offset += 2) {
    const page: Webflow.UserList = await client.users.list(siteId, { ...request, offset })
    total = page.total ?? 0
    const { users = [], ...rest } = page
    say("page", { ...rest, users: users.map(shown) })
  }
  const everything = await client.users.list(siteId)
  say("list", { keys: Object.keys(everything), limit: everything.limit })
  const groups: Webflow.AccessGroupList = await client.accessGroups.list(siteId, {
    sort: Webflow.AccessGroupsListRequestSort.CreatedOnAscending,
  })
  const dated = groups.accessGroups?.map(({ slug, name, createdOn }) => [slug, name, createdOn instanceof Date])
  // They began together.
  say(
    "groups",
    dated?.toSorted((one, other) => (String(one[0]) < String(other[0]) ? -1 : 1)),
  )
}

const updating = async () => {
  const request: Webflow.UsersUpdateRequest = {
    data: { name: "Some One", acceptPrivacy: false, acceptCommunications: true },
    accessGroups: ["webflowers", "platinum"],
  }
  say("update", shown(await client.users.update(siteId, userId, request)))
  // Custom fields have no type there.
  const custom = { drink: "Coffee", vip: true, "old-field": null } as Webflow.UsersUpdateRequestData
  say("custom fields", shown(await client.users.update(siteId, userId, { data: custom })))
  say("wire names", shown(await client.users.update(siteId, userId, { data: { "accept-privacy": true } as object })))
  say("nested", shown(await client.users.update(siteId, userId, { data: { data: { name: "Nested" } } as object })))
  say("no groups", shown(await client.users.update(siteId, userId, { accessGroups: [] })))
  say("nothing", shown(await client.users.update(siteId, userId)))
  say("read back", shown(await client.users.get(siteId, userId)))
}

const classes = {
  BadRequestError: Webflow.BadRequestError,
  UnauthorizedError: Webflow.UnauthorizedError,
  ForbiddenError: Webflow.ForbiddenError,
  NotFoundError: Webflow.NotFoundError,
  ConflictError: Webflow.ConflictError,
  TooManyRequestsError: Webflow.TooManyRequestsError,
  InternalServerError: Webflow.InternalServerError,
  WebflowError,
  Error,
}

const failing = async (what: string, call: () => Promise<unknown>, says: "message" | "no message" = "message") => {
  try {
    say(what, await call())
  } catch (error) {
    const names = Object.entries(classes).flatMap(([name, Class]) => (error instanceof Class ? [name] : []))
    if (!(error instanceof WebflowError)) throw error
    const { statusCode, body, name } = error
    const message = says === "message" ? error.message : undefined
    say(what, { names, statusCode, body, name, message, keys: Object.keys(error) })
  }
}

const as = (accessToken: Options["accessToken"]) => new WebflowClient({ accessToken, environment }).users
const fault = (text: string): RequestOptions => ({
  maxRetries: 0,
  headers: { "Webflow-Users-Fault": text },
})

// After a call that got no answer, 3.1 keeps a process alive until its timeout, a minute unless it is told.
const briefly: RequestOptions = { timeoutInSeconds: 1 }

const errors = async () => {
  const rename: Webflow.UsersUpdateRequest = { data: { name: "X" } }
  await failing("400 id", () => client.users.get(siteId, "nonsense"))
  await failing("400 name", () => client.users.update(siteId, userId, { data: { name: "x".repeat(257) } }))
  await failing("400 limit", () => client.users.list(siteId, { limit: 1000 }))
  await failing("400 email", () =>
    client.users.update(siteId, userId, { data: { email: "new@example.com" } as object }),
  )
  await failing("401", () => as("wrong").update(siteId, userId, rename))
  await failing("403", () => as(readToken).update(siteId, userId, rename))
  await failing("404 user", () => client.users.update(siteId, nobody, rename))
  await failing("404 site", () => as("wrong").list(nobody))
  await failing("429", () => client.users.update(siteId, userId, rename, fault("status=429; retryAfter=0")))
  await failing("500", () => client.users.get(siteId, userId, fault("status=500")))
  await failing("reset", () => client.users.get(siteId, userId, { ...fault("reset=true"), ...briefly }), "no message")
  try {
    await client.users.get(siteId, nobody)
  } catch (error) {
    if (!(error instanceof Webflow.NotFoundError)) throw error
    const body = error.body as Webflow.Error_
    say("code", { code: body.code === Webflow.ErrorCode.UserNotFound, reference: body.externalReference === undefined })
  }
  say("made by hand", String(new Webflow.ConflictError({ code: "conflict" })))
  say("timed out, made by hand", String(new WebflowTimeoutError("too late")))
}

const patience = async () => {
  const { headers } = fault("delay=60000")
  await failing(
    "timeout",
    () => client.users.get(siteId, userId, { timeoutInSeconds: 0.2, maxRetries: 0, headers: { ...headers } }),
    "no message",
  )
  const gone = new AbortController()
  gone.abort()
  await failing("aborted before", () => client.users.get(siteId, userId, { abortSignal: gone.signal, ...briefly }))
  const stopping = new AbortController()
  const stopped = failing("aborted", () =>
    client.users.update(siteId, userId, {}, { abortSignal: stopping.signal, headers: { ...headers }, ...briefly }),
  )
  setTimeout(() => stopping.abort(), 100)
  await stopped
}

const tokens = async () => {
  let asked = 0
  const users = as(() => {
    asked += 1
    return token
  })
  say("token by a function", (await users.get(siteId, userId)).id)
  await users.get(siteId, userId)
  say("asked", asked)
  say("token by an async function", (await as(async () => token).get(siteId, userId)).id)
  say("token by a promise", (await as(Promise.resolve(token)).get(siteId, userId)).id)
  await as(() => {
    throw new RangeError("no token today")
  })
    .get(siteId, userId)
    .catch((error: unknown) => say("token that throws", [error instanceof RangeError, String(error)]))
  const late = new WebflowClient({ accessToken: token, environment: async () => environment })
  say("environment by a function", (await late.users.get(siteId, userId)).id)
}

for (const part of [reading, listing, updating, errors, patience, tokens]) await part()
