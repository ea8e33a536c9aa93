/** Tokens for as long as the process lives. */
import { Effect, Layer } from "effect"
import { AccessTokenStore, type StoredToken } from "../AccessTokenStore.ts"

/** No tokens, until they are issued. */
export const layer: Layer.Layer<AccessTokenStore> = Layer.sync(AccessTokenStore, () => {
  const tokens = new Map<string, StoredToken>()
  return {
    add: (token) => Effect.sync(() => void tokens.set(token.id, token)),
    find: (id) => Effect.sync(() => tokens.get(id)),
    list: Effect.sync(() => [...tokens.values()]),
    replaceHash: (id, hash, previousUntil) =>
      Effect.sync(() => {
        const known = tokens.get(id)
        if (known === undefined) return undefined
        const { previousHash: _, previousUntil: _until, ...rest } = known
        const previous = previousUntil === undefined ? {} : { previousHash: known.hash, previousUntil }
        const token = { ...rest, hash, ...previous }
        tokens.set(id, token)
        return token
      }),
    remove: (id) => Effect.sync(() => tokens.delete(id)),
  }
})
