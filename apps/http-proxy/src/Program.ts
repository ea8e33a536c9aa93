/** The proxy, assembled: the store, the tokens and the socket, until it is told to stop. */
import type { AddressInfo } from "node:net"
import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { UpdatePolicy, UpdateUser } from "@webflow-users/core"
import { Addresses, Cors, Faults, Forwarding, Http, Server, Wire } from "@webflow-users/server"
import { StoreAddress } from "@webflow-users/stores"
import { Cause, Console, Effect, Exit, Layer, type Runtime, Scope } from "effect"
import { CliConfig, CliError, CliOutput, Command, GlobalFlag } from "effect/cli"
import "effect/schema/SchemaJITCompiler/enable"
import { flags } from "./Config.ts"
import * as DocsPages from "./DocsPages.ts"
import * as Log from "./Log.ts"
import * as Metrics from "./Metrics.ts"
import * as Stores from "./Stores.ts"
import * as Tracing from "./Tracing.ts"
import * as Webhooks from "./Webhooks.ts"
import * as Witness from "./Witness.ts"

/** What is begun within it stops at once with the others: a stop takes as long as the slowest, and not as all of them. */
const stoppedTogether = Effect.map(
  Effect.acquireRelease(Scope.make("parallel"), (scope, exit) => Scope.close(scope, exit)),
  (scope) =>
    <A, E, R>(effect: Effect.Effect<A, E, R>) =>
      Effect.flatMap(Scope.fork(scope, "sequential"), (part) => Scope.provide(effect, part)),
)
/**
 * A stop that has taken longer than any that ends by itself is one that waits for what does not answer, such as a database
 * that stands still. Whoever waits for the stop would kill the process; callers have been told by then.
 */
const lastResort = Effect.sync(() => setTimeout(() => process.exit(1), 28_000).unref())

/** Serves the metrics, where somebody wants to read them. */
const tellMetrics = Effect.fnUntraced(function* (
  at: { readonly host: string; readonly port: number | undefined },
  version: string,
) {
  const metrics = yield* Metrics.Metrics
  const { host, port } = at
  if (metrics === undefined || port === undefined) return undefined
  const { listen } = yield* Effect.promise(() => import("./MetricsServer.ts"))
  return yield* listen({ host, port }, metrics, version)
})

const shown = ({ family, address, port }: AddressInfo): string =>
  `${family === "IPv6" ? `[${address}]` : address}:${port}`

const proxy = (version: string) =>
  Command.make(
    "webflow-users-proxy",
    flags,
    ({
      host,
      port,
      store,
      auth,
      tokenStore,
      upstream,
      dataNesting,
      faults,
      trustedProxies,
      corsOrigins,
      log,
      metrics,
      failedAuthentications,
      maxConnections,
      maxRequests,
      webhooks,
      ...policy
    }) =>
      Effect.gen(function* () {
        const told = yield* tellMetrics(metrics, version)
        const stopped = yield* stoppedTogether
        if (webhooks.isOn) yield* stopped(Webhooks.start(webhooks))
        const address = yield* stopped(
          Server.listen({ host, port, limits: { connections: maxConnections, requests: maxRequests } }),
        )
        // Before the line that people and programs wait for.
        if (told !== undefined) yield* Console.log(`Metrics are at http://${shown(told)}/metrics`)
        yield* Console.log(
          `webflow-users-proxy listens on http://${shown(address)}, store ${StoreAddress.describe(store)}`,
        )
        const warning = Forwarding.warning(store)
        if (warning !== undefined) yield* Effect.logWarning(warning)
        if (faults) {
          yield* Console.log(
            "Faults are enabled: callers can ask for errors, resets and delays. This is for tests only",
          )
        }
        yield* Effect.addFinalizer(() => lastResort)
        return yield* Effect.never
      }).pipe(
        Effect.scoped,
        Effect.provide(
          Layer.mergeAll(UpdateUser.layer, faults ? Faults.layer : Layer.empty).pipe(
            Layer.provideMerge(Stores.layer({ store, auth, tokenStore, upstream, faults, failedAuthentications })),
            Layer.provideMerge(Witness.layer),
            Layer.provideMerge(metrics.port === undefined ? Layer.empty : Layer.sync(Metrics.Metrics, Metrics.make)),
            Layer.provideMerge(Tracing.layer(version)),
            Layer.merge(Layer.succeed(UpdatePolicy.Current, policy)),
            Layer.merge(Layer.succeed(Wire.DataNesting, dataNesting)),
            Layer.merge(Layer.succeed(Http.Version, version)),
            Layer.merge(DocsPages.layer),
            Layer.provideMerge(Layer.succeed(Addresses.TrustedProxies, trustedProxies)),
            Layer.merge(Layer.succeed(Cors.AllowedOrigins, corsOrigins)),
            Layer.provideMerge(NodeCrypto.layerMac),
            Layer.provide([NodeCrypto.layerDigest, NodeCrypto.layerSecureRandom]),
            Layer.provideMerge(Log.layer(log)),
          ),
        ),
      ),
  ).pipe(
    Command.withDescription(
      "Answers Webflow's Update User, and the reads beside it, on a store you keep or another server",
    ),
  )

/** A complaint goes to standard error, and is not lost among all that could be said; help that was asked for is a result. */
const layerPresenter = CliOutput.layerPresenter({
  present: (event) =>
    event._tag === "InvalidInvocation"
      ? Console.error(
          [...event.errors.map(({ message }) => `Error: ${message}`), "       --help tells every setting."].join("\n"),
        )
      : CliOutput.defaultPresenter.present(event),
})

const isUsageError = (error: unknown): boolean =>
  error instanceof Stores.ContradictorySettings ||
  error instanceof StoreAddress.UnusableAddress ||
  error instanceof Tracing.UnusableVariable ||
  (CliError.isCliError(error) && error._tag === "ShowHelp" && error.errors.length > 0)

/** The program, of its version. */
export const program = (version: string) =>
  proxy(version).pipe(
    Command.run({ version }),
    // To make spans for nobody is a good part of a request: `Tracing` makes those of requests where somebody takes them.
    Effect.withTracerEnabled(false),
    Effect.tapError((error) => (error._tag === "ShowHelp" ? Effect.void : Console.error(error.message))),
    Effect.tapDefect((defect) => Effect.logError("The proxy failed unexpectedly", defect)),
    Effect.provide([
      NodeServices.layer,
      CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version] }),
      layerPresenter,
      // What is said before the settings are known.
      Log.layer({ format: "json", level: "info", ids: false }),
    ]),
  )

/** A server that was told to stop and did has done what it should: 0, where a command would say 130. */
export const teardown: Runtime.Teardown = (exit, onExit) => {
  if (Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause)) return onExit(0)
  return onExit(isUsageError(Cause.squash(exit.cause)) ? 2 : 1)
}
