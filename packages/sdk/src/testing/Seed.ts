/** What a server for tests begins with, and goes back to. */
import {
  DeclareSite,
  ImportFile,
  parseSiteId,
  readOnlyProperties,
  type SiteDeclaration,
  type SiteId,
  UserImport,
} from "@webflow-users/core"
import { UpdateUserBody } from "@webflow-users/core/wire"
import { Effect } from "effect"
import { anyObject, objectOf } from "./Given.ts"
import { InvalidOption } from "./InvalidOption.ts"

/** A site, by its id. */
export interface SiteSeed {
  /**
   * Its users: List Users JSON (`{ users: […] }`), or an array of users. An id or an e-mail address is all that one needs; who
   * has no id gets one.
   */
  readonly users?: unknown
  /** Its access groups and custom fields; what is not declared takes whatever comes. */
  readonly declaration?: SiteDeclaration.SiteDeclaration
}

/** Sites by their ids, 24 hexadecimal characters each. */
export type Seed = Readonly<Record<string, SiteSeed>>

/** What a site begins with, read. */
interface Planted {
  readonly at: string
  readonly site: SiteId
  readonly file: UserImport.ImportFile
  readonly declaration: unknown
}

const keys = Object.keys({ users: true, declaration: true } satisfies Record<keyof SiteSeed, true>)

/** Reads the sites; what is wrong with users by themselves is told when they are planted, together with all else of the site. */
export const read = (seed: Seed): ReadonlyArray<Planted> =>
  Object.entries(anyObject("seed", seed)).map(([siteId, given]) => {
    const at = `seed[${JSON.stringify(siteId)}]`
    const { users = [], declaration } = objectOf(at, "a site", keys, Array.isArray(given) ? { ...given } : given)
    const site = parseSiteId(siteId)
    if (site === undefined) throw new InvalidOption({ message: `${at}: a site's id is 24 hexadecimal characters` })
    const file = ImportFile.fromJson(users)
    if (file === undefined) {
      const message = `${at}.users must be an array of users, {users: […]}, or an array of such pages`
      throw new InvalidOption({ message })
    }
    const problems = file.candidates.flatMap(({ place, user }) =>
      Object.keys(user).flatMap((key) => {
        const reason = misplaced(key)
        return reason === undefined ? [] : [{ place, reason }]
      }),
    )
    return { at, site, file: { ...file, problems: [...file.problems, ...problems] }, declaration }
  })

const properties = [...readOnlyProperties, "accessGroups", "data"]

/**
 * What is wrong with a property of a user, if anything. One that nobody documented comes back as it is, as everywhere; one that is
 * nearly known is a slip.
 */
const misplaced = (key: string): string | undefined => {
  if (properties.includes(key)) return undefined
  if (UpdateUserBody.isBuiltInField(key)) return `${key} stands in data`
  const meant = properties.find((known) => isNearly(plain(key), plain(known)))
  return meant === undefined ? undefined : `${key} is no property of a user: write ${meant}`
}

const plain = (key: string): string => key.toLowerCase().replaceAll(/[\s_-]/g, "")

/** Whether two words are one but for a letter: another, one more, or two that have changed places. */
const isNearly = (one: string, other: string): boolean => {
  const shorter = Math.min(one.length, other.length)
  let start = 0
  while (start < shorter && one[start] === other[start]) start += 1
  let end = 0
  while (end < shorter - start && one.at(-1 - end) === other.at(-1 - end)) end += 1
  const [a, b] = [one.slice(start, one.length - end), other.slice(start, other.length - end)]
  return (a.length <= 1 && b.length <= 1) || (a.length === 2 && a === `${b[1]}${b[0]}`)
}

/** Fills an empty store; with anything wrong in the seed it fails, and says of each user what it is. */
export const plant = Effect.fnUntraced(function* (seed: ReadonlyArray<Planted>) {
  for (const { at, site, file, declaration } of seed) {
    const { problems } = yield* UserImport.importUsers(site, file, { skipInvalid: false })
    if (problems.length > 0) {
      const said = problems.map(({ place, reason }) => `${place}: ${reason}`)
      return yield* new InvalidOption({ message: `${at}.users: ${said.join("\n")}` })
    }
    if (declaration === undefined) continue
    yield* DeclareSite.declareSite(site, declaration).pipe(
      Effect.catchTag("InvalidPatch", (error) => Effect.fail(InvalidOption.of(`${at}.declaration`, error))),
    )
  }
})
