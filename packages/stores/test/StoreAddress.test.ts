import { once } from "node:events"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import { type AddressInfo, createServer as createTcpServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import { type NewUsers, parseSiteId, type SiteId, UserId, UserStore } from "@webflow-users/core"
import { StoreAddress } from "@webflow-users/stores"
import { Effect, Layer, Redacted } from "effect"
import { afterAll } from "vitest"

const folder = mkdtempSync(join(tmpdir(), "webflow-users-address-"))
afterAll(() => rmSync(folder, { recursive: true }))

const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
const userId = UserId.make("6287ec36a841b25637c663df")

/** What opening a store comes to, in words. */
const opened = <A, E extends { readonly message: string }>(layer: Layer.Layer<A, E>) =>
  Effect.scoped(Layer.build(layer)).pipe(
    Effect.match({ onSuccess: () => "opened", onFailure: (error) => error.message }),
  )
const either = (address: string) =>
  Effect.all([opened(StoreAddress.layer(address)), opened(StoreAddress.layerOwned(address))])

const secret = "hunter2"
const examples =
  "Use one like file:./users.db, postgres://user@host/database, memory:, http://127.0.0.1:8787/v2, " +
  "https://users.example.com/v2"

describe("the address of a store", () => {
  it.effect.each<[string, string]>([
    ["file:", "plain.db"],
    ["file://", "url.db"],
    ["FILE:", "capitals.db"],
    ["file:", "with space, %20 and ?.db"],
  ])("opens %s and a path as a database of that name", ([scheme, name]) =>
    Effect.gen(function* () {
      const path = join(folder, name)
      expect(yield* either(scheme + path)).toStrictEqual(["opened", "opened"])
      expect(existsSync(path)).toBe(true)
    }),
  )

  it.effect("opens memory: as a store of its own each time", () =>
    Effect.gen(function* () {
      const fill = Effect.flatMap(UserStore.UserStore, (store) => Effect.flip(store.get(siteId, userId)))
      for (const address of ["memory:", "Memory:", "file::memory:"]) {
        expect(yield* either(address)).toStrictEqual(["opened", "opened"])
        expect(yield* fill.pipe(Effect.provide(StoreAddress.layer(address)))).toMatchObject({ _tag: "SiteNotFound" })
      }
      expect(existsSync(":memory:")).toBe(false)
    }),
  )

  it.live("reaches a server over http, with the token", () =>
    Effect.gen(function* () {
      const seen: Array<unknown> = []
      const server = createServer((request, response) => {
        seen.push([request.method, request.url, request.headers.authorization])
        response.end(JSON.stringify({ id: userId, data: {} }))
      })
      yield* Effect.acquireRelease(
        Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
        () => Effect.sync(() => server.close()),
      )
      const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v2`
      const user = yield* UserStore.UserStore.use((store) => store.get(siteId, userId)).pipe(
        Effect.provide(StoreAddress.layer(address, { token: Redacted.make(secret) })),
      )
      expect(user).toStrictEqual({ id: userId, accessGroups: [], data: {} })
      expect(seen).toStrictEqual([["GET", `/v2/sites/${siteId}/users/${userId}`, `Bearer ${secret}`]])
    }),
  )

  it.effect("is taken over https unasked, since nothing is open until it is used", () =>
    Effect.gen(function* () {
      expect(yield* opened(StoreAddress.layer("HTTPS://users.example.com/v2"))).toBe("opened")
    }),
  )

  it.effect.each<[string, string]>([
    ["mysql://someone:hunter2@db.example.com/users", `No store answers to mysql:. ${examples}`],
    ["__proto__:hunter2", `No store answers to __proto__:. ${examples}`],
    ["constructor:hunter2", `No store answers to constructor:. ${examples}`],
    [":hunter2", `No store answers to :. ${examples}`],
    ["./hunter2.db", `A store's address starts with its scheme. ${examples}`],
    ["", `A store's address starts with its scheme. ${examples}`],
  ])("%j is refused with the ones there are", ([address, message]) =>
    Effect.gen(function* () {
      expect(yield* either(address)).toStrictEqual([message, message])
    }),
  )

  it.effect("of somebody else's server does not do where a store of one's own is needed", () =>
    Effect.gen(function* () {
      for (const scheme of ["http", "https"]) {
        const layer: Layer.Layer<NewUsers, StoreAddress.NotOpened> = StoreAddress.layerOwned(
          `${scheme}://someone:${secret}@127.0.0.1/v2`,
        )
        expect(yield* opened(layer)).toBe(
          `This needs a store of your own, such as file:./users.db; ${scheme}: is somebody else's server`,
        )
      }
    }),
  )

  const remedy = "The folder has to exist, and the file has to be a SQLite database or not be there yet"
  it.effect.each<[string, string, string]>([
    ["a folder that is not there", "missing/users.db", "ENOENT: no such file or directory, open "],
    ["a folder in a file's place", "folder", "EISDIR: illegal operation on a directory, open "],
    ["a file that is no database", "notes.db", "file is not a database"],
  ])("of %s is refused with what would do", ([_, name, reason]) =>
    Effect.gen(function* () {
      mkdirSync(join(folder, "folder"), { recursive: true })
      writeFileSync(
        join(folder, "notes.db"),
        "these are notes and no database, as long as a header has to be and longer, so that it is read",
      )
      const path = join(folder, name)
      const message = `The store cannot be opened: ${reason.endsWith(" ") ? `${reason}'${path}'` : reason}. ${remedy}`
      expect(yield* either(`file:${path}`)).toStrictEqual([message, message])
      expect(readdirSync(join(folder, "folder"))).toStrictEqual([])
      expect(existsSync(join(folder, "missing"))).toBe(false)
    }),
  )

  // SQLite opens no name as a database that is gone when it is closed, and //name as one at the root of all folders.
  it.effect.each(["file:", "file: ", "file://", "file://users.db", "file://./users.db"])(
    "%j names no file",
    (address) =>
      Effect.gen(function* () {
        const message = "A path has to follow file:, as in file:./users.db or file:///var/users.db"
        expect(yield* either(address)).toStrictEqual([message, message])
      }),
  )
})

const shape =
  "has to be like postgres://user:password@host:5432/database; what is special in a name or password is escaped, @ as %40"

describe("the address of a PostgreSQL database", () => {
  it.effect.each<[string, string]>([
    ["postgres:hunter2", shape],
    ["postgres://someone:hunter2/3@db/users", shape],
    ["postgres://someone:12/hunter2@db/users", shape],
    ["postgres://someone:hunter2@db,db2/users", "names several servers, and only one can be asked"],
    ["postgres://someone:hunter%2@db/users", "has a % that escapes nothing; % itself is %25"],
    ["postgres://someone:hunter2@db", "has to name a database, as in postgres://user:password@host:5432/database"],
    [
      "postgres://someone:hunter2@db/users?sslmode=hunter2",
      "has an sslmode that is none of disable, allow, prefer, require, verify-ca, verify-full",
    ],
    ["postgres://someone:hunter2@db/users?port=hunter2", "has a port that is none"],
  ])("%j is refused without a word of it", ([address, problem]) =>
    Effect.gen(function* () {
      const message = `The database's address ${problem}`
      expect(yield* either(address)).toStrictEqual([message, message])
    }),
  )
})

describe("an address as it may be shown", () => {
  it.each([
    ["file:./users.db", "file:./users.db"],
    ["memory:", "memory:"],
    ["https://someone:hunter2@users.example.com/v2", "https:…"],
    ["mysql://someone:hunter2@db.example.com/users", "mysql:…"],
    ["postgres://someone:hunter2@db.example.com/users", "postgres://db.example.com:5432/users"],
    ["POSTGRESQL://hunter2@[::1]:5433/users?password=hunter2", "postgres://[::1]:5433/users"],
    ["postgres:///users?host=/run/postgresql&user=hunter2", "postgres://%2Frun%2Fpostgresql:5432/users"],
    ["postgres://someone:p%40ss%2Fword@db/users?sslmode=verify-full", "postgres://db:5432/users"],
    // Passwords with what should have been escaped: nothing of them may be taken for a host, a port or a database.
    ["postgres://someone:hunter@2@db.example.com/users", "postgres:…"],
    ["postgres://someone:1234/hunter2@db.example.com/users", "postgres:…"],
    ["postgres://someone:1234?hunter2@db.example.com/users", "postgres:…"],
    ["postgres://someone:1234#hunter2@db.example.com/users", "postgres:…"],
    ["postgres://someone:hunter2/3@db.example.com/users", "postgres:…"],
    ["postgres://someone:hunter%2@db.example.com/users", "postgres:…"],
    ["postgres:hunter2", "postgres:…"],
  ])("%j is %j", (address, shown) => expect(StoreAddress.describe(address)).toBe(shown))
})

describe("an address as it may be written down", () => {
  it.each([
    ["file:./users.db", "file:./users.db", true],
    ["memory:", "memory:", true],
    ["https://users.example.com/v2", "https://users.example.com/v2", true],
    ["https://ada:secret@users.example.com/v2", "https:…", false],
    ["https://users.example.com/v2?token=secret", "https:…", false],
    ["postgres://ada:secret@db.example.com/users", "postgres://db.example.com:5432/users", false],
    ["ada:secret", "ada:…", false],
  ])("%j is %j", (given, address, isWhole) => expect(StoreAddress.recordable(given)).toEqual({ address, isWhole }))
})

/** Refuses whoever connects, as the server does with this state. */
const refusing = (state: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const words = Buffer.from(`SFATAL\0VFATAL\0C${state}\0MNot now\0\0`)
      const server = createTcpServer((socket) => {
        const length = Buffer.alloc(4)
        length.writeInt32BE(words.length + 4)
        socket
          .on("error", () => undefined)
          .once("data", () => socket.end(Buffer.concat([Buffer.from("E"), length, words])))
      })
      await once(server.listen(0, "127.0.0.1"), "listening")
      return server
    }),
    (server) => Effect.sync(() => server.close()),
  )

describe("a PostgreSQL that does not take callers", () => {
  it.live.each<readonly [string, string, string]>([
    ["starts", "57P03", "StoreAway"],
    ["stops", "57P01", "StoreAway"],
    ["has enough of them", "53300", "StoreAway"],
    ["knows no such database", "3D000", "UnusableAddress"],
  ])("because it %s", ([, state, tag]) =>
    Effect.gen(function* () {
      const { port } = (yield* refusing(state)).address() as AddressInfo
      const address = `postgres://someone@127.0.0.1:${port}/users?sslmode=disable`
      const error = yield* Effect.flip(Effect.scoped(Layer.build(StoreAddress.layerOwned(address))))
      expect(error._tag).toBe(tag)
    }),
  )
})
