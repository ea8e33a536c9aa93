/** `client.users` of `webflow-api` 3.1. */
import type { Call, RequestOptions as CallOptions } from "./Connection.ts"
import { readUser, readUsers } from "./Answers.ts"
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
  list(siteId: string, request: UsersListRequest = {}, requestOptions?: Users.RequestOptions): Promise<UserList> {
    const { offset, limit, sort } = request
    return this.#call("GET /sites/{site_id}/users", requestOptions, async (client, options, nesting) => {
      const page = await client.users.list(siteId, {
        ...options,
        ...(offset != null && { offset }),
        ...(limit != null && { limit }),
        ...(sort != null && { sort }),
      })
      return readUsers(page, nesting())
    })
  }

  /** One user. Scope `users:read`. */
  get(siteId: string, userId: string, requestOptions?: Users.RequestOptions): Promise<User> {
    return this.#call("GET /sites/{site_id}/users/{user_id}", requestOptions, async (client, options, nesting) =>
      readUser(await client.users.get(siteId, userId, options), nesting()),
    )
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
  update(
    siteId: string,
    userId: string,
    request: UsersUpdateRequest = {},
    requestOptions?: Users.RequestOptions,
  ): Promise<User> {
    // As it was written: it may hold more than its type knows, and checking it is the operation's.
    const body: object = request
    return this.#call("PATCH /sites/{site_id}/users/{user_id}", requestOptions, async (client, options, nesting) =>
      readUser(await client.users.update(siteId, userId, body, options), nesting()),
    )
  }
}
