/**
 * Which addresses are the internet's, and which are of this machine, of a network of one's own, or nobody's: what a stranger's
 * address must not make a server ask. By IANA's registries of special-purpose addresses.
 */
import { BlockList, isIP, isIPv6 } from "node:net"

const listOf = (family: "ipv4" | "ipv6", networks: ReadonlyArray<string>): BlockList => {
  const list = new BlockList()
  for (const network of networks) {
    const [address = "", prefix = ""] = network.split("/")
    list.addSubnet(address, Number(prefix), family)
  }
  return list
}

const special = listOf("ipv4", [
  "0.0.0.0/8", // this network
  "10.0.0.0/8", // private
  "100.64.0.0/10", // behind a carrier's NAT
  "127.0.0.0/8", // loopback
  "169.254.0.0/16", // link-local, where clouds keep their metadata
  "172.16.0.0/12", // private
  "192.0.0.0/24", // protocols'
  "192.0.2.0/24", // documentation
  "192.88.99.0/24", // relays of 6to4
  "192.168.0.0/16", // private
  "198.18.0.0/15", // benchmarks
  "198.51.100.0/24", // documentation
  "203.0.113.0/24", // documentation
  "224.0.0.0/4", // multicast
  "240.0.0.0/4", // reserved, and broadcast
])

/** All that is given out of version 6; loopback, unique-local, link-local and multicast are outside of it. */
const global = listOf("ipv6", ["2000::/3"])

/** And what is special within it. */
const specialWithin = listOf("ipv6", [
  "2001::/23", // protocols', among them tunnels that lead to any address of version 4
  "2001:db8::/32", // documentation
  "2002::/16", // 6to4, which leads to any address of version 4
  "3fff::/20", // documentation
])

/** Addresses that stand for one of version 4: as sockets write it, and by way of a translator. */
const translated = listOf("ipv6", ["::ffff:0:0/96", "64:ff9b::/96"])

/** Whether an address, written as such and not as a name, is the internet's. */
export const isPublic = (written: string): boolean => {
  // Behind it stands the network card, where there may be several.
  const address = written.replace(/%.*$/, "")
  if (isIPv6(address)) {
    if (translated.check(address, "ipv6")) return isPublic(lastFour(address))
    return global.check(address, "ipv6") && !specialWithin.check(address, "ipv6")
  }
  return isIP(address) === 4 && !special.check(address, "ipv4")
}

/** The last 32 bits in the notation of version 4; `URL` brings every notation of version 6 to one, in hexadecimal. */
const lastFour = (address: string): string => {
  const groups = new URL(`http://[${address}]`).hostname.slice(1, -1).split(":")
  return groups
    .slice(-2)
    .map((group) => Number.parseInt(group || "0", 16))
    .flatMap((bits) => [bits >> 8, bits & 0xff])
    .join(".")
}

/** The host of a URL, without the brackets of version 6. */
const bare = (hostname: string): string => hostname.replace(/^\[(.*)\]$/, "$1")

/** Whether a URL's host is not public by what it says itself. A name may still stand for an address that is not. */
export const isKnownPrivate = (hostname: string): boolean =>
  isIP(bare(hostname)) === 0 ? /(^|\.)localhost\.?$/i.test(hostname) : !isPublic(bare(hostname))
