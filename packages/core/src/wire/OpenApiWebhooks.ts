/** What the OpenAPI document says of webhooks: what a receiver is sent, and what it has to answer. */
import type { Schema } from "effect"
import { triggerType } from "../WebhookMessage.ts"
import { exampleUser } from "./OpenApiExamples.ts"
import { type JsonObject, refTo } from "./OpenApiSchemas.ts"

const header = (name: string, description: string, example: string): JsonObject => ({
  in: "header",
  name,
  required: true,
  description,
  schema: { type: "string" },
  example,
})

/** `payload` names the schema of a user as webhooks carry them: always flat. */
export const webhooks = (payload: string): JsonObject => ({
  [triggerType]: {
    post: {
      operationId: triggerType,
      summary: "Account Updated",
      description:
        "Sent to the webhooks of a site, which `webflow-users webhook add` makes, after each accepted update: at least once, and " +
        "of one user in the order of the updates. Any answer but a 200 fails, and is tried again.",
      tags: ["User Accounts"],
      // It is signed, and carries no token.
      security: [],
      parameters: [
        header("x-webflow-timestamp", "When it was sent, in milliseconds since 1970", "1732521600123"),
        header(
          "x-webflow-signature",
          "The HMAC-SHA256, in hexadecimal and under the webhook's secret, of the timestamp, a colon and the body",
          "5f2b1c0d9e8a7b6c5d4e3f2a1b0c9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f4a3b2c",
        ),
      ],
      requestBody: {
        required: true,
        content: {
          "application/json": {
            schema: {
              type: "object",
              required: ["triggerType", "payload"],
              properties: { triggerType: { type: "string", enum: [triggerType] }, payload: refTo(payload) },
            },
            example: { triggerType, payload: exampleUser as Schema.Json },
          },
        },
      },
      responses: { "200": { description: "It has arrived" } },
    },
  },
})
