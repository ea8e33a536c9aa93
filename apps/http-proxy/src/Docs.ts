/** What the proxy says of itself to programs: the contract's description, and what is served beside it. */
import * as OpenApi from "@webflow-users/core/wire/OpenApi"

/** The package's version, put in by the bundler. */
declare const VERSION: string

const contract = OpenApi.make({ version: VERSION })

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

/** The OpenAPI document of this server. */
export const document: OpenApi.Document = {
  ...contract,
  // It has one address, whatever stands before the contract's paths.
  paths: { ...contract.paths, "/health": { servers: [{ url: "." }], get: health } },
}
