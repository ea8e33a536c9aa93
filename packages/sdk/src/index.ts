/**
 * Webflow's Update User as a promise client.
 *
 * @packageDocumentation
 */
import { clientOf, type CreateClient } from "./client.ts"
import { platform } from "./platform.ts"

export * from "./exports.ts"

/** Makes a client: see {@link CreateClient}. */
export const createClient: CreateClient = clientOf(platform)
