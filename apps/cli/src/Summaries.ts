/** What each command does, in a line. */
export const summaries = {
  update: "Update a user",
  bulk: "Update many users, from a file",
  runs: "List the runs recorded in this folder, the last one first",
  undo: "Put back what a run changed",
  get: "Show a user",
  history: "Show what happened to a user, the latest first: who changed what, when, and from where",
  list: "List a site's users",
  import: "Import users from a file, those already there are left as they are; or restore an export",
  export: "Write all of a site to a file, for import to restore",
  copy: "Copy sites from one store into another",
  site: "List sites; say and show what one has: its access groups and custom fields",
  token: "Issue, list, rotate and revoke the tokens of a proxy's callers",
  webhook: "Say which servers are told of a site's updates, and see whether they were",
} as const
