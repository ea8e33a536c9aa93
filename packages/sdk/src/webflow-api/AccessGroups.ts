/** `client.accessGroups` of `webflow-api` 3.1. */
import { readAccessGroups } from "./Answers.ts"
import type { RequestOptions as CallOptions } from "./CallOptions.ts"
import type { Call } from "./Connection.ts"
import { partOf } from "./PartOf.ts"
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
  async list(
    siteId: string,
    request: AccessGroupsListRequest = {},
    requestOptions?: AccessGroups.RequestOptions,
  ): Promise<AccessGroupList> {
    const part = partOf(request)
    const asked = this.#call("GET /sites/{site_id}/accessgroups", requestOptions, (client, options) =>
      client.accessGroups.list(siteId, { ...options, ...part }),
    )
    return readAccessGroups(await asked)
  }
}
