/** What all errors of the list have in common. */
import { expect, it } from "@effect/vitest"
import * as Core from "@webflow-users/core"

const { errors, isUpdateUserError } = Core
const made = Object.entries(errors).map(([name, Failed]) => ({
  name,
  error: new Failed({ status: 500, code: "internal_error", cause: "why" }),
}))

it.each(made)("$name is an error, named so, with its facts", ({ name, error }) => {
  expect(error).toBeInstanceOf(Error)
  expect([error.name, error._tag]).toEqual([name, name])
  expect(error.message).not.toBe("")
  expect(error.details).toEqual([])
  expect(error.stack).toContain("UpdateUserError.test")
  expect(typeof error.isRetryable).toBe("boolean")
  expect(isUpdateUserError(error)).toBe(true)
})

it("every class of an update's error is on the list, and nothing else is", () => {
  const classes = Object.entries(Core).filter(
    ([, value]) => typeof value === "function" && isUpdateUserError(value.prototype),
  )
  expect(classes.map(([name]) => name).toSorted()).toEqual(Object.keys(errors).toSorted())
  expect([new Error("no"), { _tag: "UserNotFound" }, null, "UserNotFound"].filter(isUpdateUserError)).toEqual([])
})
