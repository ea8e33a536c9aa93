/** What became of the endpoint where it came from. */

/** Whether an address is Webflow's own, where the endpoint was until it was removed. */
export const isWebflow = (address: string): boolean =>
  URL.canParse(address) && /(^|\.)webflow\.com$/i.test(new URL(address).hostname.replace(/\.$/, ""))

/** What happened, and what to do instead [doc]. */
export const removed =
  "Webflow removed User Accounts, and with them this endpoint, on 2026-01-29. To keep it, import your members' export " +
  "with `webflow-users import`, start webflow-users-proxy, and call its address in place of Webflow's"
