/**
 * The paths of the contract, as values: a server matches requests against them, a client builds its requests of them.
 */

/** What a caller's token has to allow. */
export type Scope = "users:read" | "users:write"

/** Every operation: where it is found, and the scope it asks for. */
export const routes = {
  updateUser: { method: "PATCH", path: "/sites/:site_id/users/:user_id", scope: "users:write" },
  getUser: { method: "GET", path: "/sites/:site_id/users/:user_id", scope: "users:read" },
  // Not Webflow's: ours.
  userHistory: { method: "GET", path: "/sites/:site_id/users/:user_id/history", scope: "users:read" },
  listUsers: { method: "GET", path: "/sites/:site_id/users", scope: "users:read" },
  listAccessGroups: { method: "GET", path: "/sites/:site_id/accessgroups", scope: "users:read" },
} as const satisfies Record<string, { method: string; path: string; scope: Scope }>

/** An operation of the contract. */
export type RouteName = keyof typeof routes

/** What stands before each path: `/v2` and `/beta` are documented and equal, SDK 2.x calls without either. */
export const prefixes = ["/v2", "/beta", ""] as const

/** The ids in a path, as they came: nobody has checked them. */
export interface Parameters {
  readonly siteId: string
  readonly userId: string
}

/** What a method and a path ask for. */
export type Match =
  | { readonly _tag: "Found"; readonly route: RouteName; readonly parameters: Parameters }
  | { readonly _tag: "WrongMethod"; readonly allow: ReadonlyArray<string> }
  | { readonly _tag: "Unknown" }

// Pure, so that a client, which asks for routes and finds none, does without.
const templates = /* @__PURE__ */ Object.entries(routes).map(([name, { method, path }]) => ({
  name: name as RouteName,
  method,
  /** Behind each prefix. No other begins as these paths do. */
  pattern: new RegExp(`^(?:${prefixes.join("|")})${path.replaceAll(/:\w+/g, "([^/]+)")}$`),
}))

const beginnings = /* @__PURE__ */ prefixes.map((prefix) => ({ prefix, begin: `${prefix}/` }))

/** What stands before a path, whether or not the path is one of the contract. */
export const prefixOf = (path: string): (typeof prefixes)[number] | undefined =>
  beginnings.find(({ begin }) => path.startsWith(begin))?.prefix

/** The operation a request asks for. `path` comes without its query. */
export const match = (method: string, path: string): Match => {
  for (const { name, method: own, pattern } of templates) {
    const found = own === method ? pattern.exec(path) : null
    if (found === null) continue
    const [, siteId = "", userId = ""] = found
    return { _tag: "Found", route: name, parameters: { siteId, userId } }
  }
  const others = templates.filter(({ pattern }) => pattern.test(path))
  return others.length === 0
    ? { _tag: "Unknown" }
    : { _tag: "WrongMethod", allow: others.map((template) => template.method) }
}

/** The path of an operation below a base address. */
export const pathOf = (route: RouteName, { siteId = "", userId = "" }: Partial<Parameters>): string =>
  routes[route].path.replace(":site_id", encoded(siteId)).replace(":user_id", encoded(userId))

/** Ids that were checked have nothing to encode, and to look is cheaper. */
const encoded = (id: string): string => (/^\w*$/.test(id) ? id : encodeURIComponent(id))
