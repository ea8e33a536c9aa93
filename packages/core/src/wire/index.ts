/** The HTTP contract as values, shared by whoever serves it and whoever calls it. */
export * as Envelope from "./Envelope.ts"
export * as JsonBody from "./JsonBody.ts"
export * as ListQuery from "./ListQuery.ts"
export * as RateLimitHeaders from "./RateLimitHeaders.ts"
export * as Routes from "./Routes.ts"
export * as UpdateUserBody from "./UpdateUserBody.ts"
export * as UserJson from "./UserJson.ts"
export * as V1 from "./V1.ts"
