/**
 * What a Dockerfile says, done without a container engine: every stage is a folder that stands for its root, and the
 * commands are run in it. Absolute paths mean places below that folder. The machine lends its Node, npm, shell and tools.
 */
import { execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { chmodSync, chownSync, copyFileSync, cpSync, existsSync, globSync, lstatSync, mkdirSync } from "node:fs"
import { readFileSync, realpathSync, statSync, symlinkSync } from "node:fs"
import { homedir } from "node:os"
import { basename, delimiter, isAbsolute, join, matchesGlob, relative } from "node:path"
import { text } from "node:stream/consumers"
import { promisify } from "node:util"
import { withoutNpm } from "../scripts/toolchain.mjs"

const isRoot = process.getuid?.() === 0

export interface Instruction {
  readonly name: string
  readonly flags: Readonly<Record<string, string>>
  readonly rest: string
}

/** The instructions of a Dockerfile in their order; comments are gone, and what was continued is one line. */
export const parse = (source: string): ReadonlyArray<Instruction> =>
  source
    .replaceAll(/^\s*#.*\n/gm, "")
    .replaceAll(/\\\n/g, " ")
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => {
      const [, name = "", flags = "", rest = ""] = /^\s*([A-Za-z]+)((?:\s+--\S+)*)\s+(.*?)\s*$/.exec(line) ?? []
      return {
        name: name.toUpperCase(),
        flags: Object.fromEntries([...flags.matchAll(/--([\w-]+)=(\S+)/g)].map(([, flag, value]) => [flag, value])),
        rest,
      }
    })

/** What a stage has come to, and, of the last one, what is run. */
export interface Image {
  readonly root: string
  readonly from: string
  workdir: string
  env: Record<string, string>
  user: string
  command: ReadonlyArray<string>
  health: ReadonlyArray<string>
  readonly volumes: Array<string>
  readonly labels: Record<string, string>
  readonly ports: Array<string>
  stopSignal: string
}

/** Carries a Dockerfile out in a folder, on a context, and gives the last stage. */
export const build = async (source: string, context: string, folder: string): Promise<Image> => {
  const stages = new Map<string, Image>()
  let image: Image | undefined
  const isIgnored = ignoring(readFileSync(join(context, ".dockerignore"), "utf8"))
  for (const { name, flags, rest } of parse(source)) {
    if (name === "FROM") {
      const [, from = "", as = String(stages.size)] = /^(\S+)(?:\s+AS\s+(\S+))?$/i.exec(rest) ?? []
      image = base(join(folder, as), from)
      stages.set(as, image)
      continue
    }
    if (image === undefined) throw new Error(`${name} stands before any FROM`)
    if (name === "WORKDIR") {
      image.workdir = rest
      mkdirSync(join(image.root, rest), { recursive: true })
    } else if (name === "COPY") {
      const [to = "", ...sources] = rest.split(/\s+/).toReversed()
      const from = flags["from"]
      if (from !== undefined && !stages.has(from)) throw new Error(`No stage is called ${from}`)
      const taken = from === undefined ? context : stages.get(from)!.root
      for (const path of sources.toReversed()) {
        const isLeftOut = from === undefined ? (file: string) => isIgnored(relative(context, file)) : () => false
        copy(join(taken, path), inside(image, to), to.endsWith("/"), isLeftOut, flags["chown"])
      }
    } else if (name === "RUN") {
      await run(image, rest)
    } else if (name === "ENV") {
      Object.assign(image.env, pairs(rest))
    } else if (name === "LABEL") {
      Object.assign(image.labels, pairs(rest))
    } else if (name === "USER") {
      image.user = rest
    } else if (name === "CMD") {
      image.command = JSON.parse(rest)
    } else if (name === "HEALTHCHECK") {
      image.health = JSON.parse(rest.replace(/^CMD\s+/, ""))
    } else if (name === "VOLUME") {
      image.volumes.push(rest)
    } else if (name === "EXPOSE") {
      image.ports.push(rest)
    } else if (name === "STOPSIGNAL") {
      image.stopSignal = rest
    } else {
      throw new Error(`It is not known here what ${name} does`)
    }
  }
  if (image === undefined) throw new Error("There is no FROM")
  return image
}

/** What the official image of Node has that is used here. Copied: whom the image runs as may not see the machine's own. */
const base = (root: string, from: string): Image => {
  const bin = join(root, "usr/local/bin")
  mkdirSync(bin, { recursive: true })
  mkdirSync(join(root, "root"))
  copyFileSync(process.execPath, join(bin, "node"))
  const npm = (process.env["PATH"] ?? "").split(delimiter).map((path) => join(path, "npm"))
  symlinkSync(realpathSync(npm.find((path) => existsSync(path)) ?? "npm"), join(bin, "npm"))
  // How this machine reaches a registry.
  const settings = join(homedir(), ".npmrc")
  if (existsSync(settings)) copyFileSync(settings, join(root, "root/.npmrc"))
  return {
    root,
    from,
    workdir: "/",
    env: {},
    user: "0:0",
    command: [],
    health: [],
    volumes: [],
    labels: {},
    ports: [],
    stopSignal: "SIGTERM",
  }
}

const inside = ({ root, workdir }: Image, path: string) => join(root, isAbsolute(path) ? path : join(workdir, path))

/** As `COPY` does: of a folder what is in it, and a file into a folder where the slash at its end says so. */
const copy = (
  from: string,
  to: string,
  isInto: boolean,
  isLeftOut: (path: string) => boolean,
  owner: string | undefined,
) => {
  if (!existsSync(from) || isLeftOut(from)) throw new Error(`There is nothing to copy at ${from}`)
  const isFolder = statSync(from).isDirectory()
  const target = isFolder || !isInto ? to : join(to, basename(from))
  cpSync(from, target, { recursive: true, verbatimSymlinks: true, filter: (path) => !isLeftOut(path) })
  const [uid = 0, gid = 0] = (owner ?? "0:0").split(":").map(Number)
  for (const path of isFolder ? globSync("**", { cwd: from }).filter((name) => name !== ".") : [""]) {
    const copied = join(target, path)
    if (!existsSync(copied) || lstatSync(copied).isSymbolicLink()) continue
    chmodSync(copied, statSync(join(from, path)).mode)
    if (isRoot) chownSync(copied, uid, gid)
  }
}

const pairs = (rest: string) =>
  Object.fromEntries([...rest.matchAll(/([\w.]+)=(?:"([^"]*)"|(\S+))/g)].map(([, key, a, b]) => [key, a ?? b]))

/** Whether a path of the context is kept from the builder: the last pattern that meets it, or a folder it is in, decides. */
const ignoring = (patterns: string) => {
  const rules = patterns.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("#"))
  return (path: string): boolean => {
    const parts = path.split("/")
    const whole = parts.map((_, index) => parts.slice(0, index + 1).join("/"))
    const last = rules.findLast((rule) => whole.some((part) => matchesGlob(part, rule.replace(/^!/, ""))))
    return path !== "" && last !== undefined && !last.startsWith("!")
  }
}

const mapped = (image: Image, words: string) => words.replaceAll(/(^|[\s=:'"])\/(?=\w)/g, `$1${image.root}/`)

/** Of this machine's variables only how it reaches a registry; of the image's all. */
const environment = (image: Image): Record<string, string | undefined> => {
  const reach = Object.entries(withoutNpm(process.env)).filter(([key]) =>
    /^(npm_config_.*|(https?|no)_proxy|NODE_EXTRA_CA_CERTS|SSL_CERT_FILE)$/i.test(key),
  )
  const own = Object.entries(image.env).map(([key, value]) => [key, mapped(image, value)])
  return {
    ...Object.fromEntries(reach),
    PATH: [join(image.root, "usr/local/bin"), "/usr/bin", "/bin"].join(delimiter),
    HOME: join(image.root, "root"),
    npm_config_prefix: join(image.root, "usr/local"),
    ...Object.fromEntries(own),
  }
}

const run = async (image: Image, command: string) => {
  const options = { cwd: inside(image, "."), env: environment(image), maxBuffer: 64 * 1024 * 1024 }
  await promisify(execFile)("/bin/sh", ["-c", mapped(image, command)], options).catch((error) => {
    throw new Error(`RUN ${command}\n${error.stdout}${error.stderr}`, { cause: error })
  })
}

/** Makes all of an image but its volumes as a read-only root is; what is to be done before it can be deleted is given. */
export const seal = (image: Image) => {
  const isKept = (path: string) => image.volumes.some((volume) => path.startsWith(volume.slice(1)))
  const own = ["", ...globSync("**", { cwd: image.root })].filter((path) => !isKept(path))
  const whole = own.map((path) => join(image.root, path)).filter((path) => !lstatSync(path).isSymbolicLink())
  const before = whole.map((path) => [path, statSync(path).mode] as const)
  for (const [path, mode] of before) chmodSync(path, mode & ~0o222)
  return () => before.forEach(([path, mode]) => chmodSync(path, mode))
}

/** Starts a command in an image as the engine would: as the image's user, and with its variables or these in their place. */
export const start = (image: Image, command: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}) => {
  const [uid = 0, gid = 0] = image.user.split(":").map(Number)
  const [program = "", ...args] = command
  const as = isRoot ? { uid, gid } : {}
  return spawn(program, args, { ...as, cwd: inside(image, "."), env: { ...environment(image), ...env }, stdio: "pipe" })
}

/** Runs a command in an image to its end, with something to read where it reads. */
export const execute = async (
  image: Image,
  command: ReadonlyArray<string>,
  { env, input }: { readonly env?: Readonly<Record<string, string>>; readonly input?: string } = {},
) => {
  const child = start(image, command, env)
  child.stdin.end(input)
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")])
  return { code: child.exitCode, stdout, stderr }
}
