/** The decisions about updates that are settings, as their variables say. */
import { UpdatePolicy } from "@webflow-users/core"
import { UpstreamSettings } from "@webflow-users/stores"
import { Config, Effect } from "effect"

/** A decision as its variable says. */
const decision = <A extends string>({ variable, values, standard }: Decision<A>) =>
  Effect.gen(function* () {
    const said = yield* Effect.orDie(Config.String(variable).pipe(Config.withDefault(standard)))
    const value = values.find((one) => one === said)
    return value ?? (yield* unusable(variable, values))
  })

const unusable = (variable: string, values: ReadonlyArray<string>) =>
  new UpstreamSettings.UnusableSetting({ message: `${variable} has to be ${values.join(" or ")}` })

interface Decision<A extends string> {
  readonly variable: string
  readonly values: ReadonlyArray<A>
  readonly standard: A
}

/** Runs a command under them. */
export const withPolicy = Effect.provideServiceEffect(
  UpdatePolicy.Current,
  Effect.all({
    emailAndPassword: decision(UpdatePolicy.settings.emailAndPassword),
    ecommerceGroups: decision(UpdatePolicy.settings.ecommerceGroups),
  }),
)
