/**
 * Webflow's Update User as Effects, in Node: as `effect.ts`, over undici.
 *
 * @packageDocumentation
 */
import type { Config, Layer } from "effect"
import { platform } from "./platform.node.ts"
import * as ServerLayer from "./ServerLayer.ts"

export * from "./effect.ts"

const { layer: overUndici, layerConfig: configured } = ServerLayer.make(platform)

/** As that of `effect.ts`. */
export const layer: (options: ServerLayer.Options) => Layer.Layer<ServerLayer.Services> = overUndici

/** As that of `effect.ts`. */
export const layerConfig: Layer.Layer<ServerLayer.Services, Config.ConfigError> = configured
