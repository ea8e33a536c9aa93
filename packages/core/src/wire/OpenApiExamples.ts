/** What the OpenAPI document shows for examples; errors are their own. */
import type { HistoryEntry } from "../UserHistory.ts"
import { DateTime } from "effect"
import { accessGroup, type User } from "../User.ts"
import { UserId } from "../UserSchema.ts"
import { defaultLimit } from "./ListQuery.ts"
import type { UserUpdate } from "./UpdateUserBody.ts"

export const slugEra: UserUpdate = {
  data: { name: "Some One", "accept-privacy": false, "accept-communications": false },
  accessGroups: ["webflowers", "platinum", "free-tier"],
}

export const objectEra: UserUpdate = {
  data: { data: { name: "Some One", "accept-privacy": false, "accept-communications": false } },
  accessGroups: [{ slug: "webflowers", type: "admin" }],
}

export const exampleUser: User = {
  id: UserId.make("6287ec36a841b25637c663df"),
  isEmailVerified: true,
  lastUpdated: "2022-05-20T13:46:12.093Z",
  invitedOn: "2022-05-20T13:46:12.093Z",
  createdOn: "2022-05-20T13:46:12.093Z",
  lastLogin: "2022-05-20T13:46:12.093Z",
  status: "verified",
  accessGroups: [
    { slug: "webflowers", type: "admin" },
    { slug: "platinum", type: "ecommerce" },
  ],
  data: {
    name: "Some One",
    email: "some.one@example.com",
    "accept-privacy": false,
    "accept-communications": false,
    "favorite-drink": "Tea",
  },
}

export const exampleGroup = accessGroup(
  "webflowers",
  "62be58d404be8a6cc900c081",
  DateTime.makeUnsafe("2022-08-01T19:41:48.349Z"),
)

export const exampleHistory: HistoryEntry = {
  at: "2026-03-02T09:30:00.125Z",
  actor: "token:69a55d18c5a1b6e5a3c4d2f1",
  label: "The newsletter's form",
  address: "203.0.113.9",
  changes: [{ field: "favorite-drink", before: "Coffee", after: "Tea" }],
}

export const examplePage = { count: 1, limit: defaultLimit, offset: 0, total: 1 }
