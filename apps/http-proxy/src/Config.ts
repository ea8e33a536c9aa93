/** Everything that can be set, each with its variable, its flag and its default. */
import { UpdatePolicy } from "@webflow-users/core"
import { UserJson } from "@webflow-users/core/wire"
import { StoreAddress } from "@webflow-users/stores"
import { Config, Option } from "effect"
import { Flag } from "effect/cli"

const { emailAndPassword, ecommerceGroups } = UpdatePolicy.settings

export const flags = {
  store: Flag.String("store").pipe(
    Flag.withDescription(
      `Where the users are: file: and the path of a SQLite file. WEBFLOW_USERS_STORE, default ${StoreAddress.standard}`,
    ),
    Flag.withFallbackConfig(Config.String("WEBFLOW_USERS_STORE")),
    Flag.withDefault(StoreAddress.standard),
  ),
  host: Flag.String("host").pipe(
    Flag.withDescription("The address to listen on. HOST, default 127.0.0.1"),
    Flag.withFallbackConfig(Config.String("HOST")),
    Flag.withDefault("127.0.0.1"),
    // To node:net an empty address is every address of the machine, which nobody means by saying nothing.
    Flag.filter(
      (host) => host.trim() !== "",
      () => "an address, such as 127.0.0.1, or 0.0.0.0 for all of them (--host or HOST)",
    ),
  ),
  // Read as text, so that a number that is none is explained alike from the flag and from the variable.
  port: Flag.String("port").pipe(
    Flag.withMetavar("integer"),
    Flag.withDescription("The port to listen on, 0 for any that is free. PORT, default 8787"),
    Flag.withFallbackConfig(Config.String("PORT")),
    Flag.withDefault("8787"),
    Flag.filterMap(
      (text) => (/^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Option.some(Number(text)) : Option.none()),
      () => "a whole number from 0 to 65535 (--port or PORT)",
    ),
  ),
  dataNesting: Flag.Literals("data-nesting", UserJson.dataNestings).pipe(
    Flag.withDescription(
      "How responses carry data: flat, as recorded from Webflow, or as data.data, as documented. " +
        "WEBFLOW_USERS_DATA_NESTING, default flat",
    ),
    Flag.withFallbackConfig(Config.Literals(UserJson.dataNestings, "WEBFLOW_USERS_DATA_NESTING")),
    Flag.withDefault(UserJson.dataNestings[0]),
  ),
  emailAndPassword: Flag.Literals("email-and-password", emailAndPassword.values).pipe(
    Flag.withDescription(`${emailAndPassword.description}. ${emailAndPassword.variable}, default refuse`),
    Flag.withFallbackConfig(emailAndPassword.config),
  ),
  ecommerceGroups: Flag.Literals("ecommerce-groups", ecommerceGroups.values).pipe(
    Flag.withDescription(`${ecommerceGroups.description}. ${ecommerceGroups.variable}, default keep`),
    Flag.withFallbackConfig(ecommerceGroups.config),
  ),
  faults: Flag.Boolean("faults").pipe(
    Flag.withDescription(
      "Let callers ask for errors, resets and delays, to test their own code. WEBFLOW_USERS_FAULTS, default false",
    ),
    // The variable is read as text, so that what is neither is explained in our words.
    Flag.withFallbackConfig(Config.String("WEBFLOW_USERS_FAULTS")),
    Flag.withDefault(false),
    Flag.filterMap(
      (given) => {
        if (/^(true|yes|on|1)$/i.test(String(given))) return Option.some(true)
        return /^(false|no|off|0)$/i.test(String(given)) ? Option.some(false) : Option.none()
      },
      () => "true or false (--faults or WEBFLOW_USERS_FAULTS)",
    ),
  ),
}
