/** Everything that can be set, each with its variable, its flag and its default. */
import { UpdatePolicy } from "@webflow-users/core"
import { UserJson } from "@webflow-users/core/wire"
import { Addresses, Cors, FailedAuthentications, Server, ways } from "@webflow-users/server"
import { StoreAddress, UpstreamSettings } from "@webflow-users/stores"
import { Config, Duration, Option } from "effect"
import { Flag } from "effect/cli"
import * as Log from "./Log.ts"
import { atMost, host, oneOf, port, setting, switchOf } from "./Setting.ts"

const { emailAndPassword, ecommerceGroups } = UpdatePolicy.settings

const { settings } = UpstreamSettings

/**
 * How patient to be with another server. Callers of HTTP wait for a minute, as a rule, and are to be told before they go:
 * hence a default of its own.
 */
const upstream = <A>(of: UpstreamSettings.Setting<A>, name: string, otherwise?: A) =>
  setting({ ...of, description: `Another server: ${of.description}` }, name, otherwise)

const decision = <const Values extends ReadonlyArray<string>>(
  of: {
    readonly variable: string
    readonly values: Values
    readonly standard: NoInfer<Values[number]>
    readonly description: string
  },
  name: string,
) => oneOf(name, of.variable, of.values, of.standard, of.description)

const mostRetries = 100

