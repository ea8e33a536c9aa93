import { expect, it } from "@effect/vitest"
import { Webflow } from "@webflow-users/core"

it.each([
  ["https://api.webflow.com/v2", true],
  ["https://api.webflow.com:443/v2", true],
  ["http://API.Webflow.COM/beta", true],
  ["https://webflow.com", true],
  ["https://api.webflow.com./v2", true],
  ["https://someone@api.webflow.com/v2", true],
  ["https://api.webflow.com.example.com/v2", false],
  ["https://notwebflow.com/v2", false],
  ["https://webflow.com@example.com/v2", false],
  ["https://example.com/api.webflow.com", false],
  ["https://webflow.io/v2", false],
  ["http://127.0.0.1:8787/v2", false],
  ["api.webflow.com/v2", false],
  ["", false],
])("%s is Webflow's own: %s", (address, expected) => {
  expect(Webflow.isWebflow(address)).toBe(expected)
})

it("says when Webflow removed it and what to do instead", () => {
  for (const words of ["2026-01-29", "webflow-users import", "webflow-users-proxy"]) {
    expect(Webflow.removed).toContain(words)
  }
})
