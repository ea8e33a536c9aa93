/**
 * One address for every store: the scheme of a URL picks the adapter, and the driver it needs, from one table.
 */
import {
  AccessTokenStore,
  type NewUsers,
  RateLimits,
  type SiteArchive,
  type Sites,
  Transport,
  UserEvents,
  UserStore,
  WebhookOutbox,
  type Webhooks,
} from "@webflow-users/core"
import * as UpstreamUsers from "@webflow-users/core/UserStore/Upstream"
import { Context, Effect, Layer } from "effect"
import { explain, type NotOpened, refuse } from "./Opening.ts"
import * as PostgresAddress from "./PostgresAddress.ts"

export { type NotOpened, rootMessage, StoreAway, UnusableAddress } from "./Opening.ts"

/** The store where nobody says which. */
export const standard = "file:./webflow-users.db"

/** What a store offers whose data its owner holds, beside what every store does: rates are counted where tokens are. */
export type OwnedServices =
  | UserStore.UserStore
  | UserEvents
  | NewUsers
  | Sites
  | AccessTokenStore
  | RateLimits.RateLimits

/** What a store offers that keeps what it is given: all of it can be taken out, and put into another. */
export type ArchivedServices = OwnedServices | SiteArchive.SiteArchive

/** What such a store offers that can promise to tell others of updates. */
export type WebhookServices = OwnedServices | Webhooks | WebhookOutbox

/** How a server is called that is somebody else's; of a store of one's own, nothing of it counts. */
export interface Options extends Omit<UpstreamUsers.Options, "baseUrl"> {
  /** For who has to know what was sent and what came of it. */
  readonly around?: Around | undefined
  /** Whether no more than a few requests will be made: then it counts how soon the first can be. */
  readonly isBrief?: boolean | undefined
}

/** Stands around the sending of a request, of which it is told no more than the method: the rest is secret or personal. */
export type Around = (
  method: string,
  sending: Effect.Effect<Transport.TransportResponse, Transport.TransportError>,
) => Effect.Effect<Transport.TransportResponse, Transport.TransportError>

interface Owned {
  readonly example: string
  readonly owned: (address: string) => Layer.Layer<OwnedServices, unknown>
  /** The same with whole sites and webhooks, where the store is still there when it is opened again. */
  readonly kept?: (address: string) => Layer.Layer<ArchivedServices | WebhookServices, unknown>
  /** An address as it may be shown. */
  readonly shown: (address: string) => string
  /** What would do where the store cannot be opened. */
  readonly remedy: string
}

interface Remote {
  readonly example: string
  readonly remote: (address: string, options: Options) => Layer.Layer<UserStore.UserStore, unknown>
}

type Adapter = Owned | Remote

const upstream = (baseUrl: string, options: Options) => {
  const problem = UpstreamUsers.addressProblem(baseUrl)
  if (problem !== undefined) return refuse(`The server's address ${problem}`)
  const { around, isBrief } = options
  // Loaded when a server is called: stores of one's own do without.
  const driver = Layer.unwrap(
    Effect.map(
      Effect.promise(() => (isBrief === true ? import("./NodeHttp.ts") : import("./Undici.ts"))),
      // The store ends a request that takes too long, and says so. A driver that minds the time besides makes a timer for each request,
      // and undici keeps it for half a second after it is needed: long enough for V8 to take it for something old.
      ({ layer: requests }) => requests(baseUrl, { silence: 0 }),
    ),
  )
  const transport = around === undefined ? driver : surround(driver, around)
  return UpstreamUsers.layer({ ...options, baseUrl }).pipe(Layer.provide(transport))
}

const surround = (transport: Layer.Layer<Transport.Transport>, around: Around) =>
  Layer.effect(
    Transport.Transport,
    Effect.map(Transport.Transport, ({ send }) => ({ send: (request) => around(request.method, send(request)) })),
  ).pipe(Layer.provide(transport))

/** Databases are loaded when one is opened: the other stores do without. */
const sqlStore = Effect.promise(() => import("./SqlStore.ts"))

const openPostgres = (address: string) => {
  const parsed = PostgresAddress.parse(address)
  if (typeof parsed === "string") return refuse(`The database's address ${parsed}`)
  return Layer.unwrap(Effect.map(sqlStore, ({ inPostgres }) => inPostgres(address, parsed)))
}

const openFile = (address: string) => {
  const path = pathOf(address)
  if (path === undefined) return refuse("A path has to follow file:, as in file:./users.db or file:///var/users.db")
  return Layer.unwrap(Effect.map(sqlStore, ({ inFile }) => inFile(path)))
}

const postgres: Owned = {
  example: "postgres://user@host/database",
  owned: openPostgres,
  kept: openPostgres,
  shown: PostgresAddress.describe,
  remedy: "The server has to be reached, and the database has to be there, to be read, written and given tables",
}

const adapters: Readonly<Record<string, Adapter>> = {
  file: {
    example: "file:./users.db",
    owned: openFile,
    kept: openFile,
    shown: (address) => address,
    remedy: "The folder has to exist, and the file has to be a SQLite database or not be there yet",
  },
  postgres,
  postgresql: postgres,
  memory: {
    example: "memory:",
    // Loaded when it is asked for: the other stores do without.
    owned: () =>
      Layer.unwrap(
        Effect.map(
          Effect.promise(() => import("./MemoryStore.ts")),
          ({ inMemory }) => inMemory,
        ),
      ),
    shown: (address) => address,
    remedy: "",
  },
  http: { example: "http://127.0.0.1:8787/v2", remote: upstream },
  https: { example: "https://users.example.com/v2", remote: upstream },
}

