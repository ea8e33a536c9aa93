import { describe, expect, it } from "vitest"
import { nameOf, printable } from "../src/Text.ts"

describe("what another server sends for a text", () => {
  it("is printed, whatever it is", () => {
    expect([printable(5), printable("A\u001b[2J\nB")]).toEqual(["5", "A[2J B"])
    expect(nameOf({ id: "6287ec36a841b25637c663df", data: { email: 5 } } as never)).toBe("5 (6287ec36a841b25637c663df)")
  })
})
