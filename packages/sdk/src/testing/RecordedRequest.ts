/** A request that a server for tests was asked: once it has come whole, or has been answered before that. */
export interface RecordedRequest {
  readonly method: string
  /** The path and query as they stand in the request line: `/v2/sites/…/users/…`. */
  readonly path: string
  /**
   * By their names in lower case. The token is not among them: `authorization` is `Bearer ***`; `cookie` and
   * `proxy-authorization` are `***`.
   */
  readonly headers: Readonly<Record<string, string>>
  /**
   * The body as JSON; as text where it is none. `undefined` where there is no body, and where the request was answered without
   * its being read: a wrong token's, say.
   */
  readonly body: unknown
  /** What was answered, or `reset` where a fault reset the connection; nothing until then, and for good where the server was closed first. */
  readonly status: number | "reset" | undefined
}
