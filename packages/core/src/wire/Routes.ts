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

const templates = Object.entries(routes).map(([name, route]) => ({
  name: name as RouteName,
  method: route.method,
  segments: route.path.split("/").slice(1),
}))

const beginnings = prefixes.map((prefix) => ({ prefix, begin: `${prefix}/` }))

/** What stands before a path, whether or not the path is one of the contract. */
export const prefixOf = (path: string): (typeof prefixes)[number] | undefined =>
  beginnings.find(({ begin }) => path.startsWith(begin))?.prefix

/** The operation a request asks for. `path` comes without its query. */
export const match = (method: string, path: string): Match => {
  const prefix = prefixOf(path)
  if (prefix === undefined) return { _tag: "Unknown" }
  const segments = path.slice(prefix.length + 1).split("/")
  const route = templates.find((template) => template.method === method && fits(template.segments, segments))
  if (route !== undefined) {
    return { _tag: "Found", route: route.name, parameters: { siteId: segments[1] ?? "", userId: segments[3] ?? "" } }
  }
  const others = templates.filter((template) => fits(template.segments, segments))
  return others.length === 0
    ? { _tag: "Unknown" }
    : { _tag: "WrongMethod", allow: others.map((template) => template.method) }
}

const fits = (template: ReadonlyArray<string>, segments: ReadonlyArray<string>): boolean =>
  template.length === segments.length &&
  template.every((part, index) => (part.startsWith(":") ? segments[index] !== "" : part === segments[index]))

/** The path of an operation below a base address. */
export const pathOf = (route: RouteName, { siteId = "", userId = "" }: Partial<Parameters>): string =>
  routes[route].path.replace(":site_id", encoded(siteId)).replace(":user_id", encoded(userId))

/** Ids that were checked have nothing to encode, and to look is cheaper. */
const encoded = (id: string): string => (/^\w*$/.test(id) ? id : encodeURIComponent(id))
