/** The decisions about updates that are settings, as their variables say. */
import { UpdatePolicy } from "@webflow-users/core"
import { UpstreamSettings } from "@webflow-users/stores"
import { type Config, Effect } from "effect"

/** A decision as its variable says. */
const decision = <A>({ variable, values, config }: Decision<A>) =>
  Effect.mapError(
    config,
    () => new UpstreamSettings.UnusableSetting({ message: `${variable} has to be ${values.join(" or ")}` }),
  )

interface Decision<A> {
  readonly variable: string
  readonly values: ReadonlyArray<string>
  readonly config: Config.Config<A>
}

/** Runs a command under them. */
export const withPolicy = Effect.provideServiceEffect(
  UpdatePolicy.Current,
  Effect.all({
    emailAndPassword: decision(UpdatePolicy.settings.emailAndPassword),
    ecommerceGroups: decision(UpdatePolicy.settings.ecommerceGroups),
  }),
)
