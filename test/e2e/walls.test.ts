/** Hostile images, in each profile and kind of root: what their services and health checks reach of the host. */
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import {
  ATTACK_CONFIGURATION,
  ATTACKERS,
  type Attacker,
  attackers,
  attackUnit,
  forged,
  reached,
  setUpHost,
  signalled,
  type Victim,
  writeAttackImages
} from "./support/AttackImages.ts"
import { installed } from "./support/Installed.ts"
import { type Machine, type Release, releases, skipReason } from "./support/Machine.ts"
import { until } from "./support/Waiting.ts"

/** Where nothing keeps the image's root from processes of the host's root, and its unit says so. */
const isOpen = (release: Release, name: Attacker) =>
  release === "bookworm" && ATTACKERS[name].user === "" && !name.endsWith("strict")

const network = ["reached an abstract socket of the host", "reached the host's loopback"]

/** What the table in docs/security.md says of an attacker that is held: its network, unless it has none. */
const isAllowed = (name: Attacker): readonly string[] => (/nonetwork|alone/.test(name) ? [] : network)

/** Before 257 a service has no process ids of its own, and signals go by the number of the user. */
const signals = (release: Release, name: Attacker): readonly Victim[] =>
  release !== "bookworm" ? [] : ATTACKERS[name].user === "" ? ["root"] : ["alice"]

const reason = skipReason()
describe.skipIf(reason !== undefined).each(releases())(`hostile images on %s${reason ?? ""}`, (release) => {
  let machine: Machine
  beforeAll(async () => {
    machine = await installed(release, writeAttackImages)
    await machine.write("/etc/oci-generator.conf", ATTACK_CONFIGURATION)
    await machine.boot()
    await setUpHost(machine)
    await machine.run(["systemctl", "start", attackUnit("neighbour")])
  })
  afterAll(async () => machine?.dispose())

  const taken = async () => (await machine.run("cd /etc && ls -d taken-by-* 2>/dev/null || :")).stdout

  it("have terminals of their own", async () => {
    await until(machine, "a terminal of the neighbour", async () =>
      (await machine.journal(attackUnit("neighbour"))).includes("terminals: 0 ptmx")
    )
  })

  it("reach the host where they are trusted: the attack is one", async () => {
    await machine.run(["systemctl", "start", attackUnit("trusted")])
    const found = await reached(machine, "trusted", "service")
    for (const what of ["the host's root", "a terminal of the host"]) assert.include(found, `reached ${what}`)
    for (const what of network) assert.include(found, what)
    assert.include(await taken(), "taken-by-trusted-service")
    assert.deepStrictEqual(await signalled(machine), ["alice", "root"])
    assert.isTrue(await forged(machine, "trusted"))
    await machine.run(["systemctl", "stop", attackUnit("trusted")])
  })

  it.each(attackers.filter((name) => name !== "trusted" && !isOpen(release, name)))(
    "%s reaches nothing but what the document says, by its service and by its health check",
    async (name) => {
      await machine.run(["systemctl", "start", attackUnit(name)])
      const found = {
        service: await reached(machine, name, "service"),
        check: await reached(machine, name, "check")
      }
      await machine.run(["systemctl", "stop", attackUnit(name)])
      assert.deepStrictEqual(found, { service: isAllowed(name), check: isAllowed(name) })
      assert.notInclude(await taken(), `taken-by-${name}`)
      assert.deepStrictEqual(await signalled(machine), signals(release, name))
      assert.strictEqual(await forged(machine, name), ATTACKERS[name].user === "")
    }
  )

  const open = attackers.filter((name) => name !== "trusted" && isOpen(release, name))
  it.skipIf(open.length === 0)("say in their unit and in inspect where nothing holds them", async () => {
    for (const name of open) {
      const { stdout } = await machine.run(["systemctl", "cat", attackUnit(name)])
      assert.include(stdout, "a hostile image can take over the host")
      const shown = await machine.run(["oci-systemd", "inspect", `example.org/attacks:${name}`])
      assert.include(shown.stdout.replace(/\s+/g, " "), "a hostile image can take over the host")
    }
    const { stdout } = await machine.run(["oci-systemd", "doctor"], { check: false })
    assert.include(
      stdout.replace(/\s+/g, " "),
      "images that run as root are not kept from the host's processes"
    )
  })
})
