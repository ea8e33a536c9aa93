/** TLS to PostgreSQL: the words of `sslmode` mean what they mean to PostgreSQL's own programs. */
import { chownSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, layer } from "@effect/vitest"
import { parseSiteId, type SiteId, UserStore } from "@webflow-users/core"
import { StoreAddress } from "@webflow-users/stores"
import { Context, Effect, Layer } from "effect"
import { prepareServer } from "../../../test/postgres-server.ts"
import { database, outsider } from "../../../test/postgres.ts"
import { selfSigned } from "./certificate.ts"

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId

class Tls extends Context.Service<
  Tls,
  { readonly address: string; readonly root: string; readonly stranger: string }
>()("test/Tls") {}

/** A server whose certificate, for the name `localhost`, nobody vouches for but itself. */
const server = Layer.effect(
  Tls,
  Effect.acquireRelease(
    Effect.promise(async () => {
      const folder = mkdtempSync(join(tmpdir(), "webflow-users-tls-"))
      const made = await prepareServer(
        "-c",
        "ssl=on",
        "-c",
        "ssl_cert_file=server.crt",
        "-c",
        "ssl_key_file=server.key",
      )
      const { key, cert } = selfSigned("localhost")
      const { uid, gid } = statSync(made.folder)
      for (const [name, text] of [
        ["server.key", key],
        ["server.crt", cert],
      ] as const) {
        writeFileSync(join(made.folder, name), text, { mode: 0o600 })
        chownSync(join(made.folder, name), uid, gid)
      }
      writeFileSync(join(folder, "root.crt"), cert)
      writeFileSync(join(folder, "stranger.crt"), selfSigned("localhost").cert)
      await made.start()
      return { made, folder }
    }),
    ({ made, folder }) =>
      Effect.promise(made.stop).pipe(Effect.andThen(Effect.sync(() => rmSync(folder, { recursive: true })))),
  ).pipe(
    Effect.map(({ made, folder }) => ({
      address: made.address,
      root: join(folder, "root.crt"),
      stranger: join(folder, "stranger.crt"),
    })),
  ),
)

/** Whether the store's own connections are encrypted, or why there are none. */
const encrypted = Effect.fnUntraced(function* (
  host: string,
  search: (tls: Context.Service.Shape<typeof Tls>) => object,
) {
  const tls = yield* Tls
  const address = yield* database(`${tls.address}?sslmode=disable`)
  const url = new URL(address)
  url.hostname = host
  url.search = new URLSearchParams({ ...search(tls) }).toString()
  const watcher = yield* outsider(address)
  return yield* Effect.gen(function* () {
    yield* UserStore.UserStore.use((store) => Effect.flip(store.get(siteId, "6287ec36a841b25637c65000" as never)))
    const { rows } = yield* Effect.promise(() =>
      watcher.query<{ ssl: boolean }>(
        `SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
         WHERE application_name = 'webflow-users' AND datname = current_database()`,
      ),
    )
    return rows.map(({ ssl }) => ssl)
  }).pipe(
    Effect.provide(StoreAddress.layerOwned(url.href)),
    Effect.catch(({ message }) => Effect.succeed(message)),
  )
})

const refused = (why: RegExp) => expect.stringMatching(new RegExp(`^The store cannot be opened: ${why.source}`))
const untrusted = refused(/self-signed certificate/)
const otherName = refused(/IP: 127\.0\.0\.1 is not in the cert's list/)

layer(server, { excludeTestServices: true })("sslmode", (it) => {
  it.effect.each<readonly [string, string, Parameters<typeof encrypted>[1], unknown]>([
    ["unsaid, takes TLS where there is any", "127.0.0.1", () => ({}), [true]],
    ["disable", "localhost", () => ({ sslmode: "disable" }), [false]],
    ["allow", "127.0.0.1", () => ({ sslmode: "allow" }), [true]],
    ["prefer", "127.0.0.1", () => ({ sslmode: "prefer" }), [true]],
    ["require asks nobody who that is", "127.0.0.1", () => ({ sslmode: "require" }), [true]],
    [
      "require with a root asks it",
      "127.0.0.1",
      ({ stranger }) => ({ sslmode: "require", sslrootcert: stranger }),
      untrusted,
    ],
    ["verify-ca without a root", "localhost", () => ({ sslmode: "verify-ca" }), untrusted],
    ["verify-ca, another name", "127.0.0.1", ({ root }) => ({ sslmode: "verify-ca", sslrootcert: root }), [true]],
    [
      "verify-ca, a stranger",
      "localhost",
      ({ stranger }) => ({ sslmode: "verify-ca", sslrootcert: stranger }),
      untrusted,
    ],
    ["verify-full", "localhost", ({ root }) => ({ sslmode: "verify-full", sslrootcert: root }), [true]],
    [
      "verify-full, another name",
      "127.0.0.1",
      ({ root }) => ({ sslmode: "verify-full", sslrootcert: root }),
      otherName,
    ],
    [
      "verify-full by the system's roots",
      "localhost",
      () => ({ sslmode: "verify-full", sslrootcert: "system" }),
      untrusted,
    ],
    [
      "a root that is not there",
      "localhost",
      () => ({ sslmode: "verify-full", sslrootcert: "/nowhere.crt" }),
      refused(/ENOENT/),
    ],
  ])("%s", ([_, host, search, expected]) =>
    Effect.gen(function* () {
      expect(yield* encrypted(host, search)).toStrictEqual(expected)
    }),
  )

  it.effect("over a socket of this machine needs none, whatever is said", () =>
    Effect.gen(function* () {
      const { address } = yield* Tls
      const watcher = yield* outsider(`${address}?sslmode=disable`)
      const { rows } = yield* Effect.promise(() => watcher.query<{ folder: string }>("SHOW data_directory"))
      const host = Object.values(rows[0] ?? {})[0] as string
      expect(yield* encrypted("127.0.0.1", () => ({ host, sslmode: "require" }))).toStrictEqual([false])
    }),
  )
})
