import { describe, it } from "@effect/vitest"
import { UserStoreSuite } from "@webflow-users/core/testing"
import * as Memory from "@webflow-users/core/UserStore/Memory"
import { Effect } from "effect"

describe("UserStore, Memory", () => {
  for (const { name, run } of UserStoreSuite.all) it.effect(name, () => run.pipe(Effect.provide(Memory.layer)))
})
