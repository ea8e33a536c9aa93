/** Everything that can be set, each with its variable, its flag and its default. */
import { Config, Schema } from "effect"
import { Flag } from "effect/cli"

const Port = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 65_535 }))

export const flags = {
  store: Flag.String("store").pipe(
    Flag.withDescription(
      "Where the users are: file:./users.db, or memory: for a trial. WEBFLOW_USERS_STORE, default file:./webflow-users.db",
    ),
    Flag.withFallbackConfig(Config.String("WEBFLOW_USERS_STORE")),
    Flag.withDefault("file:./webflow-users.db"),
  ),
  host: Flag.String("host").pipe(
    Flag.withDescription("The address to listen on. HOST, default 127.0.0.1"),
    Flag.withFallbackConfig(Config.String("HOST")),
    Flag.withDefault("127.0.0.1"),
  ),
  port: Flag.Int("port").pipe(
    Flag.withDescription("The port to listen on, 0 for any that is free. PORT, default 8787"),
    Flag.withFallbackConfig(Config.Int("PORT")),
    Flag.withDefault(8787),
    Flag.withSchema(Port),
  ),
}
