/** Which addresses webhooks may go to. */
import { describe, expect, it } from "vitest"
import * as PublicAddress from "../src/PublicAddress.ts"

describe("is not public", () => {
  it.each([
    ["0.0.0.0", "unspecified"],
    ["0.1.2.3", "this network"],
    ["10.0.0.1", "private"],
    ["10.255.255.255", "private"],
    ["100.64.0.1", "a carrier's"],
    ["100.127.255.255", "a carrier's"],
    ["127.0.0.1", "loopback"],
    ["127.255.0.1", "loopback"],
    ["169.254.169.254", "link-local"],
    ["172.16.0.1", "private"],
    ["172.31.255.255", "private"],
    ["192.0.0.8", "protocols'"],
    ["192.0.2.1", "documentation"],
    ["192.88.99.1", "a relay"],
    ["192.168.1.1", "private"],
    ["198.19.255.255", "benchmarks"],
    ["198.51.100.7", "documentation"],
    ["203.0.113.9", "documentation"],
    ["224.0.0.1", "multicast"],
    ["239.255.255.255", "multicast"],
    ["240.0.0.1", "reserved"],
    ["255.255.255.255", "broadcast"],
    ["::", "unspecified"],
    ["::1", "loopback"],
    ["::127.0.0.1", "compatible with version 4"],
    ["::ffff:127.0.0.1", "mapped loopback"],
    ["::ffff:7f00:1", "mapped loopback"],
    ["::ffff:10.0.0.1", "mapped private"],
    ["0:0:0:0:0:ffff:a9fe:a9fe", "mapped link-local"],
    ["64:ff9b::10.0.0.1", "translated private"],
    ["64:ff9b::7f00:1", "translated loopback"],
    ["64:ff9b:1::808:808", "a translator of one's own"],
    ["100::1", "discarded"],
    ["2001::1", "a tunnel"],
    ["2001:db8::1", "documentation"],
    ["2002:7f00:1::", "6to4"],
    ["3fff::1", "documentation"],
    ["fc00::1", "unique-local"],
    ["fd12:3456::1", "unique-local"],
    ["fe80::1", "link-local"],
    ["fe80::1%eth0", "link-local"],
    ["::ffff:10.0.0.1%eth0", "mapped private"],
    ["fec0::1", "site-local"],
    ["ff02::1", "multicast"],
    ["", "no address"],
    ["example.com", "no address"],
    ["127.1", "no address"],
  ])("%s, %s", (address) => expect(PublicAddress.isPublic(address)).toBe(false))
})

describe("is public", () => {
  it.each([
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.167.255.255",
    "223.255.255.255",
    "2606:4700::1111",
    "2001:4860:4860::8888",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
  ])("%s", (address) => expect(PublicAddress.isPublic(address)).toBe(true))
})

describe("the host of a URL", () => {
  it.each([
    "http://127.0.0.1/",
    "http://127.1/",
    "http://0x7f.0.0.1/",
    "http://0177.0.0.1/",
    "http://2130706433/",
    "http://１２７.0.0.1/",
    "http://[::1]:8080/",
    "http://[::ffff:127.0.0.1]/",
    "http://[0:0:0:0:0:ffff:7f00:1]/",
    "http://localhost/",
    "http://LOCALHOST./",
    "http://app.localhost/",
  ])("%s is known to be private", (url) => expect(PublicAddress.isKnownPrivate(new URL(url).hostname)).toBe(true))

  it.each([
    "https://example.com/",
    "https://1.1.1.1/",
    "https://[2606:4700::1111]/",
    "https://notlocalhost/",
    "https://localhost.example/",
  ])("%s is not", (url) => expect(PublicAddress.isKnownPrivate(new URL(url).hostname)).toBe(false))
})
