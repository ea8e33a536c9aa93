/** `docs/clients.md`, made of what `client-matrix.test.ts` saw. What is said here of itself is how to call, and the ways out. */

/** What was seen of one SDK: by what was tried, in the order of the tables. */
export interface Seen {
  readonly version: string
  readonly updates: Readonly<Record<string, string>>
  readonly reading: Readonly<Record<string, string>>
  readonly errors: Readonly<Record<string, string>>
}

const setups: Readonly<Record<string, string>> = {
  "1.3.1": `It calls \`https://api.<host>/\` and nothing else. Give the proxy such a name, with your TLS before it, and say the host;
\`version\` asks for v1's names and errors.

\`\`\`js
const webflow = new Webflow({ token, version: "1.0.0", host: "users.example.com" }) // calls https://api.users.example.com/
await webflow.updateUser({ siteId, userId, data: { name: "Some One" } })
\`\`\``,
  "2.1.1": `\`\`\`js
const client = new WebflowClient({ accessToken, environment: "https://users.example.com/v2" })
await client.users.update(siteId, userId, { data: { name: "Some One" }, accessGroups: ["webflowers"] })
\`\`\``,
  "2.5.0": `\`\`\`js
const client = new WebflowClient({ accessToken, environment: "https://users.example.com/v2" })
await client.users.update(siteId, userId, { data: { name: "Some One" }, accessGroups: ["webflowers"] })
\`\`\``,
  "3.1.3": `\`\`\`js
const url = "https://users.example.com/v2"
const environment = { base: url, dataApi: url, contentDeliveryApi: url, production: url, cdn: url }
const client = new WebflowClient({ accessToken, environment })
await client.users.update(siteId, userId, { data: { name: "Some One" }, accessGroups: ["webflowers"] })
\`\`\``,
  "3.2.2": `\`\`\`js
const client = new WebflowClient({ accessToken, baseUrl: "https://users.example.com/v2" })
await client.users.update(siteId, userId, {
  data: { data: { name: "Some One" } },
  accessGroups: [{ slug: "webflowers", type: "admin" }],
})
\`\`\``,
}

/** What to do instead of what an SDK cannot do. The first that fits what was seen is the way. */
const waysOut: ReadonlyArray<{
  readonly versions: RegExp
  readonly tried: RegExp
  readonly seen: RegExp
  readonly say: string
}> = [
  {
    versions: /^1/,
    tried: /acceptPrivacy/,
    seen: /^makes/,
    say: 'It sends what it is given. Write `"accept-privacy"`, as the site names it.',
  },
  { versions: /^3\.2/, tried: /acceptPrivacy/, seen: /^makes/, say: "Write it nested, where its types have it." },
  { versions: /^3\.2/, tried: /\[slug\]/, seen: /^throws/, say: 'Write `{ slug, type: "admin" }`.' },
  { versions: /^[23]/, tried: /acceptPrivacy/, seen: /^makes/, say: "Write it flat, where its types have it." },
  { versions: /^[23]/, tried: /slug, type/, seen: /^throws/, say: "Write the slugs alone." },
  {
    versions: /^[23]/,
    tried: /sent back/,
    seen: /^throws/,
    say: "Send what is to change and nothing else: the groups it reads are not the groups it writes.",
  },
  {
    versions: /^2\.1/,
    tried: /drink/,
    seen: /^dropped/,
    say: "It cannot send custom fields, and says nothing of it. 2.5.0 has the same calls and sends them.",
  },
  {
    versions: /^2\.1/,
    tried: /"accept-privacy"/,
    seen: /^dropped/,
    say: "Write `acceptPrivacy`, as its types name it.",
  },
  {
    versions: /^2\.1/,
    tried: /data: \{ data/,
    seen: /^dropped/,
    say: "Write the fields flat, as its types have them.",
  },
]

export const wayOut = (version: string, tried: string, seen: string): string | undefined =>
  waysOut.find((way) => way.versions.test(version) && way.tried.test(tried) && way.seen.test(seen))?.say

const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string =>
  [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n")

const matrix = (all: ReadonlyArray<Seen>, part: "updates" | "reading" | "errors", first: string): string =>
  table(
    [first, ...all.map(({ version }) => version)],
    Object.keys(all[0]?.[part] ?? {}).map((tried) => [tried, ...all.map((seen) => seen[part][tried] ?? "")]),
  )

const ways = ({ version, updates }: Seen): string => {
  const found = Map.groupBy(
    Object.entries(updates).filter(([, seen]) => seen !== "yes"),
    ([tried, seen]) => `${seen}. ${wayOut(version, tried, seen) ?? ""}`,
  )
  const lines = [...found].map(([say, entries]) => `- ${entries.map(([tried]) => tried).join(", ")}: ${say}`)
  return `### ${version}\n\n${lines.join("\n")}`
}

export const render = (all: ReadonlyArray<Seen>): string => `# The official SDKs against the proxy

<!-- Made by apps/http-proxy/test/client-matrix.test.ts from what it saw, and compared with it at each run. To write it anew:
npm test -- apps/http-proxy/test/client-matrix.test.ts -u -->

For whoever has one of Webflow's own JavaScript SDKs, \`webflow-api\`, in their code. Change where it calls and the token; what
else there is to know was found by running each version, as it was published, against the proxy. 3.3.1 and later have no
\`users\`: stay with one of these, or use \`@webflow-users/sdk\`.

## What to change

${all.map(({ version }) => `### ${version}\n\n${setups[version]}`).join("\n\n")}

## Updating

What becomes of an update, by how it is written. \`drink\` is a custom field. *dropped*: the call succeeds and this was not
sent. *makes a field*: the name was sent as it stands, which is not the consent's; a site that declares its fields refuses it.
*throws*: before anything is sent.

${matrix(all, "updates", "written")}

## Reading back

Where \`users.get\` (\`user\` of 1.3.1) has what it read. Answers carry \`data\` flat, as every one recorded from Webflow did, while
the types of 2.x and 3.x have it as \`user.data.data\`: started with \`--data-nesting documented\`, the proxy answers as they say.
v1 has one form only.

${matrix(all, "reading", "")}

## Errors

What the call rejects with, and the \`code\` in its \`body\`. The classes are the SDK's own, with \`statusCode\` and \`body\`, but for
1.3.1: that lets through what axios throws, with \`response.status\` and, in \`response.data\`, v1's \`name\`.

${matrix(all, "errors", "status")}

2.x and 3.x try again by themselves, and not when \`Retry-After\` says; \`{ maxRetries: 0 }\` as the last argument of a call keeps
them from it.

## What each cannot do, and the way out

${all.map(ways).join("\n\n")}
`
