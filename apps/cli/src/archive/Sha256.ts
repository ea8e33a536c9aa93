/** The SHA-256 of archives. */
import { createHash } from "node:crypto"
import type { ArchiveLines } from "@webflow-users/core"

export const make = (): ArchiveLines.Sha256 => {
  const hash = createHash("sha256")
  return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest("hex") }
}
