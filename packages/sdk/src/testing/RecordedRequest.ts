/** A request that a server for tests was asked, and that has come whole. */
export interface RecordedRequest {
  readonly method: string
  /** The path and query as they stand in the request line: `/v2/sites/…/users/…`. */
  readonly path: string
  /** By their names in lower case. The token is not among them: `authorization` is `Bearer ***`. */
  readonly headers: Readonly<Record<string, string>>
  /** The body as JSON; as text where it is none, and `undefined` where there is no body. */
  readonly body: unknown
  /** What was answered, or `reset` where a fault reset the connection; nothing until then. */
  readonly status: number | "reset" | undefined
}
