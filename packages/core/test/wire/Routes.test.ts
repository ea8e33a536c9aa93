import { Routes } from "@webflow-users/core/wire"
import fc from "fast-check"
import { describe, expect, it } from "vitest"

const siteId = "580e63e98c9a982ac9b8b741"
const userId = "6287ec36a841b25637c663df"
const names = Object.keys(Routes.routes) as ReadonlyArray<Routes.RouteName>

describe("the paths of the contract", () => {
  it("are these, with these scopes", () =>
    expect(Routes.routes).toStrictEqual({
      updateUser: { method: "PATCH", path: "/sites/:site_id/users/:user_id", scope: "users:write" },
      getUser: { method: "GET", path: "/sites/:site_id/users/:user_id", scope: "users:read" },
      userHistory: { method: "GET", path: "/sites/:site_id/users/:user_id/history", scope: "users:read" },
      listUsers: { method: "GET", path: "/sites/:site_id/users", scope: "users:read" },
      listAccessGroups: { method: "GET", path: "/sites/:site_id/accessgroups", scope: "users:read" },
    }))

  describe.each(["/v2", "/beta", ""])("below %j", (prefix) => {
    it.each([
      ["PATCH", `/sites/${siteId}/users/${userId}`, "updateUser", userId],
      ["GET", `/sites/${siteId}/users/${userId}`, "getUser", userId],
      ["GET", `/sites/${siteId}/users/${userId}/history`, "userHistory", userId],
      ["GET", `/sites/${siteId}/users`, "listUsers", ""],
      ["GET", `/sites/${siteId}/accessgroups`, "listAccessGroups", ""],
    ])("%s %s is %s", (method, path, route, user) =>
      expect(Routes.match(method, prefix + path)).toStrictEqual({
        _tag: "Found",
        route,
        parameters: { siteId, userId: user },
      }),
    )

    it.each([
      ["PUT", `/sites/${siteId}/users/${userId}`, ["PATCH", "GET"]],
      ["patch", `/sites/${siteId}/users/${userId}`, ["PATCH", "GET"]],
      ["POST", `/sites/${siteId}/users`, ["GET"]],
      ["PATCH", `/sites/${siteId}/accessgroups`, ["GET"]],
    ])("%s %s names the methods there are", (method, path, allow) =>
      expect(Routes.match(method, prefix + path)).toStrictEqual({ _tag: "WrongMethod", allow }),
    )

    it.each([
      "",
      "/",
      "/sites",
      "/sites/",
      `/sites/${siteId}`,
      `/sites/${siteId}/`,
      `/sites/${siteId}/users/`,
      `/sites/${siteId}/users/${userId}/`,
      `/sites/${siteId}/users/${userId}/more`,
      "/sites//users",
      `/sites//users/${userId}`,
      `/Sites/${siteId}/users`,
      `/sites/${siteId}/Users`,
      `/sites/${siteId}/users%2F${userId}`,
      `/sites/${siteId}/items`,
      `//sites/${siteId}/users`,
    ])("%j is none", (path) => expect(Routes.match("GET", prefix + path)).toStrictEqual({ _tag: "Unknown" }))
  })

  it.each(["/v1", "/v2/v2", "/v2/beta", "/beta/v2", "/V2", "v2", "/v20", "/v2/."])("do not stand below %j", (prefix) =>
    expect(Routes.match("GET", `${prefix}/sites/${siteId}/users`)).toStrictEqual({ _tag: "Unknown" }),
  )

  it("lead back to the route and the parameters they were built of", () =>
    fc.assert(
      fc.property(
        fc.constantFrom(...names),
        fc.constantFrom(...Routes.prefixes),
        fc.string({ minLength: 1 }),
        fc.string({ minLength: 1 }),
        (route, prefix, site, user) => {
          const path = prefix + Routes.pathOf(route, { siteId: site, userId: user })
          const found = Routes.match(Routes.routes[route].method, path)
          expect(found).toMatchObject({ _tag: "Found", route })
          if (found._tag !== "Found") return
          expect(decodeURIComponent(found.parameters.siteId)).toBe(site)
          expect(decodeURIComponent(found.parameters.userId)).toBe(
            Routes.routes[route].path.includes(":user_id") ? user : "",
          )
        },
      ),
    ))
})
