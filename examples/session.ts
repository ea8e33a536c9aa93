/** Stands for the sessions you have: a cookie `member=<user id>.<signature>`, signed when the member signed in. */
const encoder = new TextEncoder()

const keyOf = (secret: string) =>
  crypto.subtle.importKey("raw", encoder.encode(secret), { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"])

/** The cookie of a member. */
export const cookieOf = async (userId: string, secret: string): Promise<string> => {
  const signature = await crypto.subtle.sign("HMAC", await keyOf(secret), encoder.encode(userId))
  return `member=${userId}.${Buffer.from(signature).toString("hex")}`
}

/** Who is asking: the member's user id, or nobody. */
export const memberOf = async (request: Request, secret: string): Promise<string | undefined> => {
  const cookie = request.headers.get("cookie") ?? ""
  const [, userId = "", signature = ""] = /(?:^|; )member=([\da-f]{24})\.([\da-f]{64})(?:;|$)/.exec(cookie) ?? []
  if (userId === "") return undefined
  const tag = Buffer.from(signature, "hex")
  return (await crypto.subtle.verify("HMAC", await keyOf(secret), tag, encoder.encode(userId))) ? userId : undefined
}
