/** `client.accessGroups` of `webflow-api` 3.1. */
import type { Call, RequestOptions as CallOptions } from "./Connection.ts"
import { readAccessGroups } from "./Answers.ts"
import type { AccessGroupList, AccessGroupsListRequest } from "./Webflow.ts"

export declare namespace AccessGroups {
  /** How one call is made. */
  type RequestOptions = CallOptions
}

/** A site's access groups. */
export class AccessGroups {
  readonly #call: Call

  /** @internal `WebflowClient` makes it. */
  constructor(call: Call) {
    this.#call = call
  }

  /** A part of a site's access groups: 10 of them unless `limit` says otherwise, which goes up to 100. Scope `users:read`. */
  list(
    siteId: string,
    request: AccessGroupsListRequest = {},
    requestOptions?: AccessGroups.RequestOptions,
  ): Promise<AccessGroupList> {
    const { offset, limit, sort } = request
    return this.#call("GET /sites/{site_id}/accessgroups", requestOptions, async (client, options) => {
      const page = await client.accessGroups.list(siteId, {
        ...options,
        ...(offset != null && { offset }),
        ...(limit != null && { limit }),
        ...(sort != null && { sort }),
      })
      return readAccessGroups(page)
    })
  }
}
