/** What is written to a connection by nobody's client: requests with their bytes damaged, in a row, and noise. */
import { setImmediate } from "node:timers/promises"
import fc from "fast-check"
import { planted } from "./answers.ts"
import { type Answer, dial } from "../raw.ts"
import { filled, type Fill, inTime, showAs } from "./calls.ts"
import { siteId, targets } from "./world.ts"

/** What is written to a connection before it is half closed. A character is a byte, as in `Call`. */
export interface Stream {
  readonly text: string
  /** Where it is cut into pieces that are written one after the other. */
  readonly cuts: ReadonlyArray<number>
}

const change =
  '{"data":{"name":"Some One","drink":"Tea"},"accessGroups":["platinum",{"slug":"course","type":"ecommerce"}]}'
const common = ["Host: localhost", "Authorization: Bearer @all@", "Content-Type: application/json", `X-A: ${planted}`]
const message = (first: string, lines: ReadonlyArray<string>, body = "") =>
  `${first}\r\n${[...common, ...lines].map((line) => `${line}\r\n`).join("")}\r\n${body}`
const chunked = `5\r\n${change.slice(0, 5)}\r\n3;a=b\r\n${change.slice(5, 8)}\r\n${(change.length - 8).toString(16)}\r\n${change.slice(8)}\r\n0\r\n`

const intact = fc.constantFrom(...targets).chain(({ id }) => {
  const users = `/v2/sites/${siteId}/users`
  const patch = `PATCH ${users}/${id} HTTP/1.1`
  return fc.constantFrom(
    message(patch, [`Content-Length: ${change.length}`], change),
    message(patch, ["Transfer-Encoding: chunked"], `${chunked}\r\n`),
    message(patch, ["Transfer-Encoding: chunked", "Trailer: X-B"], `${chunked}X-B: c\r\n\r\n`),
    message(patch, [`Content-Length: ${change.length}`, "Expect: 100-continue"], change),
    message(patch, [`Content-Length: ${change.length}`, "Connection: close"], change),
    message(patch, ["Content-Length: 2"], "{}"),
    message(`PATCH ${users}/${id} HTTP/1.0`, [`Content-Length: ${change.length}`], change),
    message(`GET ${users}/${id} HTTP/1.1`, []),
    message(`GET ${users}?limit=3&sort=-UpdatedOn HTTP/1.1`, []),
    message("GET /health HTTP/1.1", []),
    message("CONNECT example.com:443 HTTP/1.1", []),
    message(`DELETE ${users}/${id} HTTP/1.1`, [`Content-Length: ${change.length}`], change),
  )
})

// Lengths that are wrong in a way a bit hardly makes them.
const length = fc.oneof(
  fc.nat(2 * change.length).map(String),
  fc.constantFrom(
    "0",
    "-1",
    "+5",
    "5, 5",
    "5\r\nContent-Length: 6",
    "0x5",
    "1e2",
    "99999999999999999999",
    "",
    " 5 ",
    "5 5",
    "٥",
  ),
)
const wrongLength = fc
  .tuple(intact, length)
  .map(([text, wrong]) =>
    text.replace(/Content-Length: \d+/, () => `Content-Length: ${Buffer.from(wrong).toString("latin1")}`),
  )

const framing = fc.constantFrom(
  "chunked",
  "chunked, chunked",
  "gzip, chunked",
  "identity",
  "chunked;q=1",
  " chunked",
  "xchunked",
  "",
  "\x0bchunked",
)
const chunk = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      "2\r\n{}\r\n",
      "1\r\n{\r\n",
      "1\r\n}\r\n",
      "0\r\n\r\n",
      "2;x=y\r\n{}\r\n",
      "02\r\n{}\r\n",
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      "g\r\n",
      "-1\r\n",
      "1\r\n{}\r\n",
      "3\r\n{}\r\n",
      "\r\n",
      "ffffffffffffffff\r\n",
      "2\n{}\n",
      "2 \r\n{}\r\n",
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      `2;${"x".repeat(9_000)}\r\n{}\r\n`,
      "0\r\nX-B: c\r\n\r\n",
      "0\r\nContent-Length: 5\r\n\r\n",
      `${"0".repeat(99)}2\r\n{}\r\n`,
    ),
  },
)
const brokenChunks = fc
  .tuple(fc.constantFrom(...targets), framing, fc.array(chunk, { maxLength: 6 }), fc.boolean())
  .map(([{ id }, how, chunks, isWhole]) =>
    message(
      `PATCH /v2/sites/${siteId}/users/${id} HTTP/1.1`,
      [`Transfer-Encoding: ${how}`],
      chunks.join("") + (isWhole ? "0\r\n\r\n" : ""),
    ),
  )

