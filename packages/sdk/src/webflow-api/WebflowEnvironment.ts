/** Where `webflow-api` 3.1 calls, in its own form. */

/** Addresses of a server; `base` is the one under which users are served, with its prefix: `https://users.example.com/v2`. */
export interface WebflowEnvironmentUrls {
  base: string
  dataApi: string
  contentDeliveryApi: string
  production: string
  cdn: string
}

/**
 * Webflow's own addresses, which hold where no others are given, as in 3.1. Users are not served there any more: a call fails with
 * an error that says so. Give the address of a server that serves them, such as `@webflow-users/http-proxy`.
 */
export const WebflowEnvironment = {
  DataApi: {
    base: "https://api.webflow.com/v2",
    dataApi: "https://api.webflow.com/v2",
    contentDeliveryApi: "https://api-cdn.webflow.com/v2",
    production: "https://api.webflow.com/v2",
    cdn: "https://api-cdn.webflow.com/v2",
  },
} as const

/** Webflow's own addresses. */
export type WebflowEnvironment = typeof WebflowEnvironment.DataApi
