/** Guards: one for each error of core's list, for errors of any copy of this package. */
import { createContext, runInContext } from "node:vm"
import { errors, type UpdateUserError } from "@webflow-users/core"
import * as Sdk from "@webflow-users/sdk"
import { rolldown } from "rolldown"
import { beforeAll, describe, expect, it } from "vitest"

type Tag = UpdateUserError["_tag"]
type Guard = (value: unknown) => boolean

// That each has one, the compiler sees.
const guards: { readonly [Name in Tag as `is${Name}`]: Guard } = Sdk
const tags = Object.keys(errors) as ReadonlyArray<Tag>

/** An error of each class, made as nothing but the class makes it. */
const make = (tag: Tag, classes: object = errors): Error => {
  const all = classes as Readonly<Record<string, new (facts: object) => Error>>
  return new all[tag]!({ cause: "x", status: 400, code: "x" })
}

/** The whole of an entry in one text, which leaves what it exports in a variable. */
const bundled = async (entry: string) => {
  const bundle = await rolldown({
    input: new URL(`../src/${entry}`, import.meta.url).pathname,
    platform: "browser",
    transform: { define: { "import.meta": "{}" } },
    resolve: { conditionNames: ["@webflow-users/source", "import", "default"] },
  })
  const { output } = await bundle.generate({ format: "iife", name: "Bundled", minify: true })
  return output.map((part) => (part.type === "chunk" ? part.code : "")).join("")
}

type Exports = typeof Sdk
let realms: ReadonlyArray<Exports>
beforeAll(async () => {
  const code = await bundled("index.ts")
  realms = [1, 2].map(() => {
    const context = createContext({
      URL,
      TextDecoder,
      TextEncoder,
      AbortController,
      setTimeout,
      clearTimeout,
      queueMicrotask,
      performance,
    })
    runInContext(`${code}; globalThis.Bundled = Bundled`, context)
    return context["Bundled"] as Exports
  })
})

it("there is a guard for each error of the list, and for each of the client's own", () => {
  const own = ["isFieldsMismatch", "isClientClosed", "isStoreNotSupported", "isUpdateUserError"]
  const names = Object.keys(Sdk).filter((name) => /^is[A-Z]/.test(name))
  expect(names.toSorted()).toEqual([...tags.map((tag) => `is${tag}`), ...own].toSorted())
  // And for each the class, to be thrown in tests.
  expect(tags.filter((tag) => (Sdk as object as Record<string, unknown>)[tag] !== errors[tag])).toEqual([])
})

describe.each(tags)("%s", (tag) => {
  it("is known in this bundle, and taken for nothing else", () => {
    const error = make(tag)
    const known = tags.filter((other) => guards[`is${other}`](error))
    expect(known).toEqual([tag])
    expect(Sdk.isUpdateUserError(error)).toBe(true)
  })

  it("is known where another bundle in another realm made it, and is an error there", () => {
    const [one, other] = realms as [Exports, Exports]
    const error = make(tag, one)
    expect(error).not.toBeInstanceOf(Error)
    expect(Object.prototype.toString.call(error)).toBe("[object Error]")
    for (const sdk of [Sdk, other]) {
      expect(tags.filter((name) => (sdk as typeof guards)[`is${name}`](error))).toEqual([tag])
      expect(sdk.isUpdateUserError(error)).toBe(true)
    }
  })

  it("is a real error, with all its facts", () => {
    const error = make(tag)
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({
      name: tag,
      message: expect.stringMatching(/./),
      code: expect.any(String),
      status: expect.any(Number),
      details: [],
      isRetryable: expect.any(Boolean),
    })
    expect(error.stack).toContain(tag)
  })
})

describe("the client's own errors", () => {
  it("are known across bundles too", async () => {
    const [one, other] = realms as [Exports, Exports]
    const client = one.createClient({ baseUrl: "http://127.0.0.1:1/v2", token: "t" })
    await client.close()
    const error: unknown = await client.users.list("580e63e98c9a982ac9b8b741").catch((reason: unknown) => reason)
    for (const sdk of [Sdk, other]) {
      expect(sdk.isClientClosed(error)).toBe(true)
      expect(sdk.isUpdateUserError(error) || sdk.isFieldsMismatch(error)).toBe(false)
    }
    expect(error).toMatchObject({ name: "ClientClosed", code: "client_closed", isRetryable: false })
  })

  it.each([
    undefined,
    null,
    "UserNotFound",
    { _tag: "UserNotFound" },
    { _tag: "ClientClosed" },
    new Error("UserNotFound"),
    () => undefined,
  ])("nothing else is taken for one: %j", (value) => {
    const all = Object.entries(Sdk).filter(([name]) => /^is[A-Z]/.test(name))
    expect(all.filter(([, guard]) => (guard as Guard)(value)).map(([name]) => name)).toEqual([])
  })
})
