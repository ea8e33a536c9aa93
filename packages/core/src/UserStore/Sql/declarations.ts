/** A site's declaration as its column holds it. */
import { Option, Schema } from "effect"
import { undeclared } from "../../SiteDeclaration.ts"
import { SiteDeclaration } from "../../SiteDeclarationSchema.ts"

const document = Schema.fromJsonString(SiteDeclaration)
const decode = Schema.decodeUnknownOption(document)

/** The column's text of a declaration. */
export const encodeDeclaration = Schema.encodeSync(document)

/** The most declarations that are remembered. */
const most = 100

/** Reads the column. Every update does, so what was read lately is not read again. */
export const declarationReader = (): ((text: string | null) => SiteDeclaration) => {
  const known = new Map<string, SiteDeclaration>()
  return (text) => {
    if (text === null) return undeclared
    const found = known.get(text)
    if (found !== undefined) return found
    const read = Option.getOrThrowWith(
      decode(text),
      () => new Error("A site's declaration in the database cannot be read"),
    )
    if (known.size >= most) known.clear()
    known.set(text, read)
    return read
  }
}
