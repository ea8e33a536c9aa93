/**
 * In place of Webflow's own SDK `webflow-api` 3.1, for code that updates users: change the import and the address.
 * `docs/webflow-api.md` says what is the same and what is not. Only users and access groups are here.
 *
 * @packageDocumentation
 */
import { platform } from "./platform.ts"
import type { RequestOptions as CallOptions } from "./webflow-api/CallOptions.ts"
import type { Options as ClientOptions } from "./webflow-api/Connection.ts"
import { PlatformClient } from "./webflow-api/PlatformClient.ts"

export * as Webflow from "./webflow-api/Webflow.ts"
export { WebflowEnvironment } from "./webflow-api/WebflowEnvironment.ts"
export { WebflowError, WebflowTimeoutError } from "./webflow-api/WebflowError.ts"

/**
 * Keep one, and use it for all calls: what the server allows its token, it keeps within for its own calls.
 *
 * @example
 * ```ts
 * import { WebflowClient } from "@webflow-users/sdk/webflow-api"
 *
 * const client = new WebflowClient({ accessToken: "<token>", environment: "https://users.example.com/v2" })
 * const user = await client.users.get("580e63e98c9a982ac9b8b741", "6287ec36a841b25637c663df")
 * ```
 */
export class WebflowClient extends PlatformClient {
  constructor(options: WebflowClient.Options) {
    super(options, platform)
  }
}

export declare namespace WebflowClient {
  /** Where to call, and as whom. */
  type Options = ClientOptions
  /** How one call is made. */
  type RequestOptions = CallOptions
}
