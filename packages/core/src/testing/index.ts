/** Suites that hold for every store and every runtime, for people who write one. */
export * as UpdateUserCases from "./UpdateUserCases.ts"
export * as UserStoreSuite from "./UserStoreSuite.ts"
