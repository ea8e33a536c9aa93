/**
 * What the proxy says of itself to people: Swagger UI on the OpenAPI document. All of it comes from here, with no other
 * host asked, and every address is relative, so that it also works behind a path of a reverse proxy's.
 */
import script_ from "swagger-ui-dist/swagger-ui-bundle.js?raw"
import styles_ from "swagger-ui-dist/swagger-ui.css?raw"
import type { Http } from "@webflow-users/server"

const file = (type: string, body: string, headers: Readonly<Record<string, string>>): Http.Response => ({
  status: 200,
  headers: { "content-type": `${type}; charset=utf-8`, "x-content-type-options": "nosniff", ...headers },
  body: new TextEncoder().encode(body),
})

// They change with the proxy's version only, and their names do not tell it.
const cached = { "cache-control": "public, max-age=3600" }

export const script = file("text/javascript", script_, cached)
export const styles = file("text/css", styles_, cached)

const options = {
  url: "openapi.json",
  dom_id: "#docs",
  deepLinking: true,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  // A token is not left behind in the browser, and nobody else is asked what they think of the document.
  persistAuthorization: false,
  validatorUrl: null,
}

export const start = file("text/javascript", `SwaggerUIBundle(${JSON.stringify(options)})\n`, cached)

const html = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>webflow-users</title>
    <link rel="icon" href="data:,">
    <link rel="stylesheet" href="docs/swagger-ui.css">
  </head>
  <body>
    <div id="docs"></div>
    <noscript>This page needs JavaScript. What it shows is in <a href="openapi.json">openapi.json</a>.</noscript>
    <script src="docs/swagger-ui-bundle.js"></script>
    <script src="docs/start.js"></script>
  </body>
</html>
`

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
]

export const page = file("text/html", html, {
  "cache-control": "no-store",
  "content-security-policy": policy.join("; "),
  "referrer-policy": "no-referrer",
})
