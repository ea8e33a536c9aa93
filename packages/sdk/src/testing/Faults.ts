/** What a server for tests is to do wrong. */
import { parseSiteId, type SiteId } from "@webflow-users/core"
import { Faults } from "@webflow-users/server"
import { Predicate, Result } from "effect"
import { anyObject } from "./Given.ts"
import { InvalidOption } from "./InvalidOption.ts"

/**
 * What happens to the next answers of a site: an error of Webflow's table, a reset connection, or only a delay. A request that
 * is answered so changes nothing.
 */
export interface Fault {
  /** The error's status: 400, 401, 403, 404, 429 or 500. */
  readonly status?: number
  /** The error's code, where a status has several: `"user_not_found"`. */
  readonly code?: string
  /** Seconds, of a 429; 60 unless said. */
  readonly retryAfter?: number
  /** Milliseconds to wait before anything else happens, up to 60,000. */
  readonly delay?: number
  /** Whether to reset the connection instead of answering. */
  readonly reset?: boolean
  /** How many answers; 1 unless said. */
  readonly times?: number
}

/** A fault for whichever site is asked, or one a site, by the sites' ids. */
export type FaultsOption = Fault | Readonly<Record<string, Fault>>

/** The faults of a server, to be set while it runs. */
export interface FaultRules {
  /** Sets what happens next, to requests for one site or for any. A site has one rule, and its own goes before that for all. */
  readonly set: (fault: Fault, siteId?: string) => void
  /** Takes a site's rule away; without a site all there are. */
  readonly clear: (siteId?: string) => void
  /** What is still to happen: nothing where all of a rule has. */
  readonly left: (siteId?: string) => Fault | undefined
}

/** The rules that are in force, as the server keeps them; in words of our own, since what is published cannot name its types. */
export type Rules = Map<SiteId | "all", Fault & { readonly times: number }>

/** Reads what is to be set at first. */
export const read = (option: FaultsOption): Rules => {
  const given = anyObject("faults", option)
  const rules: Rules = new Map()
  if (Object.keys(given).length === 0) return rules
  const isOneEach = Object.entries(given).some(
    ([key, value]) => Predicate.isObject(value) || parseSiteId(key) !== undefined,
  )
  if (!isOneEach) return new Map([["all", decode("faults", given)]])
  for (const [siteId, fault] of Object.entries(given)) {
    const at = `faults[${JSON.stringify(siteId)}]`
    rules.set(keyOf(at, siteId), decode(at, fault))
  }
  return rules
}

/** The rules that are in force, to be set by a test. */
export const rulesOn = (current: () => Rules): FaultRules => ({
  set: (fault, siteId) => void current().set(keyOf("faults", siteId), decode("faults", fault)),
  clear: (siteId) => {
    if (siteId === undefined) current().clear()
    else current().delete(keyOf("faults", siteId))
  },
  left: (siteId) => current().get(keyOf("faults", siteId)),
})

const decode = (at: string, fault: unknown) => {
  const decoded = Faults.decode(fault)
  if (Result.isFailure(decoded)) throw InvalidOption.of(at, decoded.failure)
  return decoded.success
}

const keyOf = (at: string, siteId: unknown): SiteId | "all" => {
  if (siteId === undefined) return "all"
  const known = Predicate.isString(siteId) ? parseSiteId(siteId) : undefined
  if (known === undefined) throw new InvalidOption({ message: `${at}: a site's id is 24 hexadecimal characters` })
  return known
}
