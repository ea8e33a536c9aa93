/** undici's pool alone: its index loads fetch, WebSocket and caches too, and takes twice as long. */
declare module "undici/lib/dispatcher/pool.js" {
  import { Pool } from "undici"
  export default Pool
}
