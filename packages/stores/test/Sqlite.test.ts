import { describe, it } from "@effect/vitest"
import { UserStoreSuite } from "@webflow-users/core/testing"
import { StoreAddress } from "@webflow-users/stores"
import { Effect } from "effect"

describe("UserStore, Sql on SQLite", () => {
  for (const { name, run } of UserStoreSuite.all) {
    it.effect(name, () => run.pipe(Effect.provide(StoreAddress.layerOwned("file::memory:"))))
  }
})
