/** What `startServer` is given wrongly is told, with the name of the option and what there is. */
import { sample, type ServerOptions, startServer } from "@webflow-users/sdk/testing"
import { expect, it } from "vitest"

const { siteId, userIds } = sample

it.each<[string, unknown, string]>([
  ["a site that is none", { seed: { nowhere: {} } }, 'seed["nowhere"]: a site\'s id is 24 hexadecimal characters'],
  [
    "users that are wrong, each by its place",
    { seed: { [siteId]: { users: [{ id: "1" }, { data: { email: "a@example.com" } }, { data: {} }] } } },
    `seed["${siteId}"].users: user 1: id must be 24 hexadecimal characters\nuser 3: has neither an id nor an e-mail address`,
  ],
  ["users that are none", { seed: { [siteId]: { users: "ada" } } }, `seed["${siteId}"].users must be an array`],
  [
    "a site that is a list",
    { seed: { [siteId]: [{ id: userIds.ada }] as object } },
    `seed["${siteId}"].0: a site has users and declaration`,
  ],
  [
    "a declaration",
    { seed: { [siteId]: { declaration: { accessGroups: [{ slug: "", name: "x" }] } } } },
    `seed["${siteId}"].declaration: accessGroups`,
  ],
  ["a token that no header can carry", { token: "two words" }, "token: must be printable ASCII without spaces"],
  ["a rate", { rateLimit: 0 }, "token: A rate is a whole number from 1 to"],
  ["another token's site", { tokens: { a: {}, b: { siteId: "x" } } }, "tokens, number 2: siteId is not 24"],
  ["a fault", { faults: { status: 200 } }, "faults: status must be one of"],
  [
    "a fault's site",
    { faults: { nowhere: { status: 500 } } },
    'faults["nowhere"]: a site\'s id is 24 hexadecimal characters',
  ],
  [
    "an option that there is not",
    { fault: { status: 500 } },
    "startServer.fault: startServer has seed, token, rateLimit, tokens, faults and policy",
  ],
  ["options that are none", null, "startServer must be an object"],
  ["a token that is no text", { token: 5 }, "token: must be printable ASCII"],
  ["a rate that is no number", { rateLimit: "60" }, "token: rateLimit must be a number"],
  ["tokens that are none", { tokens: ["a"] }, "tokens must be an object"],
  ["a token without grants", { tokens: { a: null } }, "tokens, number 1 must be an object"],
  [
    "a grant that there is not",
    { tokens: { "may-read": { scope: ["users:read"] } } },
    "tokens, number 1.scope: a token has siteId, scopes, rateLimit, fields and groups",
  ],
  [
    "scopes that are no list",
    { tokens: { a: { scopes: "users:read" } } },
    "tokens, number 1: scopes must be an array of strings",
  ],
  [
    "a scope that there is not",
    { tokens: { a: { scopes: ["read"] } } },
    "tokens, number 1: scopes are users:read and users:write",
  ],
  [
    "fields that are no list",
    { tokens: { a: { fields: "name" } } },
    "tokens, number 1: fields must be an array of strings",
  ],
  [
    "groups that are no texts",
    { tokens: { a: { groups: [1] } } },
    "tokens, number 1: groups must be an array of strings",
  ],
  ["a token's site that is no text", { tokens: { a: { siteId: 5 } } }, "tokens, number 1: siteId is not 24"],
  [
    "the token that may do everything again",
    { tokens: { "test-token": {} } },
    "tokens, number 1: is the token that may do everything",
  ],
  [
    "the same, by another text",
    { token: "7", tokens: { "7": {} } },
    "tokens, number 1: is the token that may do everything",
  ],
  [
    "a decision that there is not",
    { policy: { email: "ignore" } },
    "policy.email: policy has emailAndPassword and ecommerceGroups",
  ],
  [
    "what is decided wrongly",
    { policy: { emailAndPassword: "ignor" } },
    "policy.emailAndPassword must be refuse or ignore",
  ],
  ["the other decision", { policy: { ecommerceGroups: true } }, "policy.ecommerceGroups must be keep or replace"],
  ["no policy", { policy: null }, "policy must be an object"],
  ["no faults", { faults: null }, "faults must be an object"],
  ["a list of faults", { faults: [{ status: 500 }] }, "faults must be an object"],
  ["no fault of a site", { faults: { [siteId]: null } }, `faults["${siteId}"]: fault must be a JSON object`],
  [
    "a part of a fault that there is not",
    { faults: { state: 500 } },
    "faults: state is not a part of a fault: status,",
  ],
  ["no seed", { seed: null }, "seed must be an object"],
  ["no site", { seed: { [siteId]: null } }, `seed["${siteId}"] must be an object`],
  [
    "a part of a site that there is not",
    { seed: { [siteId]: { user: [] } } },
    `seed["${siteId}"].user: a site has users and declaration`,
  ],
  ["no users", { seed: { [siteId]: { users: null } } }, `seed["${siteId}"].users must be an array`],
  ["no declaration", { seed: { [siteId]: { declaration: null } } }, `seed["${siteId}"].declaration: `],
  ...(
    [
      ["acessGroups", "write accessGroups"],
      ["accessgroups", "write accessGroups"],
      ["stauts", "write status"],
      ["is_email_verified", "write isEmailVerified"],
      ["email", "stands in data"],
      ["accept-privacy", "stands in data"],
    ] as const
  ).map(([key, why]): [string, unknown, string] => [
    `a user's ${key}`,
    {
      seed: {
        [siteId]: {
          users: [
            { id: userIds.ada, data: {} },
            { id: userIds.bruno, data: {}, [key]: [] },
          ],
        },
      },
    },
    `seed["${siteId}"].users: user 2: ${key} ${why.startsWith("write") ? `is no property of a user: ${why}` : why}`,
  ]),
])("does not start, and says why: %s", async (_, options, why) => {
  const error = await startServer(options as ServerOptions).then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toMatchObject({ name: "InvalidOption", message: expect.stringContaining(why) })
})

it("names no token in what it says", async () => {
  const tokens = { "very-secret": { scope: [] } } as ServerOptions["tokens"]
  await expect(startServer({ tokens: tokens! })).rejects.toSatisfy((error) => !String(error).includes("very-secret"))
})

it("takes properties of a user that nobody documented", async () => {
  const user = { id: userIds.ada, data: {}, source: { imported: true }, state: "x", meta: 1 }
  await using server = await startServer({ seed: { [siteId]: { users: [user] } } })
  expect(await server.user(userIds.ada)).toMatchObject({ source: { imported: true }, state: "x", meta: 1 })
})

it("takes a token that looks like a number beside the one that may do everything", async () => {
  await using server = await startServer({ tokens: { "1": { scopes: [] } } })
  const ask = (token: string) =>
    fetch(`${server.baseUrl}/sites/${siteId}/users`, { headers: { authorization: `Bearer ${token}` } })
  expect([(await ask(server.token)).status, (await ask("1")).status]).toEqual([200, 403])
})
