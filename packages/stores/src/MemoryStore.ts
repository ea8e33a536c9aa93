/** The store that is gone with its process. */
import { RateLimits } from "@webflow-users/core"
import * as MemoryTokens from "@webflow-users/core/AccessTokenStore/Memory"
import * as MemoryUsers from "@webflow-users/core/UserStore/Memory"
import { Layer } from "effect"
import type { OwnedServices } from "./StoreAddress.ts"

/** Users, tokens, and rates for the one server that serves them, which then sees every request. */
export const inMemory: Layer.Layer<OwnedServices> = Layer.mergeAll(
  MemoryUsers.layer,
  MemoryTokens.layer,
  RateLimits.RateLimits.layerMemory,
)
