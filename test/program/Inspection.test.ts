/** What inspect shows: each directive with who wants it, and what is not mapped. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { assert, describe, it } from "vitest"
import * as Style from "../../src/bin/text/Style.ts"
import * as InspectionText from "../../src/bin/view/InspectionText.ts"
import * as Catalog from "../../src/program/Catalog.ts"
import * as Inspection from "../../src/program/Inspection.ts"
import * as Selection from "../../src/program/Selection.ts"
import * as SettingsFile from "../../src/services/host/SettingsFile.ts"
import { LayoutWriter, temporary } from "../support/LayoutWriter.ts"

const CONFIG = {
  User: "1000:1000",
  Entrypoint: ["/bin/app"],
  ExposedPorts: { "80/tcp": {} },
  StopSignal: "SIGINT",
  Labels: { "org.opencontainers.image.title": "The app", team: "a" },
  Hostname: "c0ffee\u001b[31m"
}

/** `conf` comes after the lines of `[system]`: its first line is the fourth. */
const inspect = (conf: string, config: object = CONFIG) => {
  using directory = temporary()
  const layout = new LayoutWriter(join(directory.path, "layouts/example.org/app"))
  layout.index(layout.named("v1", layout.image({ config })))
  const file = join(directory.path, "oci.conf")
  writeFileSync(
    file,
    `[system]\nimagelayoutdir = ${directory.path}/layouts\nextractsdir = ${directory.path}/x\n${conf}`
  )
  return Effect.runSync(
    Effect.gen(function* () {
      const { settings } = yield* SettingsFile.load(file)
      const host = {
        systemdVersion: 257,
        cli: ["/usr/bin/oci-systemd"] as const,
        configFile: undefined,
        servesRecords: true
      }
      const platform = {
        os: "linux",
        architecture: process.arch === "x64" ? "amd64" : process.arch,
        variants: []
      }
      const catalog = Catalog.load(settings, host, platform)
      const inspection = yield* Inspection.of(yield* Selection.one(catalog, "example.org/app:v1"))
      const source = (key: string) =>
        inspection.directives
          .filter((directive) => directive.unit === "org.example.app.ref.v1.service" && directive.key === key)
          .map(({ value, source: { text } }) => `${value} (${text.replace(directory.path, "")})`)
      return { inspection, source, text: Style.strip(InspectionText.render(inspection, 100, 0)) }
    })
  )
}

