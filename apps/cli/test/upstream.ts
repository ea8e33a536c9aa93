/** A server of somebody else's that keeps users and counts, and does what it is told instead. */
import type { IncomingMessage } from "node:http"
import { text } from "node:stream/consumers"
import type { User } from "@webflow-users/core"
import { type Answer, envelope, serve } from "./server.ts"

export interface Patch {
  readonly id: string
  readonly body: { readonly data?: Record<string, unknown>; readonly accessGroups?: ReadonlyArray<unknown> }
  /** How many updates were sent before it, of anybody. */
  readonly before: number
  readonly request: IncomingMessage
  /** Lets nobody connect any more. */
  readonly close: () => void
  /** Makes it, and answers so. */
  readonly make: () => Answer
}

export const refusals = {
  401: { status: 401, body: envelope("not_authorized", "Request not authorized") },
  400: {
    status: 400,
    body: envelope("validation_error", "Validation Error", [{ param: "x", description: "is wrong" }]),
  },
  429: { status: 429, body: envelope("too_many_requests", "Too Many Requests") },
  500: { status: 500, body: envelope("internal_error", "An Internal Error occurred") },
} as const satisfies Record<number, Answer>

const ok = (value: unknown): Answer => ({ status: 200, body: JSON.stringify(value) })

/** Serves users by the contract; `answer` has the word at updates, and gives nothing to let the caller wait for ever. */
export const serveMembers = async (
  members: ReadonlyArray<User>,
  answer: (patch: Patch) => Answer | undefined | Promise<Answer | undefined> = ({ make }) => make(),
) => {
  const users = new Map<string, User>(members.map((user) => [user.id, user]))
  /** The updates that came, whether they were made or not. */
  const sent: Array<Omit<Patch, "request" | "close" | "make">> = []
  const waiting: Array<{ readonly count: number; readonly go: () => void }> = []

  const server = await serve(async (request, { close }) => {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://localhost")
    const id = /\/users\/(\w+)$/.exec(pathname)?.[1]
    if (id === undefined) {
      const [offset, limit] = [Number(searchParams.get("offset")), Number(searchParams.get("limit"))]
      const page = [...users.values()].slice(offset, offset + limit)
      return ok({ users: page, count: page.length, limit, offset, total: users.size })
    }
    const user = users.get(id)
    if (user === undefined) return { status: 404, body: envelope("user_not_found", "Nobody") }
    if (request.method !== "PATCH") return ok(user)
    const body = JSON.parse(await text(request)) as Patch["body"]
    const patch = { id, body, before: sent.length }
    sent.push(patch)
    for (const { count, go } of waiting) if (sent.length >= count) go()
    const make = () => {
      const updated = updatedBy(users.get(id) ?? user, body)
      users.set(id, updated)
      return ok(updated)
    }
    return answer({ ...patch, request, close, make })
  })
  return Object.assign(server, {
    users,
    sent,
    /** When so many updates have come. */
    hasGot: (count: number) => new Promise<void>((go) => (sent.length >= count ? go() : waiting.push({ count, go }))),
    drinks: () => [...users.values()].map(({ data }) => data["drink"]),
  })
}

const updatedBy = (user: User, { data = {}, accessGroups }: Patch["body"]): User => ({
  ...user,
  lastUpdated: new Date(Date.parse(user.lastUpdated ?? "") + 1).toISOString(),
  data: Object.fromEntries(
    Object.entries({ ...user.data, ...data }).filter(([, value]) => value !== null),
  ) as User["data"],
  ...(accessGroups !== undefined && {
    accessGroups: accessGroups.map((group) =>
      typeof group === "string" ? { slug: group, type: "admin" } : group,
    ) as User["accessGroups"],
  }),
})
