/** The site that a server for tests has where its test brings none of its own. */
import type { Seed } from "./Seed.ts"

const siteId = "580e63e98c9a982ac9b8b741"

const member = (id: string, createdOn: string, name: string, email: string, slugs: ReadonlyArray<string>) => ({
  id,
  isEmailVerified: true,
  lastUpdated: createdOn,
  invitedOn: null,
  createdOn,
  lastLogin: createdOn,
  status: "verified",
  accessGroups: slugs.map((slug) => ({ slug, type: "admin" })),
  data: { name, email, "accept-privacy": true, "accept-communications": false },
})

const ada = "6287ec36a841b25637c663df"
const bruno = "6287ed12a841b25637c6641a"
const chiyo = "62880f4ea841b25637c66a07"

const seed: Seed = {
  [siteId]: {
    users: [
      member(ada, "2024-01-02T03:04:05.000Z", "Ada Okafor", "ada@example.com", ["webflowers"]),
      member(bruno, "2024-02-03T04:05:06.000Z", "Bruno Castellanos", "bruno@example.com", ["webflowers", "platinum"]),
      member(chiyo, "2024-03-04T05:06:07.000Z", "Chiyo Sato", "chiyo@example.com", []),
    ],
  },
}

/** A site that declares nothing, and its three users: `ada` in one group, `bruno` in two, `chiyo` in none. */
export const sample: {
  readonly siteId: string
  readonly userIds: { readonly ada: string; readonly bruno: string; readonly chiyo: string }
  /** As `startServer` takes it: to be spread where a test wants these users and others. */
  readonly seed: Seed
} = { siteId, userIds: { ada, bruno, chiyo }, seed }
