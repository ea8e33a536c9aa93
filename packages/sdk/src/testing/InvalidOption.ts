/** What is said to a test that asks for a server which cannot be. */
import type { InvalidPatch } from "@webflow-users/core"
import { Data, Predicate } from "effect"

/** An option of `startServer`, or what a method of the server was given, is wrong: `message` names each part, and says why. */
export class InvalidOption extends Data.TaggedError("InvalidOption")<{ readonly message: string }> {
  /** Of what core says of each part. */
  static of(option: string, { details = [], message }: InvalidPatch): InvalidOption {
    const said = details.flatMap((detail) =>
      Predicate.hasProperty(detail, "param") && Predicate.hasProperty(detail, "description")
        ? [`${detail.param} ${detail.description}`]
        : [],
    )
    return new InvalidOption({ message: `${option}: ${said.join("; ") || message}` })
  }
}
