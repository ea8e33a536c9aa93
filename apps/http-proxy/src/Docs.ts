/** What the proxy says of itself to programs: the contract's description, and what is served beside it. */
import * as OpenApi from "@webflow-users/core/wire/OpenApi"

/** The package's version, put in by the bundler. */
declare const VERSION: string

const health = {
  operationId: "get-health",
  tags: ["Server"],
  summary: "Health",
  description: "Whether the server answers. Also by HEAD.",
  security: [],
  responses: {
    "200": {
      description: "It does",
      content: {
        "application/json": {
          schema: {
            type: "object",
            properties: { status: { type: "string", const: "ok" } },
            required: ["status"],
            additionalProperties: false,
          },
        },
      },
    },
  },
}

type Settings = Required<Omit<Parameters<typeof OpenApi.make>[0], "version">>

const make = (settings: Settings): OpenApi.Document => {
  const contract = OpenApi.make({ version: VERSION, ...settings })
  // It has one address, whatever stands before the contract's paths.
  return { ...contract, paths: { ...contract.paths, "/health": { servers: [{ url: "." }], get: health } } }
}

// Anyone may ask, as often as they like, and making it takes some milliseconds.
const made = new Map<string, OpenApi.Document>()

/** The OpenAPI document of this server, with the settings it has. */
export const document = (settings: Settings): OpenApi.Document => {
  const key = JSON.stringify(settings)
  const known = made.get(key) ?? make(settings)
  made.set(key, known)
  return known
}
