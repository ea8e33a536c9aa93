/** Which part of a list is asked for. */
interface Request<Sort> {
  readonly offset?: number | null
  readonly limit?: number | null
  readonly sort?: Sort | null
}

/** What a request says of it; in 3.1, `null` says nothing. */
export const partOf = <Sort>(request: Request<Sort> | null) => {
  const { offset, limit, sort } = request ?? {}
  return {
    ...(offset != null && { offset }),
    ...(limit != null && { limit }),
    ...(sort != null && { sort }),
  }
}
