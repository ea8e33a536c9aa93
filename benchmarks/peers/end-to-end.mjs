// Headers that are for one connection only, and those that whoever sends makes anew.
const ofOneConnection = new Set([
  "connection",
  "content-length",
  "expect",
  "host",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
])

/** What of a message's headers a proxy passes on. */
export const endToEnd = (headers) => {
  const kept = {}
  for (const name in headers) if (!ofOneConnection.has(name)) kept[name] = headers[name]
  return kept
}
