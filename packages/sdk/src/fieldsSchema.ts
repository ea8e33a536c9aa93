/** Reads the custom fields of what comes back by a schema of the caller's. */
import { asError, type CallResponse, type User } from "@webflow-users/core"
import { UpdateUserBody } from "@webflow-users/core/wire"
import { Data, Effect, Predicate } from "effect"
import type { StandardSchemaV1 } from "effect/StandardSchema"

/**
 * Custom fields that came back do not fit the schema that the client was made with. `details` names them, and never what they
 * hold. An update has been made nevertheless.
 */
export class FieldsMismatch extends Data.TaggedError("FieldsMismatch")<{
  readonly message: string
  readonly details: ReadonlyArray<{ readonly param: string; readonly description: string }>
}> {
  readonly code = "fields_mismatch"
  readonly isRetryable = false
  /** The answer that they came with, from a server. */
  declare readonly response?: CallResponse
  static {
    asError(this.prototype)
  }
}

/** Gives users with the custom fields as a schema reads them, or nothing to do where there is none. */
export interface FieldsReader {
  readonly user: (user: User) => Effect.Effect<User, FieldsMismatch>
  readonly users: (users: ReadonlyArray<User>) => Effect.Effect<ReadonlyArray<User>, FieldsMismatch>
}

type Result = { readonly data: User["data"] } | { readonly wrong: ReadonlyArray<string> }

export const readerOf = (schema: StandardSchemaV1 | undefined): FieldsReader => {
  if (schema === undefined) return { user: Effect.succeed, users: Effect.succeed }
  const readAll = Effect.fnUntraced(function* (users: ReadonlyArray<User>, placeOf: (index: number) => string) {
    const results = yield* Effect.promise(() => Promise.all(users.map(({ data }) => read(schema, data))))
    const wrong = results.flatMap((result, index) =>
      "wrong" in result ? result.wrong.map((field) => `${placeOf(index)}data${field}`) : [],
    )
    if (wrong.length > 0) return yield* mismatch(wrong)
    return users.map((user, index): User => {
      const result = results[index]
      return result !== undefined && "data" in result ? { ...user, data: result.data } : user
    })
  })
  return {
    user: (user) =>
      Effect.map(
        readAll([user], () => ""),
        ([read = user]) => read,
      ),
    users: (users) => readAll(users, (index) => `users[${index}].`),
  }
}

const read = async (schema: StandardSchemaV1, data: User["data"]): Promise<Result> => {
  const fields = Object.entries(data)
  const builtIn = fields.filter(([key]) => UpdateUserBody.isBuiltInField(key))
  const custom = fields.filter(([key]) => !UpdateUserBody.isBuiltInField(key))
  const result = await schema["~standard"].validate(Object.fromEntries(custom))
  if (result.issues !== undefined) return { wrong: [...new Set(result.issues.map(fieldOf))] }
  const output = Predicate.isObject(result.value) ? Object.entries(result.value) : []
  return { data: Object.fromEntries([...output, ...builtIn]) as User["data"] }
}

/** Of an issue only where it is: its message may quote the value. */
const fieldOf = ({ path = [] }: StandardSchemaV1.Issue): string => {
  const [key] = path.map((segment) => (Predicate.isObject(segment) ? segment.key : segment))
  return key === undefined ? "" : `.${UpdateUserBody.shown(String(key))}`
}

const mismatch = (params: ReadonlyArray<string>) =>
  new FieldsMismatch({
    message: `What came back does not fit the schema of the custom fields: ${params.join(", ")}`,
    details: params.map((param) => ({ param, description: "does not fit the schema of the custom fields" })),
  })
