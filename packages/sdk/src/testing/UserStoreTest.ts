/** The suite for whoever writes a store of their own: what every store has to do, as tests of any runner. */
import type { NewUsers, Sites, UserEvents, UserStore } from "@webflow-users/core"
import { UserStoreSuite } from "@webflow-users/core/testing"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"

/** What a store is tested through. */
export type Services = UserStore.UserStore | NewUsers | Sites | UserEvents

/** What the suite needs of a runner; `node:test`, vitest, jest and mocha all have it. */
export interface Runner {
  readonly describe: (name: string, body: () => void) => unknown
  readonly it: (name: string, body: () => Promise<void>) => unknown
}

/**
 * Registers the suite: one test for each thing that a store has to do. `layer` is built anew for each of them, and has to be an
 * empty store then. The clock is the test's: time passes when the suite says so.
 *
 * @example
 * ```typescript
 * import { describe, it } from "node:test"
 * import { UserStoreTest } from "@webflow-users/sdk/testing"
 * import * as Mine from "./Mine.ts"
 *
 * UserStoreTest.suite({ describe, it }, "my store", Mine.layer)
 * ```
 */
export const suite = <E>({ describe, it }: Runner, name: string, layer: Layer.Layer<Services, E>): void => {
  describe(name, () => {
    for (const check of UserStoreSuite.all) {
      const run = Effect.provide(check.run, Layer.provideMerge(layer, TestClock.layer()))
      it(check.name, () => Effect.runPromise(run))
    }
  })
}
