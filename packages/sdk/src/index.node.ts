/**
 * Webflow's Update User as a promise client, in Node.
 *
 * @packageDocumentation
 */
import { clientOf, type CreateClient } from "./client.ts"
import { platform } from "./platform.node.ts"

export * from "./exports.ts"

/** Makes a client: see {@link CreateClient}. */
export const createClient: CreateClient = clientOf(platform)
