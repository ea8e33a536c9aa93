/**
 * Taking in what a site's owner holds: users out of a file, into a store. See `ImportFile.ts` for the files.
 */
import { Effect } from "effect"
import { type KnownUsers, NewUsers } from "./NewUsers.ts"
import * as ObjectId from "./ObjectId.ts"
import { type Profile, type SiteId, type User, UserId } from "./UserSchema.ts"
import { emailKey } from "./UserOrder.ts"

/** A user as a file has it. */
export interface Candidate {
  /** Where in the file, in a person's words: `line 12`, `user 3`. */
  readonly place: string
  /** `undefined` where the file has none: one is minted. */
  readonly id: UserId | undefined
  readonly user: Profile
}

/** Why an entry of a file cannot be taken in. */
export interface Problem {
  readonly place: string
  readonly reason: string
}

/** What a file was read as. */
export interface ImportFile {
  readonly candidates: ReadonlyArray<Candidate>
  readonly problems: ReadonlyArray<Problem>
}

/** What became of a file. */
export interface Report {
  /** Users that were new and are now in the store. */
  readonly added: number
  /** Users the store had already; they are left as they are. */
  readonly existing: number
  readonly problems: ReadonlyArray<Problem>
}

/**
 * Adds a file's users to a site, in one transaction. With problems in the file, or between file and store, nothing is
 * added unless `skipInvalid`. Users already there, by id or by e-mail address, stay as they are: importing twice
 * changes nothing, and never undoes an update.
 */
export const importUsers = Effect.fn("UserImport.importUsers")(function* (
  siteId: SiteId,
  file: ImportFile,
  options: { readonly skipInvalid: boolean },
) {
  const newUsers = yield* NewUsers
  const candidates = yield* Effect.forEach(file.candidates, (candidate) =>
    Effect.map(ObjectId.make, (minted) => ({ ...candidate, minted: UserId.make(minted) })),
  )
  let plan: Plan = { added: [], existing: 0, problems: [] }
  const refused = () => !options.skipInvalid && file.problems.length + plan.problems.length > 0
  yield* newUsers.add(siteId, (known) => {
    plan = planFor(candidates, known)
    return refused() ? undefined : plan.added
  })
  return {
    added: refused() ? 0 : plan.added.length,
    existing: plan.existing,
    problems: [...file.problems, ...plan.problems],
  } satisfies Report
})

interface Plan {
  readonly added: Array<User>
  existing: number
  readonly problems: Array<Problem>
}

const planFor = (candidates: ReadonlyArray<Candidate & { readonly minted: UserId }>, known: KnownUsers): Plan => {
  const plan: Plan = { added: [], existing: 0, problems: [] }
  const seen = new Map<string, string>()
  for (const { place, id, user, minted } of candidates) {
    const email = emailKey(user.data.email)
    // Either names the user; an absent one names nobody.
    const names = [email, id ?? ""].filter((name) => name !== "")
    const owner = email === "" ? undefined : known.idByEmail.get(email)
    const twin = names.map((name) => seen.get(name)).find((earlier) => earlier !== undefined)
    if (twin !== undefined) plan.problems.push({ place, reason: `is the same user as ${twin}` })
    else if (owner !== undefined && id !== undefined && owner !== id) {
      plan.problems.push({ place, reason: `its e-mail address belongs to user ${owner} in the store` })
    } else if (owner !== undefined || known.ids.has(id ?? "")) plan.existing += 1
    else plan.added.push({ id: id ?? minted, ...user })
    for (const name of names) if (!seen.has(name)) seen.set(name, place)
  }
  return plan
}
