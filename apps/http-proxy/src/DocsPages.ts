/** The pages below `/docs`, which the proxy serves beside the contract. */
import { Http } from "@webflow-users/server"
import { Effect, Layer } from "effect"

/** Loaded when it is first asked for: a proxy that nobody reads about carries none of it. */
const documentation = (pick: (page: typeof import("./DocsPage.ts")) => Http.Response) =>
  Effect.map(
    Effect.promise(() => import("./DocsPage.ts")),
    pick,
  )

/** Serves them. */
export const layer: Layer.Layer<never> = Layer.succeed(
  Http.MorePages,
  new Map(
    Object.entries({
      "/docs": documentation(({ page }) => page),
      "/docs/start.js": documentation(({ start }) => start),
      "/docs/swagger-ui.css": documentation(({ styles }) => styles),
      "/docs/swagger-ui-bundle.js": documentation(({ script }) => script),
    }),
  ),
)
