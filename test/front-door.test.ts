import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { addressOf } from "../scripts/start.mjs"
import { fingerprint } from "../scripts/checkout.mjs"
import { isAtLeast, withoutNpm } from "../scripts/toolchain.mjs"

describe("isAtLeast", () => {
  it.each([
    ["22.19.0", true],
    ["22.19.1", true],
    ["22.20.0", true],
    ["24.0.0", true],
    ["100.1.0", true],
    ["22.18.9", false],
    ["22.9.0", false],
    ["20.20.2", false],
  ])("%s against 22.19.0: %s", (version, expected) => {
    expect(isAtLeast(version, "22.19.0")).toBe(expected)
  })
})

describe("withoutNpm", () => {
  it("drops what npm tells its scripts", () => {
    const env = {
      npm_config_prefix: "/x",
      npm_config_loglevel: "silent",
      npm_package_name: "x",
      INIT_CWD: "/x",
      NODE: "n",
    }
    expect(withoutNpm(env)).toEqual({})
  })

  it("keeps how to reach a registry, and everything that is not npm's", () => {
    const env = {
      PATH: "/bin",
      NODE_EXTRA_CA_CERTS: "ca.pem",
      npm_config_registry: "https://registry.example.com",
      "npm_config_//registry.example.com/:_authToken": "t",
      "npm_config_@scope:registry": "https://scope.example.com",
      npm_config_https_proxy: "http://proxy.example.com",
      NPM_CONFIG_CAFILE: "ca.pem",
    }
    expect(withoutNpm(env)).toEqual(env)
  })
})

describe("fingerprint", () => {
  const folder = mkdtempSync(join(tmpdir(), "fingerprint-"))
  afterAll(() => rmSync(folder, { recursive: true }))
  const file = (name: string, content: string) => {
    writeFileSync(join(folder, name), content)
    return join(folder, name)
  }

  it("follows contents and names, and nothing else", () => {
    const a = file("a", "1")
    const b = file("b", "2")
    const before = fingerprint(folder, [a, b])
    file("a", "1")
    expect(fingerprint(folder, [a, b])).toBe(before)
    expect(fingerprint(folder, [a])).not.toBe(before)
    expect(fingerprint(folder, [a, file("c", "2")])).not.toBe(before)
    file("b", "3")
    expect(fingerprint(folder, [a, b])).not.toBe(before)
  })
})

describe("addressOf", () => {
  it.each([
    ["127.0.0.1", "http://127.0.0.1:8787"],
    ["0.0.0.0", "http://127.0.0.1:8787"],
    ["::", "http://[::1]:8787"],
    ["::1", "http://[::1]:8787"],
    ["example.com", "http://example.com:8787"],
  ])("a server on %s is reached at %s", (host, expected) => {
    expect(addressOf(host, 8787)).toBe(expected)
  })
})
