/** Who asks for an update, as the record of it says. */
import { Context } from "effect"
import type { UserEvent } from "./UserEvents.ts"

/** Who asks, as events record it. */
export type Actor = Pick<UserEvent, "actor" | "label" | "address">

/** Who is asking. A runtime provides it around each call. */
export const Actor = Context.Reference<Actor>("@webflow-users/core/UserEvents/Actor", {
  defaultValue: () => ({ actor: "local" }),
})
