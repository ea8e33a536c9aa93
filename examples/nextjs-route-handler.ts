/**
 * `app/api/profile/route.ts` of a Next.js site: members change their own profile, and nobody else's. The page sends
 * `PATCH /api/profile` with `{"name": "Ada", "company": "Engines"}`; the token never leaves the server.
 */
import { createClient, isInvalidPatch, isUserNotFound } from "@webflow-users/sdk"
import { memberOf } from "./session.ts"

const siteId = "580e63e98c9a982ac9b8b741"

/** What members may change. Without such a list they could put themselves into access groups. */
const editable = new Set(["name", "company", "accept-communications"])

// One for all requests: it keeps connections, and within the server's limit.
const client = createClient({
  baseUrl: process.env.WEBFLOW_USERS_STORE ?? "http://127.0.0.1:8787/v2",
  token: process.env.WEBFLOW_USERS_TOKEN ?? "",
})

const problem = (status: number, message: string, details: ReadonlyArray<unknown> = []) =>
  Response.json({ message, details }, { status })

export const PATCH = async (request: Request): Promise<Response> => {
  // Whose profile it is, the session says; the request has no say in it.
  const userId = await memberOf(request, process.env.SESSION_SECRET ?? "")
  if (userId === undefined) return problem(401, "Sign in first")
  const profile: unknown = await request.json().catch(() => undefined)
  if (typeof profile !== "object" || profile === null || Array.isArray(profile))
    return problem(400, "The profile has to be a JSON object")
  const unknown = Object.keys(profile).find((key) => !editable.has(key))
  if (unknown !== undefined) return problem(400, `${unknown} cannot be changed here`)
  try {
    const { data } = await client.users.update(siteId, userId, { data: { ...profile } }, { signal: request.signal })
    return Response.json({ name: data.name, company: data["company"] })
  } catch (error) {
    if (isInvalidPatch(error)) return problem(400, "Some of it cannot be", error.details)
    // Who signed in is a member no more.
    if (isUserNotFound(error)) return problem(404, "There is no such member")
    // What went wrong between this site and its server is for your log, not for the member.
    console.error(error)
    return problem(502, "The profile could not be saved")
  }
}
