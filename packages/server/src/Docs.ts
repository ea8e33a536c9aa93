/** What a server says of itself to programs: the contract's description, and what is served beside it. */
import * as OpenApi from "@webflow-users/core/wire/OpenApi"
import { Fields, headerName } from "./Faults.ts"

/** A page that tells a state, to anyone. */
const state = (
  [operationId, summary, description]: readonly [operationId: string, summary: string, description: string],
  responses: Readonly<Record<string, readonly [description: string, status: string]>>,
) => ({
  operationId,
  tags: ["Server"],
  summary,
  description: `${description} Also by HEAD.`,
  security: [],
  responses: Object.fromEntries(
    Object.entries(responses).map(([status, [meaning, value]]) => [
      status,
      {
        description: meaning,
        content: {
          "application/json": {
            schema: {
              type: "object",
              properties: { status: { type: "string", const: value } },
              required: ["status"],
              additionalProperties: value === "unavailable",
            },
          },
        },
      },
    ]),
  ),
})

const health = state(["get-health", "Health", "Whether the server answers."], { "200": ["It does", "ok"] })

const ready = state(
  ["get-ready", "Readiness", "Whether the server can serve: its store answers, and nobody has told it to stop."],
  { "200": ["It can", "ready"], "503": ["It cannot; `checks` says what is missing", "unavailable"] },
)

const faults = () => {
  const operation = (operationId: string, summary: string) => ({
    operationId,
    tags: ["Server"],
    summary,
    description: "Needs the scope `users:write`. Failures are told as everywhere.",
    security: [{ bearer: ["users:write"] }],
    responses: {
      "200": {
        description: "What is left of the rule; nothing where there is none",
        content: { "application/json": { schema: rule } },
      },
    },
  })
  const rule = OpenApi.schemaOf(Fields)
  return {
    parameters: [{ in: "path", name: "site_id", required: true, schema: { type: "string" } }],
    get: operation("get-faults", "What a site's rule for faults still does"),
    delete: operation("delete-faults", "Take a site's rule for faults away"),
    put: {
      ...operation("put-faults", "Set a site's rule for faults"),
      description:
        "The next `times` answers of the site are an error of the contract, a reset connection, or late. The header " +
        `\`${headerName}: status=429; times=2\` asks for the same from its own request on. Needs the scope \`users:write\`.`,
      requestBody: {
        required: true,
        content: { "application/json": { schema: rule, example: { status: 429, retryAfter: 3, times: 2 } } },
      },
    },
  }
}

type Settings = Required<Parameters<typeof OpenApi.make>[0]> & { readonly withFaults: boolean }

/** The same, to be looked into. */
export const make = ({ withFaults, ...settings }: Settings): OpenApi.Document => {
  const contract = OpenApi.make(settings)
  // These have one address, whatever stands before the contract's paths.
  const servers = [{ url: "." }]
  const own = {
    "/health": { servers, get: health },
    "/ready": { servers, get: ready },
    ...(withFaults && { "/faults/sites/{site_id}": { servers, ...faults() } }),
  }
  return { ...contract, paths: { ...contract.paths, ...own } }
}

// Anyone may ask, as often as they like, and making it takes some milliseconds.
const made = new Map<string, Uint8Array>()

/** The OpenAPI document of this server, with the settings it has, as it is sent. */
export const document = (settings: Settings): Uint8Array => {
  const key = JSON.stringify(settings)
  const known = made.get(key) ?? new TextEncoder().encode(JSON.stringify(make(settings)))
  made.set(key, known)
  return known
}
