/** Saying what a site has: a declaration into a store. */
import { Effect } from "effect"
import * as SiteDeclaration from "./SiteDeclaration.ts"
import * as SiteDeclarationSchema from "./SiteDeclarationSchema.ts"
import { Sites } from "./Sites.ts"
import { acceptSiteId } from "./UserStore.ts"

/** What a declaration changed: slugs, and whether anything is declared at all. */
export interface Report {
  readonly siteId: string
  /** Whether the store had no such site before. */
  readonly isNew: boolean
  readonly accessGroups: SiteDeclaration.Changes & { readonly isDeclared: boolean }
  readonly fields: SiteDeclaration.Changes & { readonly isDeclared: boolean }
}

/**
 * Makes a declaration, as JSON, the site's. It replaces the one before, so that making the same one again changes nothing;
 * everything that is wrong with it is told at once.
 */
export const declareSite = Effect.fn("DeclareSite.declareSite")(function* (site: string, json: unknown) {
  const sites = yield* Sites
  const siteId = yield* acceptSiteId(site)
  const declaration = yield* Effect.fromResult(SiteDeclarationSchema.decode(json))
  const before = yield* sites.declare(siteId, declaration)
  const changes = SiteDeclaration.changesBetween(before ?? SiteDeclaration.undeclared, declaration)
  return {
    siteId,
    isNew: before === undefined,
    accessGroups: { isDeclared: declaration.accessGroups !== undefined, ...changes.accessGroups },
    fields: { isDeclared: declaration.fields !== undefined, ...changes.fields },
  } satisfies Report
})