const noise = fc.oneof(
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
  fc.stringMatching(/^[ -~\r\n]{0,100}$/),
  fc.constantFrom(
    "\r\n",
    "\r\n\r\n",
    "\n",
    "\0",
    "GET",
    "GET / HTTP/1.1",
    "HTTP/1.1 200 OK\r\n\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  ),
  fc.constantFrom(
    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "{}",
    "0\r\n\r\n",
    "GET / HTTP/0.9\r\n\r\n",
    "GET /\r\n\r\n",
    "\r",
    ":\r\n",
  ),
  fc.constantFrom("A".repeat(20_000), `GET /${"a".repeat(20_000)}`, `X: ${"b".repeat(20_000)}\r\n`),
)

type Damage = (text: string, at: number) => string
const damage: fc.Arbitrary<Damage> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.nat(7).map(
      (bit): Damage =>
        (text, at) =>
          splice(text, at, 1, String.fromCharCode(text.charCodeAt(at) ^ (1 << bit))),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.nat(255).map(
      (code): Damage =>
        (text, at) =>
          splice(text, at, 1, String.fromCharCode(code)),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.integer({ min: 1, max: 20 }).map(
      (count): Damage =>
        (text, at) =>
          splice(text, at, count, ""),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.integer({ min: 1, max: 80 }).map(
      (count): Damage =>
        (text, at) =>
          splice(text, at, 0, text.slice(at, at + count)),
    ),
  },
  {
    weight: 2,
    arbitrary: noise.map(
      (more): Damage =>
        (text, at) =>
          splice(text, at, 0, more),
    ),
  },
  { weight: 2, arbitrary: fc.constant<Damage>((text, at) => text.slice(0, at)) },
)

const splice = (text: string, at: number, count: number, put: string): string =>
  text.slice(0, at) + put + text.slice(at + count)

const damaged = fc
  .tuple(
    fc.oneof(intact, wrongLength, brokenChunks),
    fc.array(fc.tuple(damage, fc.nat()), { minLength: 1, maxLength: 4 }),
  )
  .map(([text, all]) => all.reduce((result, [change_, place]) => change_(result, place % (result.length || 1)), text))

const part = fc.oneof(
  { weight: 4, arbitrary: intact },
  { weight: 6, arbitrary: damaged },
  { weight: 2, arbitrary: wrongLength },
  { weight: 2, arbitrary: brokenChunks },
  { weight: 1, arbitrary: noise },
)

/** Whatever may come over a connection. */
export const streams: fc.Arbitrary<Stream> = fc
  .tuple(
    fc.oneof(
      { weight: 6, arbitrary: part },
      { weight: 1, arbitrary: noise },
      { weight: 3, arbitrary: fc.array(part, { minLength: 2, maxLength: 5 }).map((parts) => parts.join("")) },
    ),
    fc.array(fc.nat(2_000), { maxLength: 3 }),
  )
  .map(([text, cuts]) => showAs({ text, cuts }, (stream) => stream.text))

/** Writes it all, closes this side, and gives whatever is answered until the other side is closed too. */
export const pour = async (origin: string, { text, cuts }: Stream, fill: Fill): Promise<ReadonlyArray<Answer>> => {
  const bytes = Buffer.from(filled(text, fill), "latin1")
  const places = [...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length]
  using connection = await dial(origin)
  connection.socket.setNoDelay()
  let from = 0
  for (const place of places) {
    connection.send(bytes.subarray(from, place))
    from = place
    await setImmediate()
  }
  connection.socket.end()
  await inTime(connection.closed)
  const answers: Array<Answer> = []
  for (;;) {
    const answer = await connection.next()
    if (answer === undefined) break
    answers.push(answer)
  }
  const rest = connection.rest()
  if (rest !== "") throw new Error(`what came is not HTTP: ${JSON.stringify(rest.slice(0, 200))}`)
  if (answers.length === 0 && /[^\r\n]/.test(text)) throw new Error("the connection was closed without an answer")
  return answers
}