describe("Inspection", () => {
  it("tells of each directive who wants it", () => {
    const { source } = inspect("[image *]\nprofile = strict\nnetwork = none\nrestart = always\n")
    assert.deepEqual(source("Description"), [
      "The app (example.org/app:v1) (image: Labels org.opencontainers.image.title)"
    ])
    assert.deepEqual(source("ExecStart"), ['@:/bin/app "/bin/app" (image: Entrypoint, Cmd)'])
    assert.deepEqual(source("User"), ["oci-u1000 (image: User)"])
    assert.deepEqual(source("KillSignal"), ["SIGINT (image: StopSignal)"])
    // An image does not weaken its profile by what it declares.
    assert.deepEqual(source("AmbientCapabilities"), [])
    assert.deepEqual(source("PrivateUsers"), ["yes (profile: strict)"])
    assert.deepEqual(source("NoNewPrivileges"), ["yes (profile: strict)"])
    assert.deepEqual(source("PrivateNetwork"), ["yes (/oci.conf:6: network)"])
    assert.deepEqual(source("Restart"), ["always (/oci.conf:7: restart)"])
    assert.deepEqual(source("Type"), ["exec (default)"])
  })

  it("tells who wants what of a health check", () => {
    const said = inspect("[image *]\nhealthcmd = true\nhealthretries = 5\n", {
      ...CONFIG,
      Healthcheck: { Test: ["NONE"], Interval: 7e9 }
    })
    const of = (unit: string, key: string) =>
      said.inspection.directives
        .filter((directive) => directive.unit === unit && directive.key === key)
        .map(({ value, source: { text } }) => `${value} (${text.replace(/\/\S*(?=\/oci\.conf)/, "")})`)
    assert.deepEqual(of("oci-check@org.example.app.ref.v1.service", "ExecStart"), [
      '-@:/usr/bin/oci-check "/usr/bin/oci-check" "org.example.app.ref.v1.service" "/run/oci/roots/org.example.app.ref.v1" "1000" "1000" "yes" "/" "/bin/sh" "/bin/sh" "-c" "true" (/oci.conf:5: healthcmd)'
    ])
    assert.deepEqual(of("oci-check@org.example.app.ref.v1.service", "TimeoutStartSec"), ["30s (default)"])
    assert.deepEqual(of("oci-health@org.example.app.ref.v1.timer", "OnActiveSec"), [
      "7s (image: Healthcheck)"
    ])
    assert.match(
      of("oci-health@org.example.app.ref.v1.service", "ExecStart").join(),
      /\/oci\.conf:6: healthretries/
    )
  })

  it("tells where the configuration replaced what the image says", () => {
    const { source } = inspect("[image *]\nuser = 5:6\n[image example.org/*]\nuser = 7:8\n")
    assert.deepEqual(source("User"), ["oci-u7 (/oci.conf:7: user)"])
    assert.deepEqual(source("Group"), ["8 (/oci.conf:7: user)"])
  })

  it("tells what is not mapped, and shows no control characters", () => {
    const { inspection, text } = inspect("")
    assert.deepEqual(
      inspection.unmapped.map(({ field }) => field),
      ["config.Hostname", "config.Labels team"]
    )
    assert.match(text, /^Not mapped\n {2}config\.Hostname +is part of the container/m)
    assert.match(text, /^ {2}KillSignal=SIGINT +# image: StopSignal$/m)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
    assert.notMatch(text, /[\u0000-\u0009\u000b-\u001f]/)
  })

  it("a network that the image itself does not want is its own doing", () =>
    assert.deepEqual(inspect("", { ...CONFIG, NetworkDisabled: true }).source("PrivateNetwork"), [
      "yes (image: NetworkDisabled)"
    ]))

  it("says that units are not final before the extraction, and what the health check is", () => {
    const Healthcheck = { Test: ["CMD-SHELL", "true"], Interval: 5e9, Retries: 1, StartPeriod: 3e9 }
    const { inspection, text } = inspect("[image *]\nhealth = restart\n", {
      Entrypoint: ["app"],
      Healthcheck
    })
    assert.include(inspection.notes, Inspection.NOT_FINAL)
    assert.match(text, /^ {2}Note +units are final only after extraction, by /m)
    assert.deepInclude(inspection.health, {
      command: ["/bin/sh", "-c", "true"],
      interval: 5000,
      retries: 1,
      action: "restart",
      timer: "oci-health@org.example.app.ref.v1.timer"
    })
    assert.match(
      text.replace(/\n {4,}/g, " "),
      /^ {2}Health +\["\/bin\/sh","-c","true"\] every 5 s, at most 30 s; the first 3 s do not count; unhealthy after 1 failure; then restarted \(oci-health@/m
    )
    assert.isNull(
      inspect("[image *]\nhealth = off\n", { Entrypoint: ["app"], Healthcheck }).inspection.health
    )
    assert.notMatch(inspect("").text, /Health/)
    assert.deepEqual(inspect("[image *]\noutput = journal\n").inspection.notes, [])
  })

  it("says what a setting cannot do for an image", () => {
    const config = { Cmd: ["/a"], ExposedPorts: { "80/tcp": {}, "9/sctp": {} } }
    const { inspection, source } = inspect("[image *]\nprofile = strict\nports = enforce\n", config)
    assert.deepEqual(source("SocketBindAllow"), ["tcp:80 (image: ExposedPorts)"])
    assert.deepEqual(source("SocketBindDeny"), ["any (/oci.conf:6: ports)"])
    assert.deepEqual(inspection.notes, [
      "the port 9/sctp cannot be opened alone: systemd has no rules for SCTP",
      "it cannot listen on 9/sctp, since it has a user namespace of its own: sysctl net.ipv4.ip_unprivileged_port_start=9 allows that to every user of the host",
      "it cannot listen on 80/tcp, since it has a user namespace of its own: sysctl net.ipv4.ip_unprivileged_port_start=80 allows that to every user of the host"
    ])
  })
})
