/** What every entry of the promise client exports beside `createClient`, which differs in how requests are sent. */
export type { Call, ListCall, WithResponse } from "./calls.ts"
export type { Client, CreateClient, RemoteClient, StoreClient } from "./client.ts"
export type { FieldsOf, OpenFields, UserChange, UserOf, UserPage, UserUpdate, UserWith } from "./fields.ts"
export { FieldsMismatch } from "./fieldsSchema.ts"
export * from "./guards.ts"
export { StoreNotSupported } from "./local.ts"
export type {
  FieldsOption,
  HeardResponse,
  ListOptions,
  RateLimitOptions,
  RemoteOptions,
  RequestOptions,
  RetryOptions,
  SentRequest,
  StoreOptions,
} from "./options.ts"
export type { CallResponse } from "./response.ts"
export { ClientClosed } from "./runtime.ts"
export type { Changes, UpdateMany, UpdateManyOptions, UpdateManyOutcome, UpdateManyReport } from "./updateMany.ts"
export * from "./errors.ts"
export type {
  AccessGroup,
  AccessGroupPage,
  AccessGroupSort,
  CustomValue,
  Membership,
  OptionValue,
  User,
  UserData,
  UserSort,
} from "@webflow-users/core"
export type { DeclareSite, SiteDeclaration, UpdatePolicy } from "@webflow-users/core"
