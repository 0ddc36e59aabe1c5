/** The generator run by PID 1 of real systemds: its messages go to the kernel's log, and a broken image hurts no boot. */
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { LayoutWriter } from "../support/LayoutWriter.ts"
import { installed } from "./support/Installed.ts"
import { type Machine, releases, skipReason } from "./support/Machine.ts"

const reason = skipReason()
describe.skipIf(reason !== undefined).each(releases())("the generator under PID 1 of %s", (release) => {
  let machine: Machine
  beforeAll(async () => {
    machine = await installed(release, async (directory) => {
      const bad = new LayoutWriter(join(directory, "example.org/bad"))
      bad.index(bad.named("v1", { ...bad.image(), size: 3 }))
      const good = new LayoutWriter(join(directory, "example.org/good"))
      good.index(good.named("v1", good.image()))
    })
    await machine.boot()
  })
  afterAll(async () => await machine?.dispose())

  /** A container has no /dev/kmsg. A fifo takes what a generator writes, even where systemd makes all else read-only. */
  const withKernelLog = async (action: () => Promise<unknown>): Promise<readonly string[]> => {
    await machine.run("mkfifo /dev/kmsg; setsid sleep 300 <>/dev/kmsg >/dev/null 2>&1 &")
    await action()
    const read = "timeout 5 dd if=/dev/kmsg iflag=nonblock bs=65536 2>/dev/null; rm /dev/kmsg"
    return (await machine.run(read, { check: false })).stdout.split("\n")
  }

  it("writes a record to the kernel's log, with its priority, and nothing else", async () => {
    const lines = await withKernelLog(() => machine.run(["systemctl", "daemon-reload"]))
    const records = lines.filter((line) => line.includes("oci-systemd-generator["))
    assert.lengthOf(records, 1, records.join("\n"))
    assert.match(
      records[0] ?? "",
      /^<27>oci-systemd-generator\[[0-9]+\]: example\.org\/bad:v1: the manifest .* its descriptor says 3$/
    )
  })

  it("makes the unit of the good image, and one that says why of the other", async () => {
    const { stdout } = await machine.run(["systemctl", "cat", "org.example.bad.ref.v1.service"])
    assert.match(stdout, /^ExecStartPre=@:\/bin\/sh .* its descriptor says 3"$/m)
    assert.match(
      (await machine.run(["systemctl", "cat", "org.example.good.ref.v1.service"])).stdout,
      /^ExecStart=@:\/bin\/app/m
    )
  })

  it("lets systemd's own units be", async () =>
    assert.match(
      (await machine.run("systemctl is-system-running --wait || true")).stdout,
      /^(?:running|degraded)$/m
    ))
})
