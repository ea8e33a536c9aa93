/**
 * What an update means, as a table: one user each, a request, and what has to come of it. It runs through core, the
 * SDK, the CLI and the proxy, on every store; whoever writes another runtime or store runs it too.
 *
 * Bodies are JSON texts, since that is what callers send: some of what has to be refused cannot be said otherwise.
 */
import { Predicate } from "effect"
import type { SiteDeclaration } from "../SiteDeclaration.ts"
import { parseSiteId, type SiteId, type User } from "../User.ts"
import { UserId } from "../UserSchema.ts"
import { declaration, declared } from "./DeclaredSiteSketches.ts"
import { frozen } from "./StoreCheck.ts"
import { accepted, admin, bought, rejected } from "./UpdateUserSketches.ts"

/** An update, and what has to come of it. */
export interface UpdateUserCase {
  readonly name: string
  /** The site that the user is on, whichever one is asked for. */
  readonly home: SiteId
  readonly siteId: string
  readonly userId: string
  /** The request's body, as JSON text. */
  readonly body: string
  readonly expected: ExpectedUser | ExpectedError
}

/** The user as it has to be afterwards, but for `lastUpdated`, which has to have moved. */
export interface ExpectedUser {
  readonly user: User
}

/** The error of core's list, and the parameters its details have to name. Nothing may have changed. */
export interface ExpectedError {
  readonly tag: string
  readonly params: ReadonlyArray<string>
}

/** The site that declares nothing. Most users of the table are on it. */
export const siteId = parseSiteId("580e63e98c9a982ac9b8b741") as SiteId
/** The site that declares its groups and fields. */
export const declaredSiteId = parseSiteId("580e63e98c9a982ac9b8b742") as SiteId
/** A site no store of the table has. */
export const unknownSiteId = parseSiteId("580e63e98c9a982ac9b8b7ff") as SiteId

const subject = (index: number): User => ({
  id: UserId.make(`6287ec36a841b25637c6${(0x3000 + index).toString(16)}`),
  isEmailVerified: true,
  lastUpdated: "2024-05-20T13:46:12.093Z",
  invitedOn: null,
  createdOn: "2024-01-02T03:04:05.000Z",
  lastLogin: "2024-05-01T00:00:00.000Z",
  status: "verified",
  accessGroups: [admin("webflowers"), bought("course")],
  data: {
    name: `Member ${index}`,
    email: `member${index}@example.com`,
    "accept-privacy": true,
    "accept-communications": true,
    drink: "Tea",
    // What imports take in and no update could set: it may come back as it is.
    history: ["joined", { by: "invitation" }],
  },
  source: { imported: true },
})

const sketches = [...accepted, ...rejected, ...declared]
const homeOf = (index: number): SiteId => (index < accepted.length + rejected.length ? siteId : declaredSiteId)

/** The users of the table, one a case, as they are before. */
export const users: ReadonlyArray<User> = frozen(sketches.map((_, index) => subject(index)))

interface Site {
  readonly id: SiteId
  readonly users: ReadonlyArray<User>
  readonly declaration?: SiteDeclaration
}

/** What a store has to hold before the table is run. */
export const sites: readonly [Site, Site] = frozen([
  { id: siteId, users: users.filter((_, index) => homeOf(index) === siteId) },
  { id: declaredSiteId, users: users.filter((_, index) => homeOf(index) === declaredSiteId), declaration },
])

/** The table. */
export const all: ReadonlyArray<UpdateUserCase> = frozen(
  sketches.map((sketch, index) => {
    const user = subject(index)
    const body = sketch.body(user)
    const { expected } = sketch
    const home = homeOf(index)
    return {
      name: sketch.name,
      home,
      siteId: sketch.siteId === "unknown" ? unknownSiteId : (sketch.siteId ?? home),
      userId: sketch.userId === "upper" ? user.id.toUpperCase() : (sketch.userId ?? user.id),
      body: typeof body === "string" ? body : JSON.stringify(body),
      expected:
        "tag" in expected
          ? expected
          : {
              user: {
                ...user,
                accessGroups: expected.accessGroups ?? user.accessGroups,
                data: expected.data === undefined ? user.data : (expected.data(user.data) as User["data"]),
              },
            },
    }
  }),
)

/** What a runtime made of a case: the user it answered, or the error. */
export type Outcome = { readonly user: User } | ExpectedError

/** What a runtime failed with, in the table's words. */
export const failed = (error: { readonly _tag: string; readonly details?: ReadonlyArray<unknown> }): ExpectedError => ({
  tag: error._tag,
  params: (error.details ?? []).map((detail) => (Predicate.hasProperty(detail, "param") ? String(detail.param) : "")),
})

/**
 * What was to come of a case and what came, to be compared. `before` and `after` are the case's own user as the store
 * has it.
 */
export const judge = (
  one: UpdateUserCase,
  seen: { readonly outcome: Outcome; readonly before: User; readonly after: User },
): { readonly expected: unknown; readonly actual: unknown } => {
  const { before, after, outcome } = seen
  if ("tag" in one.expected) {
    return {
      expected: { ...one.expected, user: before },
      actual: { ...("tag" in outcome ? outcome : { tag: "none" }), user: after },
    }
  }
  const { lastUpdated: answered, ...answer } = "user" in outcome ? outcome.user : ({} as Partial<User>)
  const { lastUpdated: stored, ...kept } = after
  const { lastUpdated: _, ...wanted } = one.expected.user
  return {
    expected: { answer: wanted, kept: wanted, moved: true },
    actual: { answer, kept, moved: answered === stored && String(stored) > String(before.lastUpdated) },
  }
}
