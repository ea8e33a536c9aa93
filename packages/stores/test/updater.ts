/** A thread that updates one user again and again, one field at a time: for Sqlite.test.ts. */
import { workerData } from "node:worker_threads"
import { UpdateUser } from "@webflow-users/core"
import { StoreAddress } from "@webflow-users/stores"
import { Effect, Layer } from "effect"

const { address, fields, ...of } = workerData as {
  readonly address: string
  readonly siteId: string
  readonly userId: string
  readonly fields: ReadonlyArray<string>
}

await Effect.forEach(fields, (field) =>
  UpdateUser.UpdateUser.use((updateUser) => updateUser({ ...of, patch: { data: { [field]: 1 } } })),
).pipe(Effect.provide(UpdateUser.layer.pipe(Layer.provide(StoreAddress.layerOwned(address)))), Effect.runPromise)
