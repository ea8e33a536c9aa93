/** The name that a server, or what stands before it, gives a request: for who asks its owner about one. */

/** Where servers put it, by their names in lower case. */
const names = ["x-request-id", "request-id", "x-amzn-requestid", "cf-ray"]

/** Reads it from an answer's headers. */
export const read = (header: (name: string) => string | undefined): string | undefined =>
  names.map(header).find((value) => value !== undefined)
