/**
 * THE operation: one update of one user of one site.
 */
import { Context, DateTime, Effect, Exit, type Fiber, Layer } from "effect"
import * as Traced from "./Traced.ts"
import * as UpdateGrant from "./UpdateGrant.ts"
import * as UpdatePolicy from "./UpdatePolicy.ts"
import type { InvalidId, UpdateUserError } from "./UpdateUserError.ts"
import type { SiteId, User, UserId } from "./User.ts"
import * as UserPatch from "./UserPatch.ts"
import { acceptSiteId, acceptUserId, UserStore } from "./UserStore.ts"

/** What a caller asks for, as it came in: checking it is the operation's. */
export interface UpdateUserRequest {
  readonly siteId: string
  readonly userId: string
  /** A `UserPatch`, or the JSON body of a request of either era. */
  readonly patch: unknown
}

/**
 * Updates a user and gives the user back as it is now.
 *
 * The service's value is the function; the store it works on is fixed when the layer is built.
 */
export class UpdateUser extends Context.Service<
  UpdateUser,
  (request: UpdateUserRequest) => Effect.Effect<User, UpdateUserError>
>()("@webflow-users/core/UpdateUser") {}

/** The operation on the store that there is. */
export const make: Effect.Effect<UpdateUser["Service"], never, UserStore> = Effect.map(
  UserStore,
  (store): UpdateUser["Service"] =>
    (request) =>
      Traced.withFiber("UpdateUser", (fiber) =>
        Effect.flatMapEager(accepted(request, fiber), ({ siteId, userId, patch }) =>
          store.update(siteId, userId, patch),
        ),
      ),
)

/** The operation, on the store of the layer below. */
export const layer: Layer.Layer<UpdateUser, never, UserStore> = /* @__PURE__ */ Layer.effect(UpdateUser, make)

/** What the update would do: the user as it is and as it would be. Changes nothing. */
export const dryRun = Effect.fn("UpdateUser.dryRun")(function* (request: UpdateUserRequest) {
  const { siteId, userId, patch } = yield* Effect.withFiber((fiber) => accepted(request, fiber))
  const store = yield* UserStore
  const before = yield* store.get(siteId, userId)
  const policy = yield* UpdatePolicy.Current
  const rules = { policy, declaration: yield* store.declaration(siteId), grant: yield* UpdateGrant.Current }
  const after = yield* Effect.fromResult(UserPatch.apply(before, patch, yield* DateTime.now, rules))
  return { before, after }
})

interface Accepted {
  readonly siteId: SiteId
  readonly userId: UserId
  readonly patch: UserPatch.UserPatch
}

/** The ids checked and the patch decoded; what stands against the patch is told together with the rest. */
const accepted = (
  { siteId, userId, patch }: UpdateUserRequest,
  fiber: Fiber.Fiber<unknown, unknown>,
): Exit.Exit<Accepted, InvalidId> => {
  const site = acceptSiteId(siteId)
  if (Exit.isFailure(site)) return Exit.failCause(site.cause)
  const user = acceptUserId(userId)
  if (Exit.isFailure(user)) return Exit.failCause(user.cause)
  const policy = fiber.getRef(UpdatePolicy.Current)
  return Exit.succeed({ siteId: site.value, userId: user.value, patch: UserPatch.UserPatch.from(patch, policy) })
}
