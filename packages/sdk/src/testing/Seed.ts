/** What a server for tests begins with, and goes back to. */
import { DeclareSite, ImportFile, type SiteDeclaration, UserImport, UserStore } from "@webflow-users/core"
import { Effect } from "effect"
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

/** Fills an empty store; with anything wrong in the seed it fails, and says of each user what it is. */
export const plant = Effect.fnUntraced(function* (seed: Seed) {
  for (const [siteId, given] of Object.entries(seed)) {
    const at = `seed["${siteId}"]`
    const strange = Object.keys(given).find((key) => key !== "users" && key !== "declaration")
    if (strange !== undefined) {
      return yield* new InvalidOption({ message: `${at}.${strange}: a site has users and declaration` })
    }
    const { users = [], declaration } = given
    const site = yield* UserStore.acceptSiteId(siteId).pipe(
      Effect.mapError(() => new InvalidOption({ message: `${at}: a site's id is 24 hexadecimal characters` })),
    )
    const file = ImportFile.fromJson(users)
    if (file === undefined) {
      const message = `${at}.users must be an array of users, {users: […]}, or an array of such pages`
      return yield* new InvalidOption({ message })
    }
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
