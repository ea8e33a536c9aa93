/** undici's pool alone: its index loads fetch, WebSocket and caches too, and takes twice as long. */
declare module "undici/lib/dispatcher/pool.js" {
  import { Pool } from "undici"
  export default Pool
}

declare module "undici/lib/dispatcher/client.js" {
  import { Client } from "undici"
  export default Client
}