/** The store at an address. */
export const layer = (address: string, options: Options = {}): Layer.Layer<UserStore.UserStore, NotOpened> => {
  const adapter = adapterOf(address)
  if (adapter === undefined) return unknown(address)
  return "owned" in adapter ? openOwned(adapter, address) : explain(adapter.remote(address, options), "")
}

/** What a proxy serves: the users, and the record of what happened to them where one is kept. */
export type ServedServices = UserStore.UserStore | UserEvents

/** The store at an address, as a proxy serves it. */
export const layerServed = (address: string, options: Options = {}): Layer.Layer<ServedServices, NotOpened> =>
  isRemote(address) ? Layer.merge(layer(address, options), UserEvents.layerNone) : layerOwned(address)

/** The store at an address, with what only its owner can do: issue tokens, take in users, read the record. */
export const layerOwned = (address: string): Layer.Layer<OwnedServices, NotOpened> => {
  const adapter = adapterOf(address)
  if (adapter === undefined) return unknown(address)
  return "owned" in adapter ? openOwned(adapter, address) : notOwned(address)
}

/** The same with whole sites, to be archived and copied. */
export const layerArchived = (address: string): Layer.Layer<ArchivedServices, NotOpened> => {
  const adapter = adapterOf(address)
  if (adapter === undefined) return unknown(address)
  if (!("owned" in adapter)) return notOwned(address)
  const { kept, remedy } = adapter
  return kept === undefined
    ? refuse(`${schemeOf(address)}: keeps nothing, so there is nothing to archive. This needs file: or postgres:`)
    : explain(kept(address), remedy)
}

/** The same with webhooks. Memory has none: it could not keep what it has promised to tell. */
export const layerWithWebhooks = (address: string): Layer.Layer<WebhookServices, NotOpened> => {
  const adapter = adapterOf(address)
  if (adapter === undefined) return unknown(address)
  if ("owned" in adapter && adapter.kept !== undefined) return explain(adapter.kept(address), adapter.remedy)
  return refuse(
    `Webhooks need a store of your own on a disk, such as file:./users.db or postgres://…; ${schemeOf(address)}: keeps none`,
  )
}

const notOwned = (address: string) =>
  refuse(`This needs a store of your own, such as file:./users.db; ${schemeOf(address)}: is somebody else's server`)

/** What a proxy knows its callers by: their tokens, and how often each has asked. */
export type TokenServices = AccessTokenStore | RateLimits.RateLimits

/**
 * The store at an address, and where the tokens of a proxy's callers are that serves it: at `tokenStore`, otherwise in the
 * store itself, and in front of another server in the store that is meant where nobody says which.
 */
export const layerWithTokens = (
  address: string,
  { tokenStore, ...options }: Options & { readonly tokenStore?: string | undefined } = {},
): Layer.Layer<ServedServices | TokenServices, NotOpened> => {
  const tokens = tokenStore ?? (isRemote(address) ? standard : address)
  if (tokens === address) return layerOwned(address)
  // Nothing but the users of the one, with who is to be told of them, and the tokens of the other, though each may have all.
  return Layer.merge(
    Layer.effectContext(Effect.map(Effect.context<ServedServices>(), keepServed)).pipe(
      Layer.provide(layerServed(address, options)),
    ),
    Layer.effectContext(
      Effect.map(Effect.context<TokenServices>(), Context.pick(AccessTokenStore, RateLimits.RateLimits)),
    ).pipe(Layer.provide(layerOwned(tokens))),
  )
}

/** Of stores that have webhooks their outbox too, of which the others know nothing. */
const keepServed: (context: Context.Context<ServedServices>) => Context.Context<ServedServices> = Context.pick(
  UserStore.UserStore,
  UserEvents,
  WebhookOutbox,
)

/** Whether an address is somebody else's server. */
export const isRemote = (address: string): boolean => {
  const adapter = adapterOf(address)
  return adapter !== undefined && "remote" in adapter
}

/** An address as it may be shown: of a remote server only the scheme, since the rest may hold a password. */
export const describe = (address: string): string => {
  const adapter = adapterOf(address)
  return adapter !== undefined && "owned" in adapter ? adapter.shown(address) : `${schemeOf(address)}:…`
}

/** An address as it may be written down: the whole of it, unless it holds what is nobody else's to read. */
export const recordable = (address: string): { readonly address: string; readonly isWhole: boolean } => {
  const isWhole = isRemote(address) && UpstreamUsers.addressProblem(address) === undefined
  const shown = isWhole ? address : describe(address)
  return { address: shown, isWhole: shown === address }
}

const schemeOf = (address: string): string => address.split(":", 1)[0]?.toLowerCase() ?? ""

const adapterOf = (address: string): Adapter | undefined =>
  address.includes(":") && Object.hasOwn(adapters, schemeOf(address)) ? adapters[schemeOf(address)] : undefined

// Only the scheme is repeated: the rest of an address may hold a password.
const unknown = (address: string) =>
  refuse(
    `${address.includes(":") ? `No store answers to ${schemeOf(address)}:` : "A store's address starts with its scheme"}. ` +
      `Use one like ${[...new Set(Object.values(adapters))].map((adapter) => adapter.example).join(", ")}`,
  )

const openOwned = ({ owned, remedy }: Owned, address: string) => explain(owned(address), remedy)

/** The path of the file that an address names; `undefined` of other addresses. */
export const fileOf = (address: string): string | undefined =>
  schemeOf(address) === "file" ? pathOf(address) : undefined

/**
 * `file:./users.db`, `file:/var/users.db` and `file:///var/users.db` name paths. No path would be a database that is gone
 * when it is closed, and what follows two slashes a server's name.
 */
const pathOf = (address: string): string | undefined => {
  const path = address.slice("file:".length).replace(/^\/\/(?=\/)/, "")
  return path.trim() === "" || path.startsWith("//") ? undefined : path
}