export const flags = {
  store: Flag.String("store").pipe(
    Flag.withDescription(
      "Where the users are: file: and the path of a SQLite file, postgres: and a database, as in postgres://user@host/database, " +
        "or the https: address of another server. " +
        `WEBFLOW_USERS_STORE, default ${StoreAddress.standard}`,
    ),
    Flag.withFallbackConfig(Config.String("WEBFLOW_USERS_STORE")),
    Flag.withDefault(StoreAddress.standard),
  ),
  host: host("host", "HOST", "The address to listen on. HOST, default 127.0.0.1"),
  port: port("port", "PORT", "The port to listen on, 0 for any that is free. PORT, default 8787").pipe(
    Flag.withDefault(8787),
  ),
  maxConnections: atMost(
    "max-connections",
    "WEBFLOW_USERS_MAX_CONNECTIONS",
    "connections at once",
    Server.standardLimits.connections,
  ),
  maxRequests: atMost(
    "max-requests",
    "WEBFLOW_USERS_MAX_REQUESTS",
    "requests answered at once; one more gets 503 and Retry-After",
    Server.standardLimits.requests,
  ),
  trustedProxies: Flag.String("trusted-proxies").pipe(
    Flag.withMetavar("addresses"),
    Flag.withDescription(
      "The proxies in front whose X-Forwarded-For is believed, addresses and networks with commas between them. " +
        "WEBFLOW_USERS_TRUSTED_PROXIES, default none",
    ),
    Flag.withFallbackConfig(Config.String("WEBFLOW_USERS_TRUSTED_PROXIES")),
    Flag.withDefault(""),
    Flag.filterMap(
      Addresses.parse,
      () =>
        "addresses or networks, such as 127.0.0.1, 10.0.0.0/8 or fd00::/8 (--trusted-proxies or WEBFLOW_USERS_TRUSTED_PROXIES)",
    ),
  ),
  auth: oneOf(
    "auth",
    "WEBFLOW_USERS_AUTH",
    ways,
    "tokens",
    "In front of another server, whose tokens callers hold: ours, while this proxy holds that server's in " +
      "WEBFLOW_USERS_TOKEN, or that server's own, which are passed on",
  ),
  tokenStore: Flag.String("token-store").pipe(
    Flag.withDescription(
      "Where callers' tokens are kept: a store of one's own is its own token store unless said otherwise. " +
        `WEBFLOW_USERS_TOKEN_STORE, default ${StoreAddress.standard}`,
    ),
    Flag.withFallbackConfig(Config.String("WEBFLOW_USERS_TOKEN_STORE")),
    Flag.optional,
  ),
  failedAuthentications: Flag.String("failed-authentications").pipe(
    Flag.withMetavar("number"),
    Flag.withDescription(
      "How many authentications from one address may fail in a minute before the rest of them is answered 429, or off. " +
        `WEBFLOW_USERS_FAILED_AUTHENTICATIONS, default ${FailedAuthentications.standard}`,
    ),
    Flag.withFallbackConfig(Config.String("WEBFLOW_USERS_FAILED_AUTHENTICATIONS")),
    Flag.withDefault(String(FailedAuthentications.standard)),
    Flag.filterMap(
      (text): Option.Option<number | "off"> => {
        if (text === "off") return Option.some("off")
        const number = /^\d{1,6}$/.test(text) ? Number(text) : 0
        return number >= 1 && number <= 100_000 ? Option.some(number) : Option.none()
      },
      () =>
        "a whole number from 1 to 100000, or off (--failed-authentications or WEBFLOW_USERS_FAILED_AUTHENTICATIONS)",
    ),
  ),
  upstream: {
    timeout: upstream(settings.timeout, "upstream-timeout"),
    attempts: upstream(settings.attempts, "upstream-attempts"),
    deadline: upstream({ ...settings.deadline, standard: "50 seconds" }, "upstream-deadline", Duration.seconds(50)),
    maxRetryAfter: upstream(settings.maxRetryAfter, "upstream-max-retry-after"),
    rate: upstream(settings.rate, "upstream-rate"),
    window: upstream(settings.window, "upstream-window"),
  },
  dataNesting: oneOf(
    "data-nesting",
    "WEBFLOW_USERS_DATA_NESTING",
    UserJson.dataNestings,
    "flat",
    "How responses carry data: flat, as recorded from Webflow, or as data.data, as documented",
  ),
  emailAndPassword: decision(emailAndPassword, "email-and-password"),
  ecommerceGroups: decision(ecommerceGroups, "ecommerce-groups"),
  faults: switchOf(
    "faults",
    "WEBFLOW_USERS_FAULTS",
    false,
    "Let callers ask for errors, resets and delays, to test their own code",
  ),
  corsOrigins: Flag.String("cors-origin").pipe(
    Flag.withMetavar("origin"),
    Flag.withDescription(
      "An origin whose pages may call from the browser, such as https://www.example.com; several times for several, or " +
        "with commas in the variable; * for any. WEBFLOW_USERS_CORS_ORIGINS, default none",
    ),
    Flag.atLeast(1),
    Flag.withFallbackConfig(Config.map(Config.String("WEBFLOW_USERS_CORS_ORIGINS"), (text) => text.split(","))),
    Flag.withDefault([]),
    Flag.filterMap(Cors.parse, Cors.explain),
  ),
  log: {
    format: oneOf(
      "log-format",
      "WEBFLOW_USERS_LOG_FORMAT",
      Log.formats,
      "json",
      "How lines of the log are written, on standard error: as JSON or as key=value",
    ),
    level: oneOf(
      "log-level",
      "WEBFLOW_USERS_LOG_LEVEL",
      Log.levels,
      "info",
      "The least that is logged; answered requests are info, what goes wrong is warn or error",
    ),
    ids: switchOf(
      "log-ids",
      "WEBFLOW_USERS_LOG_IDS",
      false,
      "Let lines about requests say whose they were: ids of site and user, and the caller's address",
    ),
  },
  metrics: {
    port: port(
      "metrics-port",
      "WEBFLOW_USERS_METRICS_PORT",
      "Serve /metrics for Prometheus, on a port of its own, 0 for any that is free. WEBFLOW_USERS_METRICS_PORT, default none",
    ).pipe(Flag.optional, Flag.map(Option.getOrUndefined)),
    host: host(
      "metrics-host",
      "WEBFLOW_USERS_METRICS_HOST",
      "The address that /metrics is served on. WEBFLOW_USERS_METRICS_HOST, default 127.0.0.1",
    ),
  },
  webhooks: {
    isOn: switchOf(
      "webhooks",
      "WEBFLOW_USERS_WEBHOOKS",
      true,
      "Deliver the webhooks of the store; several proxies on one store share the work",
    ),
    allowPrivate: switchOf(
      "allow-private-webhooks",
      "WEBFLOW_USERS_ALLOW_PRIVATE_WEBHOOKS",
      false,
      "Let webhooks go to addresses that are not public: this machine's, a private network's",
    ),
    retries: setting(
      {
        variable: "WEBFLOW_USERS_WEBHOOK_RETRIES",
        description: "How often a delivery that fails is tried again before it is parked",
        standard: "3",
        expected: `a whole number from 0 to ${mostRetries}`,
        parse: (text) =>
          /^\d{1,3}$/.test(text) && Number(text) <= mostRetries ? Option.some(Number(text)) : Option.none(),
      },
      "webhook-retries",
    ),
    retryInterval: setting(
      UpstreamSettings.duration(
        "WEBFLOW_USERS_WEBHOOK_RETRY_INTERVAL",
        "10 minutes",
        "How long to wait before a delivery that failed is tried again",
      ),
      "webhook-retry-interval",
    ),
    pollInterval: setting(
      UpstreamSettings.duration(
        "WEBFLOW_USERS_WEBHOOK_POLL_INTERVAL",
        "1 second",
        "How often to look for updates that webhooks have to be told of",
      ),
      "webhook-poll-interval",
    ),
  },
}

/** The token for another server. No flag for it: everybody on the machine can read what a process was started with. */
export const upstreamToken = Config.option(Config.Redacted("WEBFLOW_USERS_TOKEN"))
