/** A registry (Debian's docker-registry) on the loopback of a network of its own, which machines can be put into. */
import { type ChildProcess, spawn } from "node:child_process"
import { mkdir, mkdtemp, readlink, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { run } from "./Command.ts"

/** Nothing else listens in that network. */
export const REGISTRY = "127.0.0.1:5000"

const configuration = (directory: string): string => `
version: 0.1
log: { level: error, accesslog: { disabled: true } }
storage: { filesystem: { rootdirectory: ${directory}/storage } }
http: { addr: "${REGISTRY}" }
`

export interface Registry extends AsyncDisposable {
  /** The path of the network namespace: a mount, since machines do not see the host's processes. */
  readonly network: string
  /** Runs a command of the host in that network. */
  readonly run: (command: readonly string[]) => Promise<void>
}

export const start = async (): Promise<Registry> => {
  const directory = await mkdtemp(join(tmpdir(), "oci-systemd-registry-"))
  await mkdir(join(directory, "storage"))
  await writeFile(join(directory, "config.yml"), configuration(directory))
  const child = spawn(
    "setpriv",
    [
      ...["--pdeathsig", "KILL", "unshare", "--net", "sh", "-c"],
      'busybox ip link set lo up && exec docker-registry serve "$1"',
      ...["registry", join(directory, "config.yml")]
    ],
    // It tells each blob that is not there yet as an error.
    { stdio: "ignore" }
  )
  const network = join(directory, "network")
  await writeFile(network, "")
  const registry: Registry = {
    network,
    run: async (command) => {
      await run(["nsenter", `--net=${network}`, ...command])
    },
    [Symbol.asyncDispose]: async () => {
      await ended(child)
      await run(["umount", network], { check: false })
      await rm(directory, { recursive: true, force: true })
    }
  }
  try {
    await run(["mount", "--bind", await ownNetwork(child), network])
    await untilUp(child, registry)
    return registry
  } catch (cause) {
    await registry[Symbol.asyncDispose]()
    throw cause
  }
}

const ended = (child: ChildProcess): Promise<unknown> => {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  const gone = new Promise((resolve) => child.on("exit", resolve))
  child.kill("SIGKILL")
  return gone
}

/** The network of the process, once it is no longer the host's. */
const ownNetwork = async (child: ChildProcess): Promise<string> => {
  const ours = await readlink("/proc/self/ns/net")
  const network = `/proc/${child.pid}/ns/net`
  for (let round = 0; round < ROUNDS && child.exitCode === null; round++) {
    if ((await readlink(network).catch(() => ours)) !== ours) return network
    await sleep(PAUSE)
  }
  throw new Error("docker-registry has no network")
}

const untilUp = async (child: ChildProcess, registry: Registry): Promise<void> => {
  for (let round = 0; round < ROUNDS && child.exitCode === null; round++) {
    if (await answers(registry)) return
    await sleep(PAUSE)
  }
  throw new Error("docker-registry does not answer")
}

const ROUNDS = 300
/** Milliseconds. */
const PAUSE = 100

const answers = (registry: Registry): Promise<boolean> =>
  registry
    .run(["bash", "-c", `: > /dev/tcp/${REGISTRY.replace(":", "/")}`])
    .then(() => true)
    .catch(() => false)
