/** Certificates that nobody vouches for, made where they are needed: no private key is ever kept. */
import { generateKeyPairSync, sign } from "node:crypto"
import { isIP } from "node:net"
import { getCACertificates, setDefaultCACertificates } from "node:tls"
import { Effect } from "effect"

export interface Certificate {
  readonly key: string
  readonly cert: string
}

/** A certificate that signs itself, for a host name or an IPv4 address. `until` is a UTCTime: `YYMMDDhhmmssZ`. */
export const selfSigned = (host: string, until = "491231235959Z"): Certificate => {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" })
  const ecdsaWithSha256 = sequence(der(oid, Buffer.from("2a8648ce3d040302", "hex")))
  const commonName = der(oid, Buffer.from("550403", "hex"))
  const name = sequence(der(set, sequence(commonName, der(utf8, Buffer.from("webflow-users test")))))
  const alternative = isIP(host) === 4 ? der(0x87, Buffer.from(host.split(".").map(Number))) : der(0x82, ascii(host))
  const subjectAltName = sequence(der(oid, Buffer.from("551d11", "hex")), der(octets, sequence(alternative)))
  const certificate = sequence(
    der(0xa0, der(integer, Buffer.from([2]))),
    der(integer, Buffer.from([1])),
    ecdsaWithSha256,
    name,
    sequence(der(utcTime, ascii("200101000000Z")), der(utcTime, ascii(until))),
    name,
    publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, sequence(subjectAltName)),
  )
  const signature = der(bits, Buffer.from([0]), sign("sha256", certificate, privateKey))
  const whole = sequence(certificate, ecdsaWithSha256, signature).toString("base64")
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${whole.replaceAll(/.{64}/g, "$&\n")}\n-----END CERTIFICATE-----\n`,
  }
}

/** Lets this process trust a certificate, for as long as the test runs. */
export const trusting = ({ cert }: Certificate) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const before = getCACertificates("default")
      setDefaultCACertificates([...before, cert])
      return before
    }),
    (before) => Effect.sync(() => setDefaultCACertificates(before)),
  )

const [integer, bits, octets, oid, utf8, utcTime, set] = [0x02, 0x03, 0x04, 0x06, 0x0c, 0x17, 0x31]

/** One element of DER: what it is, how long it is, what is in it. */
const der = (tag: number, ...parts: ReadonlyArray<Uint8Array>): Buffer => {
  const content = Buffer.concat(parts)
  const { length } = content
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}

const sequence = (...parts: ReadonlyArray<Uint8Array>) => der(0x30, ...parts)
const ascii = (text: string) => Buffer.from(text, "ascii")
