/**
 * What happened to a user, for who asks: who changed what, when, and from where. Webflow had no such list; it is ours.
 */
import { Effect, Schema } from "effect"
import { differences } from "./Differences.ts"
import { PageFields } from "./UserSchema.ts"
import { type UserEvent, UserEvents } from "./UserEvents.ts"
import { acceptSiteId, acceptUserId, type PageRequest, UserStore } from "./UserStore.ts"
import { checkListQuery } from "./wire/ListQuery.ts"

export { differences }

/** One field, or the groups, of a user before and after. */
export const Difference = Schema.Struct({
  field: Schema.String.annotate({ description: "A field's key, or accessGroups" }),
  before: Schema.Json.annotate({ description: "null where there was none; of accessGroups, the slugs" }),
  after: Schema.Json.annotate({ description: "null where there is none any more" }),
})
export type Difference = typeof Difference.Type

/** One accepted update. */
export const HistoryEntry = Schema.Struct({
  at: Schema.String.annotate({ format: "date-time", description: "When it was accepted" }),
  actor: Schema.String.annotate({ description: "Who asked: token:<id> through a proxy, otherwise a program's name" }),
  label: Schema.NullOr(Schema.String).annotate({ description: "What the token is called" }),
  address: Schema.NullOr(Schema.String).annotate({ description: "The network address it was asked from" }),
  changes: Schema.Array(Difference).annotate({ description: "Empty where the user was only touched" }),
}).annotate({ component: "HistoryEntry" })
export type HistoryEntry = typeof HistoryEntry.Type

/** A part of a user's history, the latest first. */
export const HistoryPage = Schema.Struct({ history: Schema.Array(HistoryEntry), ...PageFields }).annotate({
  component: "HistoryPage",
})
export type HistoryPage = typeof HistoryPage.Type

/** A part of what happened to a user, the latest first. */
export const userHistory = Effect.fn("UserHistory.userHistory")(function* (
  siteId: string,
  userId: string,
  page: PageRequest,
) {
  const record = yield* UserEvents
  const site = yield* acceptSiteId(siteId)
  const user = yield* acceptUserId(userId)
  const { offset, limit } = yield* Effect.fromResult(checkListQuery(page, []))
  const { events, total } = yield* record.latest(site, user, { offset, limit })
  // Who has a record is there; of who has none it is not known yet.
  if (total === 0) yield* (yield* UserStore).get(site, user)
  return { history: events.map(toEntry), count: events.length, limit, offset, total } satisfies HistoryPage
})

const toEntry = ({ at, actor, label, address, before, after }: UserEvent): HistoryEntry => ({
  at,
  actor,
  label: label ?? null,
  address: address ?? null,
  changes: differences(before, after),
})
