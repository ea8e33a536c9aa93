/** Which store an address means. */
export * as Sqlite from "./Sqlite.ts"
export * as StoreAddress from "./StoreAddress.ts"
