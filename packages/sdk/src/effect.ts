/**
 * Webflow's Update User as Effects, for programs that are: no runtime of its own, `effect` shared with yours.
 *
 * @packageDocumentation
 */
import type { Config, Layer } from "effect"
import { platform } from "./platform.ts"
import * as ServerLayer from "./ServerLayer.ts"

const { layer: overFetch, layerConfig: configured } = ServerLayer.make(platform)

/**
 * The client of a server that speaks the contract. Build it once: it keeps within what the server allows a token, over all calls.
 * Where an option cannot be, or there is none of its name, building it dies of what the promise client throws: a `TypeError` or
 * `RangeError` that names the option.
 */
export const layer: (options: ServerLayer.Options) => Layer.Layer<ServerLayer.Services> = overFetch

/**
 * The same by `Config`, with the variables of the command line: `WEBFLOW_USERS_STORE` is the server's address with the prefix,
 * such as `https://users.example.com/v2`, and `WEBFLOW_USERS_TOKEN` the token; `WEBFLOW_USERS_UPSTREAM_TIMEOUT`, `…_ATTEMPTS`,
 * `…_DEADLINE`, `…_MAX_RETRY_AFTER`, `…_RATE` and `…_WINDOW` say how patient to be. All but the first can be left out. Fails with
 * a `ConfigError` that names the variable. It is one client for all of a program that is under one `ConfigProvider`, and another
 * under another.
 */
export const layerConfig: Layer.Layer<ServerLayer.Services, Config.ConfigError> = configured

/** What a program may provide around a call to another server: `CallOptions`, `OnAnswer`, `Correlation`. */
export * as Upstream from "@webflow-users/core/UserStore/Upstream"
export type { Options, Services } from "./ServerLayer.ts"
export * from "./errors.ts"
export {
  layerMemory,
  type ListOptions,
  type MemoryServices,
  type Outcome,
  type Seed,
  WebflowUsers,
} from "./WebflowUsers.ts"
export {
  Actor,
  isUpdateUserError,
  UpdatePolicy,
  UpdateUser,
  type UpdateUserError,
  UserStore,
} from "@webflow-users/core"
export type {
  AccessGroup,
  AccessGroupPage,
  AccessGroupSort,
  CustomValue,
  Membership,
  OptionValue,
  SiteDeclaration,
  User,
  UserChange,
  UserData,
  UserPage,
  UserSort,
  UserUpdate,
} from "@webflow-users/core"
