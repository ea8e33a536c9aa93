/** What every answer has to be, whatever was asked. */
import { Predicate } from "effect"
import type { Answer } from "../raw.ts"
import { personal } from "./world.ts"

/** Put into what callers send where no answer may repeat it: values, headers and queries. */
export const planted = "Planted"

/** Every `code` the specification lists. */
const codes = new Set(
  `bad_request collection_not_found conflict duplicate_collection duplicate_user_email ecommerce_not_enabled forbidden
  forms_require_republish incompatible_webhook_filter internal_error invalid_auth_version invalid_credentials
  invalid_domain invalid_user_email item_not_found missing_scopes no_domains not_authorized not_enterprise_plan_site
  not_enterprise_plan_workspace order_not_found resource_not_found too_many_requests unsupported_version
  unsupported_webhook_trigger_type user_limit_reached user_not_found users_not_enabled validation_error`.split(/\s+/),
)

const secret = new RegExp(`${personal}|${planted}|wfu_[0-9a-f]{24}`, "i")

/** What of the request decides how the answer may look. */
export interface Asked {
  readonly isHead?: boolean
  /** Asked as v1 was: failures may come in v1's envelope. */
  readonly isV1?: boolean
}

/** What is wrong with an answer, if anything. */
export const problemWith = (answer: Answer, { isHead = false, isV1 = false }: Asked = {}): string | undefined => {
  const { status, headers, body } = answer
  if (status !== 200 && !(status >= 400 && status < 500)) return `the status is ${status}`
  if (headers["content-type"] !== "application/json; charset=utf-8") return `the type is ${headers["content-type"]}`
  if (!/^\d+$/.test(headers["content-length"] ?? "")) return `the length is ${headers["content-length"]}`
  if (isHead) return body === "" ? undefined : "there is a body"
  let json: unknown
  try {
    json = JSON.parse(body)
  } catch {
    return "the body is not JSON"
  }
  if (!Predicate.isObject(json)) return "the body is no object"
  if (status === 200) return isFound(json) ? undefined : "the body is no user, no list and no health"
  if (secret.test(body)) return "the error tells what it must not"
  const unclean = strings(json).find((text) => /\p{Cc}/u.test(text) || !text.isWellFormed())
  if (unclean !== undefined) return `the error has control characters in it: ${JSON.stringify(unclean)}`
  return isV1 && "msg" in json ? v1Problem(json, status) : envelopeProblem(json)
}

const isFound = (json: object): boolean =>
  "data" in json || "users" in json || "accessGroups" in json || ("status" in json && json.status === "ok")

const envelopeProblem = (json: object): string | undefined => {
  if (Object.keys(json).toSorted().join() !== "code,details,externalReference,message") return "it is not the envelope"
  const { code, message, externalReference, details } = json as Record<string, unknown>
  if (!Predicate.isString(code) || !codes.has(code)) return `the code ${String(code)} is not in the specification`
  if (!Predicate.isString(message) || message === "") return "there is no message"
  if (externalReference !== null) return "there is an externalReference"
  return Array.isArray(details) && details.every(isDetail) ? undefined : "the details are no list of details"
}

const isDetail = (detail: unknown): boolean =>
  Predicate.isObject(detail) &&
  Object.keys(detail).toSorted().join() === "description,param" &&
  Object.values(detail).every(Predicate.isString)

/** What v1 answers for a failure: `{msg, code, name, path, err}`, the code being the status, and what is wrong with what. */
const v1Problem = (json: object, status: number): string | undefined => {
  const { msg, code, name, path, err, problems = [], problem_data = [], ...others } = json as Record<string, unknown>
  const texts = [msg, name, path, err]
  if (!texts.every((text) => Predicate.isString(text) && text !== "")) return "v1's envelope lacks a text"
  if (code !== status) return `v1's code is ${String(code)}`
  const areListed = Array.isArray(problems) && problems.every(Predicate.isString) && Array.isArray(problem_data)
  return areListed && Object.keys(others).length === 0 ? undefined : "it is not v1's envelope"
}

const strings = (json: unknown): ReadonlyArray<string> => {
  if (Predicate.isString(json)) return [json]
  return Predicate.isObjectKeyword(json) ? Object.entries(json).flatMap(([key, value]) => [key, ...strings(value)]) : []
}
