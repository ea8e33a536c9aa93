// The body of an update as the contract has it, in JSON Schema: what of it such a schema can say.
const text = { type: "string", maxLength: 256 }
const slug = { ...text, pattern: "\\S" }
const moment = { type: ["string", "null"] }
const option = {
  type: "object",
  properties: { id: text, name: text, slug: text },
  required: ["id", "name", "slug"],
  additionalProperties: false,
}
const value = { anyOf: [{ ...text, type: ["string", "boolean", "number", "null"] }, option] }
const builtIn = {
  name: { ...text, type: ["string", "null"] },
  email: { ...text, type: ["string", "null"] },
  "accept-privacy": { type: ["boolean", "null"] },
  "accept-communications": { type: ["boolean", "null"] },
}
const fields = {
  type: "object",
  properties: builtIn,
  additionalProperties: value,
  propertyNames: { ...slug, not: { const: "password" } },
}

export const updateBody = {
  type: "object",
  properties: {
    id: { type: "string" },
    isEmailVerified: { type: "boolean" },
    lastUpdated: moment,
    invitedOn: moment,
    createdOn: moment,
    lastLogin: moment,
    status: { enum: ["invited", "verified", "unverified"] },
    accessGroups: {
      type: "array",
      maxItems: 100,
      items: {
        anyOf: [
          slug,
          {
            type: "object",
            properties: { slug, type: { enum: ["admin", "ecommerce"] } },
            required: ["slug"],
            additionalProperties: false,
          },
        ],
      },
    },
    data: { ...fields, properties: { ...builtIn, data: { anyOf: [fields, value] } } },
  },
  additionalProperties: false,
}

/** The one path there is. */
export const updatePath = /^\/v2\/sites\/[\da-f]{24}\/users\/[\da-f]{24}$/i
