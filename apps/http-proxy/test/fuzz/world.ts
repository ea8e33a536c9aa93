/** The store the fuzzed proxy serves: users who may be changed, users whom nothing may touch, and tokens of every kind. */
import { DatabaseSync } from "node:sqlite"
import { AccessTokens, parseSiteId, type SiteId, User, UserId } from "@webflow-users/core"
import { Schema } from "effect"
import { open } from "../proxy.ts"

export const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
/** Named by no request: what its token opens is not here. */
const thirdSiteId = parseSiteId("9a04c1d86be3257f90e1d4b7") as SiteId
export const otherSiteId = parseSiteId("1f33a5b2d70c4e9688f1a2c3") as SiteId

/** Part of everything personal in the store. What answers an error may never contain it. */
export const personal = "Confidential"

// One of each that a request can send back; the same for all targets, so that bodies need not know whom they are for.
export const readOnly = {
  isEmailVerified: true,
  invitedOn: null,
  createdOn: "2024-01-02T03:04:05.000Z",
  lastLogin: "2024-05-01T00:00:00.000Z",
  status: "verified",
} as const
export const bought = { slug: "course", type: "ecommerce" } as const

const member = (id: string, email: string): User => ({
  id: UserId.make(id),
  ...readOnly,
  lastUpdated: "2024-05-20T13:46:12.093Z",
  accessGroups: [{ slug: "webflowers", type: "admin" }, bought],
  data: { name: `${personal} name`, email, "accept-privacy": true, "accept-communications": false, drink: "Tea" },
})

/** Who may be changed. */
export const targets = Array.from({ length: 16 }, (_, index) =>
  member(`6287ec36a841b25637c6${(0x3000 + index).toString(16)}`, `target-${index}@${personal.toLowerCase()}.example`),
)
/** Who may not. Their ids are so far from the others' that no few flipped bits lead from one to the other. */
export const bystanders = Array.from({ length: 12 }, (_, index) =>
  member(
    `0d19b8f15e704fc2a9384${(0x900 + index).toString(16)}`,
    `bystander-${index}@${personal.toLowerCase()}.example`,
  ),
)
/** On another site, and called as the targets are: who loses sight of the site changes these. */
const namesakes = targets.map((user) => member(user.id, `namesake-of-${user.data.email}`))

export type Tokens = Readonly<Record<"all" | "reading" | "writing" | "revoked" | "other", string>>

/** Fills a store, and gives the tokens that were issued for it. */
export const fill = async (file: string): Promise<Tokens> => {
  await using store = open(`file:${file}`)
  await store.add({ id: siteId, users: [...targets, ...bystanders] })
  await store.add({ id: otherSiteId, users: namesakes })
  const revoked = await store.token(siteId)
  await store.run(AccessTokens.AccessTokens.use((tokens) => tokens.revoke(revoked.split("_")[1] ?? "")))
  return {
    all: await store.token(siteId),
    reading: await store.token(siteId, ["users:read"]),
    writing: await store.token(siteId, ["users:write"]),
    other: await store.token(thirdSiteId),
    revoked,
  }
}

const decodeUser = Schema.decodeUnknownSync(Schema.fromJsonString(User))

/** Looks into the database beside the proxy. */
export const watch = (file: string) => {
  const database = new DatabaseSync(file, { readOnly: true })
  const ids = targets.map(({ id }) => `'${id}'`).join(", ")
  const isTarget = (user: string) => `(site_id = '${siteId}' AND ${user} IN (${ids}))`
  const unrelated = [
    `SELECT * FROM users WHERE NOT ${isTarget("id")} ORDER BY site_id, id`,
    // These columns are an index: the record grows with every update, and is looked through each time.
    `SELECT site_id, user_id, sequence FROM user_events WHERE NOT ${isTarget("user_id")} ORDER BY sequence`,
    `SELECT * FROM access_groups WHERE site_id <> '${siteId}' ORDER BY site_id, slug`,
    "SELECT * FROM access_tokens ORDER BY id",
    "SELECT * FROM sites ORDER BY id",
  ].map((sql) => database.prepare(sql))
  const events = database.prepare("SELECT count(*) AS count FROM user_events")
  const documents = database.prepare(`SELECT id, document FROM users WHERE ${isTarget("id")} ORDER BY id`)
  return {
    /** All that no request may change, to the byte. */
    unrelated: () => unrelated.map((statement) => JSON.stringify(statement.all())).join("\n"),
    /** How many updates were accepted. */
    events: () => Number(events.get()?.["count"]),
    /** The targets as they are, each checked to be a user still. */
    targets: () => documents.all().map(({ document }) => decodeUser(document)),
    integrity: () => database.prepare("PRAGMA integrity_check").all(),
    [Symbol.dispose]: () => database.close(),
  }
}
