/** How ours make many updates over HTTP, 50 at a time unless their names say otherwise. Taken as they are built. */
import { atOnce, limited, main, patch, siteId, token, userAt } from "./updates-meter.mjs"

/**
 * A window of 0 is the usual one of a minute: the server has no limit.
 *
 * @param {import("./updates-meter.mjs").Job} job
 * @param {{ readonly fetch?: typeof fetch }} options
 */
const clientOf = async ({ origin, window }, options = {}) => {
  const { createClient } = await import("@webflow-users/sdk")
  const client = createClient({
    baseUrl: `${origin}/v2`,
    token,
    ...(window > 0 && { rateLimit: { window } }),
    ...options,
  })
  // Once with nothing to do, so that no time goes into loading modules.
  await client.users.updateMany(siteId, [])
  return client
}

/** @param {number} count */
function* changes(count) {
  for (let index = 0; index < count; index += 1) yield { id: userAt(index), ...patch }
}

/** @type {import("./updates-meter.mjs").Contenders} */
const contenders = {
  "@webflow-users/sdk": async (job) => {
    const { users } = await clientOf(job)
    return (count) => limited(count, (user) => users.update(siteId, user, patch))
  },

  "@webflow-users/sdk by fetch": async (job) => {
    const { users } = await clientOf(job, { fetch })
    return (count) => limited(count, (user) => users.update(siteId, user, patch))
  },

  /** Whoever calls it does not pace. */
  "@webflow-users/sdk, all at once": async (job) => {
    const { users } = await clientOf(job)
    return async (count) => {
      const calls = Array.from({ length: count }, (_, index) => users.update(siteId, userAt(index), patch))
      return (await Promise.allSettled(calls)).filter(({ status }) => status === "rejected").length
    }
  },

  "@webflow-users/sdk, updateMany": async (job) => {
    const { users } = await clientOf(job)
    return async (count) => (await users.updateMany(siteId, changes(count), { concurrency: atOnce })).failed
  },

  /** What the command line and the Effect client are made of. */
  "UpdateUsers over undici": async ({ origin, window }) => {
    const { Layer, ManagedRuntime, Redacted, Stream } = await import("effect")
    const { UpdateUser, UpdateUsers } = await import("@webflow-users/core")
    const { StoreAddress } = await import("@webflow-users/stores")
    const options = { token: Redacted.make(token), ...(window > 0 && { rateLimit: { window } }) }
    const store = StoreAddress.layer(`${origin}/v2`, options)
    const runtime = ManagedRuntime.make(Layer.provideMerge(UpdateUser.layer, store))
    await runtime.context()
    return (count) => {
      const updates = Stream.fromIterable(changes(count), { chunkSize: atOnce }).pipe(
        Stream.map(({ id, ...change }) => ({ user: id, patch: change })),
      )
      return UpdateUsers.updateUsers(siteId, updates, { concurrency: atOnce }).pipe(
        Stream.runFold(
          () => 0,
          (failed, { _tag }) => (_tag === "Failed" ? failed + 1 : failed),
        ),
        runtime.runPromise,
      )
    }
  },
}
await main(contenders)
