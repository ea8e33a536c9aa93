/** `client.users` of `webflow-api` 3.1. */
import { readUser, readUsers } from "./Answers.ts"
import type { RequestOptions as CallOptions } from "./CallOptions.ts"
import type { Call } from "./Connection.ts"
import { partOf } from "./PartOf.ts"
import { updateBody } from "./UpdateBody.ts"
import type { User, UserList, UsersListRequest, UsersUpdateRequest } from "./Webflow.ts"

export declare namespace Users {
  /** How one call is made. */
  type RequestOptions = CallOptions
}

/** A site's users: read and updated. Each call rejects with a `WebflowError`, of the class of its status. */
export class Users {
  readonly #call: Call

  /** @internal `WebflowClient` makes it. */
  constructor(call: Call) {
    this.#call = call
  }

  /** A part of a site's users: 10 of them unless `limit` says otherwise, which goes up to 100. Scope `users:read`. */
  async list(siteId: string, request: UsersListRequest = {}, requestOptions?: Users.RequestOptions): Promise<UserList> {
    const part = partOf(request)
    const asked = this.#call("GET /sites/{site_id}/users", requestOptions, (client, options) =>
      client.users.list(siteId, { ...options, ...part }),
    )
    return readUsers(await asked)
  }

  /** One user. Scope `users:read`. */
  async get(siteId: string, userId: string, requestOptions?: Users.RequestOptions): Promise<User> {
    const asked = this.#call("GET /sites/{site_id}/users/{user_id}", requestOptions, (client, options) =>
      client.users.get(siteId, userId, options),
    )
    return readUser(await asked)
  }

  /**
   * Updates a user and gives the user as it is now. What the request does not name stays; email and password cannot be updated.
   * Scope `users:write`.
   *
   * @example
   * ```ts
   * await client.users.update("580e63e98c9a982ac9b8b741", "6287ec36a841b25637c663df", {
   *   data: { name: "Some One", acceptPrivacy: false, acceptCommunications: false },
   *   accessGroups: ["webflowers", "platinum", "free-tier"],
   * })
   * ```
   */
  async update(
    siteId: string,
    userId: string,
    request: UsersUpdateRequest = {},
    requestOptions?: Users.RequestOptions,
  ): Promise<User> {
    const body = updateBody(request)
    const asked = this.#call("PATCH /sites/{site_id}/users/{user_id}", requestOptions, (client, options) =>
      client.users.update(siteId, userId, body, options),
    )
    return readUser(await asked)
  }
}
