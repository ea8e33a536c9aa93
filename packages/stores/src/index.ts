/** Which store an address means. */
export * as Sqlite from "./Sqlite.ts"
export * as StoreAddress from "./StoreAddress.ts"
export * as UpstreamSettings from "./UpstreamSettings.ts"
export * as WebhookTargets from "./WebhookTargets.ts"
