/** The metrics under Debian's Prometheus: its linter finds nothing, and its server reads and adds them up. */
import { execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync } from "node:fs"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import { afterAll, beforeAll, expect, it } from "vitest"
import { freePort } from "../../../test/free-port.ts"
import * as Spawned from "./spawned.ts"

let folder: string
beforeAll(async () => {
  if (!existsSync("/usr/bin/promtool")) throw new Error("There is no promtool: install Debian's package prometheus")
  folder = await mkdtemp(join(tmpdir(), "webflow-users-prometheus-"))
})
afterAll(() => rm(folder, { recursive: true }))

it("promtool finds nothing to complain of, and Prometheus counts what was asked", { timeout: 120_000 }, async () => {
  await using proxy = await Spawned.start("memory:", { args: ["--metrics-port", "0"] })
  for (let round = 0; round < 7; round += 1) await (await fetch(`${proxy.origin}/v2/sites/x/users/y`)).text()
  await (await fetch(`${proxy.origin}/health`)).text()

  const lint = execFile("promtool", ["check", "metrics"])
  const said = Promise.all([text(lint.stdout!), text(lint.stderr!), once(lint, "close")])
  lint.stdin?.end(await (await fetch(proxy.metrics())).text())
  const [stdout, stderr] = await said
  expect([stdout, stderr, lint.exitCode]).toEqual(["", "", 0])

  const config = {
    scrape_configs: [
      { job_name: "proxy", scrape_interval: "1s", static_configs: [{ targets: [new URL(proxy.metrics()).host] }] },
    ],
  }
  // JSON is YAML.
  await writeFile(join(folder, "prometheus.yml"), JSON.stringify(config))
  const port = await freePort()
  const prometheus = spawn(
    "prometheus",
    [
      `--config.file=${folder}/prometheus.yml`,
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: "ignore" },
  )
  try {
    const query = async (expression: string): Promise<number | undefined> => {
      const url = `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(expression)}`
      const answer = await fetch(url).catch(() => undefined)
      if (answer?.ok !== true) return undefined
      const { data } = (await answer.json()) as {
        readonly data: { readonly result: ReadonlyArray<{ readonly value: [number, string] }> }
      }
      const [found] = data.result
      return found === undefined ? undefined : Number(found.value[1])
    }
    const requests =
      'webflow_users_http_requests_total{route="/sites/:site_id/users/:user_id",method="GET",status="401"}'
    while ((await query(requests)) !== 7);
    const durations = "webflow_users_http_request_duration_seconds"
    const known = `{route="/sites/:site_id/users/:user_id"}`
    expect(await query(`${durations}_count${known}`)).toBe(7)
    expect(await query(`${durations}_bucket{route="/sites/:site_id/users/:user_id",le="+Inf"}`)).toBe(7)
    const median = await query(`histogram_quantile(0.5, ${durations}_bucket${known})`)
    expect([median! > 0, median! < 1]).toEqual([true, true])
    expect(await query("up")).toBe(1)
  } finally {
    prometheus.kill("SIGKILL")
    await once(prometheus, "close")
  }
})
