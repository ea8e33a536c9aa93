/** How requests are read and answers written: as v2 and beta do it, or as v1 did. */
import type { AccessGroupPage, UpdateUserError, User, UserPage } from "@webflow-users/core"
import { Envelope, Routes, UserJson, V1 } from "@webflow-users/core/wire"
import { Context } from "effect"

export interface Wire {
  readonly user: (user: User) => unknown
  readonly userPage: (page: UserPage) => unknown
  readonly accessGroupPage: (page: AccessGroupPage) => unknown
  readonly error: (error: UpdateUserError) => Envelope.ErrorResponse<unknown>
  /** The body of an update, brought to the one form that the operation reads. */
  readonly body: (json: unknown) => unknown
}

/** How v2 and beta nest `data` in their answers; the proxy provides what its settings say. */
export const DataNesting = Context.Reference<UserJson.DataNesting>("@webflow-users/server/DataNesting", {
  defaultValue: () => "flat",
})

const nested = (nesting: UserJson.DataNesting): Wire => ({
  user: (user) => UserJson.encodeUser(user, nesting),
  userPage: ({ users, ...page }) => ({ users: users.map((user) => UserJson.encodeUser(user, nesting)), ...page }),
  accessGroupPage: (page) => page,
  error: Envelope.encodeError,
  body: (json) => json,
})

const v2s: Record<UserJson.DataNesting, Wire> = { flat: nested("flat"), documented: nested("documented") }

/** v2, as it is where nobody asked otherwise. */
export const { flat: v2 } = v2s

/** v1 tells in an error which path was asked for. */
const v1 = (path: string): Wire => ({
  user: V1.encodeUser,
  userPage: V1.encodeUserPage,
  accessGroupPage: V1.encodeAccessGroupPage,
  error: (error) => V1.encodeError(error, path),
  body: V1.normalizeBody,
})

/**
 * The one a request asks for. `/v2` and `/beta` say which it is; without a prefix the header does, and without the header
 * it is v2, since SDK 2.x calls so.
 */
export const of = (path: string, acceptVersion: string | undefined, nesting: UserJson.DataNesting = "flat"): Wire =>
  V1.isV1(acceptVersion) && Routes.prefixOf(path) === "" ? v1(path) : v2s[nesting]
