/** The body of errors, in the form of `webflow-api` 3.1. */
import { Envelope } from "@webflow-users/core/wire"

/** The body of an answer that is no success. */
export interface Error_ {
  code?: ErrorCode
  message?: string
  externalReference?: string
  details?: unknown[]
}

/** Every `code` of the last published specification. */
export type ErrorCode = (typeof Envelope.documentedCodes)[number]
export const ErrorCode = Object.fromEntries(
  Envelope.documentedCodes.map((code) => [
    code.replaceAll(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase()),
    code,
  ]),
) as Names<ErrorCode>

/** Values by their names, as generated code writes them: `not_authorized` is `NotAuthorized`. */
export type Names<Value extends string> = { readonly [One in Value as Pascal<One>]: One }
type Pascal<Words extends string> = Words extends `${infer First}_${infer Rest}`
  ? `${Capitalize<First>}${Pascal<Rest>}`
  : Capitalize<Words>
