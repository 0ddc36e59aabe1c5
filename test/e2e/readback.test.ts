/** Random images, written as layouts and generated at boot: what systemd has of their services, asked over its bus. */
import { join } from "node:path"
import * as Either from "effect/Either"
import fc from "fast-check"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import type { ProcessConfig } from "../../src/domain/image/ImageConfig.ts"
import { absolute, DEFAULT_PATH } from "../../src/domain/process/ImageCommand.ts"
import * as StopSignal from "../../src/domain/process/StopSignal.ts"
import { EMPTY_TAR, LayoutWriter } from "../support/LayoutWriter.ts"
import { processConfig } from "../support/unitArbitraries.ts"
import { installed } from "./support/Installed.ts"
import { type Machine, releases, skipReason } from "./support/Machine.ts"

const COUNT = 80
const SERVICE = "org.freedesktop.systemd1.Service"
const PROPERTIES = [
  "ExecStartPre",
  "ExecStart",
  "Environment",
  "WorkingDirectory",
  "User",
  "Group",
  "KillSignal",
  "TimeoutStopUSec"
]

/** Prints the properties of every unit, as JSON, a line each. */
const ASK = `
for unit; do
  path=$(busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager LoadUnit s "$unit")
  path=\${path#o \\"}
  busctl --json=short get-property org.freedesktop.systemd1 "\${path%\\"}" ${SERVICE} ${PROPERTIES.join(" ")}
done`

const USERS: Readonly<
  Record<string, { readonly home: string; readonly user: string; readonly group: string }>
> = {
  "": { home: "/root", user: "", group: "" },
  "0": { home: "/root", user: "0", group: "0" },
  "1000:1000": { home: "/", user: "oci-u1000", group: "1000" }
}

type Commands = ReadonlyArray<readonly [path: string, argv: readonly string[], ...rest: unknown[]]>

interface Asked {
  readonly ExecStartPre: Commands
  readonly ExecStart: Commands
  readonly Environment: readonly string[]
  readonly WorkingDirectory: string
  readonly User: string
  readonly Group: string
  readonly KillSignal: number
  readonly TimeoutStopUSec: number
}

const reason = skipReason()
describe.skipIf(reason !== undefined).each(releases())(
  `services of random images on %s${reason ?? ""}`,
  (release) => {
    const seed = Math.floor(Math.random() * 2 ** 31)
    // Users with names are looked up in the root: these images are never extracted.
    const configs = fc.sample(
      processConfig.filter(({ User }) => (User ?? "") in USERS),
      { numRuns: COUNT, seed }
    )
    let machine: Machine
    beforeAll(async () => {
      machine = await installed(release, async (directory) => {
        for (const [index, config] of configs.entries()) {
          const layout = new LayoutWriter(join(directory, `example.org/app${index}`))
          const layer = layout.blob("application/vnd.oci.image.layer.v1.tar", EMPTY_TAR)
          layout.index(layout.named("v1", layout.image({ config }, { layers: [layer] })))
        }
      })
      await machine.boot()
    })
    afterAll(async () => machine?.dispose())

    it(`are what the images say (seed ${seed})`, async () => {
      const units = configs.map((_, index) => `org.example.app${index}.ref.v1.service`)
      const { stdout } = await machine.run(["sh", "-c", ASK, "ask", ...units])
      const lines = stdout.trim().split("\n")
      assert.lengthOf(lines, units.length * PROPERTIES.length)
      let refused = 0
      for (const [index, config] of configs.entries()) {
        const values = lines
          .slice(index * PROPERTIES.length, (index + 1) * PROPERTIES.length)
          .map((line) => JSON.parse(line).data)
        const asked = Object.fromEntries(PROPERTIES.map((name, at) => [name, values[at]])) as unknown as Asked
        if (compare(asked, config) === "refused") refused++
      }
      assert.isBelow(refused, COUNT * 0.75)
    })

    it("and systemd accepted all of their lines", async () => {
      const { stdout } = await machine.run("journalctl -b -o cat _PID=1 | grep 'org.example.app' || true")
      assert.equal(stdout, "")
    })
  }
)

/** Each by what image-spec says of the field. */
const compare = (asked: Asked, config: ProcessConfig): "same" | "refused" => {
  if (asked.ExecStartPre[0]?.[1].at(-1)?.includes("cannot run: ")) return "refused"
  const [command] = asked.ExecStart
  assert.deepEqual(command?.slice(0, 2), ["/bin/app", [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])]])
  const { home, user, group } = USERS[config.User ?? ""] ?? { home: "", user: "", group: "" }
  const environment = new Map([
    ["HOME", home],
    ["PATH", DEFAULT_PATH]
  ])
  for (const entry of config.Env ?? []) {
    const [, name, value = ""] = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s.exec(entry) ?? []
    if (name !== undefined) environment.set(name, value)
  }
  assert.sameMembers(
    [...asked.Environment],
    [...environment].map(([name, value]) => `${name}=${value}`)
  )
  assert.equal(asked.WorkingDirectory, absolute("/", config.WorkingDir ?? ""))
  assert.deepEqual([asked.User, asked.Group], [user, group])
  assert.equal(asked.KillSignal, SIGNALS[Either.getOrThrow(StopSignal.parse(config.StopSignal || "SIGTERM"))])
  if (config.StopTimeout !== undefined && config.StopTimeout > 0) {
    assert.equal(asked.TimeoutStopUSec, config.StopTimeout * 1_000_000)
  }
  return "same"
}

/** The arbitrary's, by number: signal(7). */
const SIGNALS: Readonly<Record<string, number>> = { SIGINT: 2, SIGTERM: 15, "SIGRTMIN+3": 37 }
