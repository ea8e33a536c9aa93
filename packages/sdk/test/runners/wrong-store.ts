/** A store that is wrong in one way, under the suite, by `node:test`: an e-mail address is found in the letters it is written in only. */
import { describe, it } from "node:test"
import { UserNotFound, UserStore } from "@webflow-users/core"
import * as Memory from "@webflow-users/core/UserStore/Memory"
import { UserStoreTest } from "@webflow-users/sdk/testing"
import { Effect, Layer } from "effect"

const wrong = Layer.effect(
  UserStore.UserStore,
  Effect.map(UserStore.UserStore, (store) => ({
    ...store,
    findByEmail: (siteId, email) =>
      Effect.filterOrFail(
        store.findByEmail(siteId, email),
        ({ data }) => data.email === email,
        () => new UserNotFound(),
      ),
  })),
).pipe(Layer.provideMerge(Memory.layer))

UserStoreTest.suite({ describe, it }, "a store that is wrong in one way", wrong)
