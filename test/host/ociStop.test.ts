/** The script that stops a service of a PID namespace, with real processes and a systemctl of the test's own. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "vitest"
import { temporary } from "../support/LayoutWriter.ts"

const SCRIPT = fileURLToPath(new URL("../../src/host/oci-stop.pl", import.meta.url))

/** `show` prints $SHOWN, and `list-jobs` $JOBS; what else it is asked for is written down, and `kill` done to the process. */
const SYSTEMCTL = `#!/bin/sh
case $1 in
  show) printf '%s\\n' "$SHOWN" ;;
  list-jobs) printf '%s\\n' "$JOBS" ;;
  kill) echo "$*" >> "$CALLS"; kill -TERM "$PID" ;;
  *) echo "$*" >> "$CALLS" ;;
esac
`

const group = (pid: number | undefined): string =>
  /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, "utf8"))?.[1] ?? ""

/** A shell that has come to the point where it says so. */
const running = async (script: string): Promise<ChildProcess> => {
  const child = spawn("sh", ["-c", script], { stdio: ["ignore", "pipe", "ignore"] })
  if (child.stdout !== null) await once(child.stdout, "data")
  return child
}

const ended = async (child: ChildProcess): Promise<string> => {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit")
  return child.signalCode ?? `${child.exitCode}`
}

interface Shown {
  readonly pid: number | undefined
  readonly group?: string
  readonly mode?: string
  readonly signal?: string
  readonly timeout?: string
  readonly jobs?: string
}

const stop = async (shown: Shown): Promise<{ code: number; said: string; calls: string }> => {
  using directory = temporary()
  const calls = join(directory.path, "calls")
  const bin = join(directory.path, "bin")
  mkdirSync(bin)
  writeFileSync(join(bin, "systemctl"), SYSTEMCTL, { mode: 0o755 })
  writeFileSync(calls, "")
  const { pid, mode = "process", signal = "15", timeout = "1min 30s" } = shown
  const script = spawn("perl", [SCRIPT, "a.service"], {
    env: {
      PATH: `${bin}:${process.env.PATH}`,
      CALLS: calls,
      PID: `${pid}`,
      JOBS: shown.jobs ?? "",
      SHOWN: [
        `MainPID=${pid ?? 0}`,
        `ControlGroup=${shown.group ?? (pid === undefined ? "" : group(pid))}`,
        `KillMode=${mode}`,
        `KillSignal=${signal}`,
        `TimeoutStopUSec=${timeout}`
      ].join("\n")
    },
    stdio: ["ignore", "inherit", "pipe"]
  })
  let said = ""
  script.stderr.on("data", (bytes: Buffer) => {
    said += bytes.toString()
  })
  await once(script, "close")
  return { code: script.exitCode ?? -1, said, calls: readFileSync(calls, "utf8") }
}

const GOOD = { code: 0, said: "", calls: "" }

describe("oci-stop", () => {
  it("sends the unit's signal, and returns when the process has ended", async () => {
    const child = await running(`trap 'sleep 0.2; exit 7' QUIT; echo up; while :; do sleep 0.05; done`)
    assert.deepStrictEqual(await stop({ pid: child.pid, signal: "3" }), GOOD)
    assert.strictEqual(await ended(child), "7")
  })

  it("kills what has not ended in time, and says so", async () => {
    const child = await running(`trap '' TERM; echo up; while :; do sleep 0.05; done`)
    const { code, said } = await stop({ pid: child.pid, timeout: "300ms" })
    assert.strictEqual(code, 0)
    assert.strictEqual(
      said,
      "<4>the main process of a.service did not end within 300ms of signal 15: it is killed\n"
    )
    assert.strictEqual(await ended(child), "SIGKILL")
  })

  it("has a process go on that is stopped, so that it takes the signal", async () => {
    const child = await running(`trap 'exit 4' TERM; echo up; kill -STOP $$; while :; do sleep 0.05; done`)
    assert.deepStrictEqual(await stop({ pid: child.pid, timeout: "infinity" }), GOOD)
    assert.strictEqual(await ended(child), "4")
  })

  it("tells all processes of the service, where its unit says so", async () => {
    const child = await running(`trap 'exit 5' TERM; echo up; while :; do sleep 0.05; done`)
    assert.deepStrictEqual(await stop({ pid: child.pid, mode: "control-group" }), {
      ...GOOD,
      calls: "kill --signal=15 -- a.service\n"
    })
    assert.strictEqual(await ended(child), "5")
  })

  it.each([
    ["has another process behind the number", { group: "/oci.slice/b.service" }],
    ["is not to be killed", { mode: "none" }]
  ])("leaves everything alone where the service %s", async (_, shown) => {
    const child = await running(`echo up; exec sleep 1000`)
    assert.deepStrictEqual(await stop({ pid: child.pid, ...shown }), GOOD)
    child.kill("SIGUSR1")
    assert.strictEqual(await ended(child), "SIGUSR1")
  })

  it.each([
    ["starts it again where a start came meanwhile", "start waiting", "start --no-block -- a.service\n"],
    ["leaves a restart to systemd", "restart running", ""],
    ["leaves it stopped where the last word was to stop", "stop running", ""]
  ])("%s", async (_, job, calls) => {
    const child = await running(`echo up; exec sleep 1000`)
    const jobs = `12 a.service stop waiting\n13 oci-stop@a.service ${job}\n14 oci-stop@b.service start waiting`
    assert.deepStrictEqual(await stop({ pid: child.pid, jobs }), { ...GOOD, calls })
    assert.strictEqual(await ended(child), "SIGTERM")
  })

  it("does nothing for a service without a main process", async () => {
    assert.deepStrictEqual(await stop({ pid: undefined }), GOOD)
  })
})
