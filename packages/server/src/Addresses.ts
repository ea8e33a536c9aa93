/**
 * From where a request comes: the other end of its socket, or, where that is a proxy in front that is trusted, whom that one
 * names in `X-Forwarded-For`.
 */
import { BlockList, isIP } from "node:net"
import { Context, Option } from "effect"

/** The proxies in front whose word is taken. */
export interface TrustedProxies {
  /** Whether there are none. */
  readonly isNone: boolean
  readonly has: (address: string) => boolean
}

/** None, unless the proxy provides what its settings say: anybody can write a header. */
export const TrustedProxies = Context.Reference<TrustedProxies>("@webflow-users/server/TrustedProxies", {
  defaultValue: () => ({ isNone: true, has: () => false }),
})

/** Reads addresses and networks, such as `10.0.0.0/8, 127.0.0.1, fd00::/8`; nothing where one of them is none. */
export const parse = (text: string): Option.Option<TrustedProxies> => {
  const list = new BlockList()
  let isNone = true
  for (const entry of text.split(",").map((part) => part.trim())) {
    if (entry === "" || entry === "none") continue
    const [named = "", prefix, ...more] = entry.split("/")
    const address = plain(named)
    const family = familyOf(address)
    if (family === undefined || more.length > 0) return Option.none()
    const longest = family === "ipv4" ? 32 : 128
    // Callers of version 4 are known by that spelling only, and so is a network of theirs that is written as one of version 6.
    const mapped = address === named ? 0 : 96
    const length = prefix === undefined ? longest : Number(prefix) - mapped
    if (prefix !== undefined && !(/^\d{1,3}$/.test(prefix) && length >= 0 && length <= longest)) return Option.none()
    isNone = false
    list.addSubnet(address, length, family)
  }
  return Option.some({
    isNone,
    has: (address) => {
      const family = familyOf(address)
      return family !== undefined && list.check(address, family)
    },
  })
}

/**
 * The address of who asks. Proxies write it behind what they were told themselves, so the list is read from its end, and no
 * further than the first that is not trusted: what stands before it is only claimed.
 */
export const callerOf = (remote: string, forwardedFor: string | undefined, trusted: TrustedProxies): string => {
  let caller = plain(remote)
  if (trusted.isNone) return caller
  const named = (forwardedFor ?? "").split(",")
  while (trusted.has(caller)) {
    const next = plain(withoutPort((named.pop() ?? "").trim()))
    if (familyOf(next) === undefined) return caller
    caller = next
  }
  return caller
}

/** Some proxies say from which port they were called, too: `203.0.113.9:4711`, `[2001:db8::7]:4711`. */
const withoutPort = (entry: string): string =>
  entry.replace(/^\[([^\]]*)\](?::\d{1,5})?$/, "$1").replace(/^(\d+\.\d+\.\d+\.\d+):\d{1,5}$/, "$1")

/** Of one address of version 4 there is one spelling, also where the socket takes both versions. */
const plain = (address: string): string =>
  !address.includes(":") ? address : address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, "")

const familyOf = (address: string): "ipv4" | "ipv6" | undefined =>
  ({ 4: "ipv4", 6: "ipv6" })[isIP(address)] as "ipv4" | "ipv6" | undefined
