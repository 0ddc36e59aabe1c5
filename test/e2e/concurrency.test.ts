/**
 * Everything at once on real systemd: services that start, stop, crash and restart while systemd reloads all the time,
 * layouts are copied and images are extracted. Each start runs its program once, in a root of its own, and nothing is left.
 *
 * STRESS_SEED=N repeats the order of an earlier run, which it prints; STRESS_ROUNDS=N makes it longer.
 */
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import fc from "fast-check"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { run } from "./support/Command.ts"
import { EXTRACTS, installed, LAYOUTS } from "./support/Installed.ts"
import { skopeoCopy } from "./support/layouts.ts"
import { type Machine, releases, skipReason } from "./support/Machine.ts"
import { shellUnit, writeShellImages } from "./support/ShellImage.ts"
import * as Waiting from "./support/Waiting.ts"

const seed = Number(process.env.STRESS_SEED ?? Date.now() % 2 ** 31)
const rounds = Number(process.env.STRESS_ROUNDS ?? 4)

/** Where programs tell of their runs: a directory of the host's, so that nothing waits for a journal. */
const LOG = "/srv/log"
const CONFIGURATION = `[image example.org/*]
volume = ${LOG}:/log
[image example.org/crashing:*]
restart = always
[image example.org/kept:*]
root = persistent
[image example.org/fixed:*]
root = readonly
`
/** Ends what hangs: a busy machine takes minutes for the turns of a service. */
const PATIENCE = 500_000
/** How often a service may start is not what is tried here. */
const NO_LIMIT = "[Unit]\nStartLimitIntervalSec=0\n"
const AT_ONCE = "[Service]\nRestartSec=50ms\n"

/** Says which of systemd's starts this run is, and whether another run has been in this root. */
const tell = (name: string) =>
  `if [ -e /mark/x ]; then root=used; else root=fresh; fi; touch /mark/x; echo "$INVOCATION_ID $root" >>/log/${name}`
/** Where it is process 1, only what it catches can end it. */
const staying = (name: string) => `trap 'exit 0' TERM; ${tell(name)}; sleep 100000 & wait`
const PROCESSES = 2
const crashing = (name: string) => `${tell(name)}; exit 1`

const USER = { User: "4242:4243" }

/** Those that are started and stopped by turns, and what is peculiar to each. */
const BUSY = ["plain", "owned", "kept", "fixed"] as const

const LOGS = [...BUSY, "twins", "twins3", "storm", "crashing"]

const writeLayouts = async (layouts: string): Promise<void> => {
  await writeShellImages(layouts, "plain", { v1: staying("plain") })
  await writeShellImages(layouts, "owned", { v1: { line: staying("owned"), config: USER } })
  await writeShellImages(layouts, "kept", { v1: staying("kept") })
  await writeShellImages(layouts, "fixed", { v1: staying("fixed") })
  await writeShellImages(layouts, "storm", { v1: staying("storm") })
  await writeShellImages(layouts, "crashing", { v1: { line: crashing("crashing"), config: USER } })
  const twin = staying("twins")
  await writeShellImages(layouts, "twins", {
    v1: twin,
    v2: twin,
    v3: staying("twins3"),
    v4: { line: twin, config: USER }
  })
}

/** What systemd says when it starts a unit (sd-messages.h). */
const STARTING = "MESSAGE_ID=7d4958e842da4a758f6c1cdc7b36dcc5"

/** One turn of a service that runs; after each it runs again, and a run was added, which is waited for. */
const TURNS = {
  restart: "systemctl restart $1",
  stop: "systemctl stop $1; systemctl start $1",
  kill: "systemctl kill --signal=KILL $1; while systemctl -q is-active $1; do sleep 0.01; done; systemctl start $1",
  /** Two ask for the same. */
  twice: "systemctl stop $1; systemctl start $1 & systemctl start $1; r=$?; wait $! && [ $r = 0 ]"
} as const
const turn = fc.constantFrom(...(Object.keys(TURNS) as (keyof typeof TURNS)[]))

/** `$1` is the service, `$2` the log; ends at the first turn that fails. */
const script = (turns: readonly (keyof typeof TURNS)[]): string =>
  [
    'ran() { n=0; until [ "$(wc -l <$log)" -ge $1 ]; do n=$((n + 1)); [ $n -lt 1000 ] || { echo "no run $1"; exit 1; }; sleep 0.02; done; }',
    "log=$2; systemctl start $1 || exit 1; ran 1",
    ...turns.map(
      (name, index) => `{ ${TURNS[name]}; } || { echo "turn ${index}: ${name}"; exit 1; }; ran ${index + 2}`
    )
  ].join("\n")

const reason = skipReason()
describe.skipIf(reason !== undefined).each(releases())(
  `all at once (STRESS_SEED=${seed}) on %s${reason ?? ""}`,
  (release) => {
    let machine: Machine
    beforeAll(async () => {
      machine = await installed(release, writeLayouts)
      await machine.write("/etc/oci-generator.conf", CONFIGURATION)
      await machine.write("/etc/systemd/system/service.d/limit.conf", NO_LIMIT)
      await machine.write(`/etc/systemd/system/${shellUnit("crashing")}.d/at-once.conf`, AT_ONCE)
      await run(["mkdir", join(machine.root, LOG)])
      // Anybody may write them.
      for (const name of LOGS) await machine.write(`${LOG}/${name}`, "", 0o666)
      await machine.boot()
    })
    afterAll(async () => machine?.dispose())

    const systemctl = async (...words: readonly string[]) =>
      (await machine.run(["systemctl", ...words], { check: false })).stdout.trim()
    const property = (unit: string, name: string) => systemctl("show", "--value", "-p", name, unit)
    const shell = async (line: string) => (await machine.run(line, { check: false })).stdout

    const until = (what: string, condition: () => Promise<boolean>) => Waiting.until(machine, what, condition)
    const settled = () => Waiting.settled(machine)
    /** What the runs of a program told, one entry a run. */
    const told = async (name: string) =>
      (await shell(`cat ${LOG}/${name}`))
        .split("\n")
        .filter(Boolean)
        .map((line) => {
          const [invocation = "", root = ""] = line.split(" ")
          return { invocation, root }
        })
    /** As often as it should, never twice for one start, and in a root of its own each time. */
    const assertRuns = async (name: string, count: number, roots: readonly string[]) => {
      const runs = await told(name)
      assert.lengthOf(runs, count, name)
      assert.lengthOf(new Set(runs.map(({ invocation }) => invocation)), count, name)
      for (const { invocation } of runs) assert.match(invocation, /^[0-9a-f]{32}$/, name)
      assert.deepEqual([...new Set(runs.map(({ root }) => root))], roots, name)
    }
    /** Once all is stopped. */
    const assertNothingLeft = async () => {
      await settled()
      const left = {
        mounts: await shell(
          "grep -e /run/oci -e extracts -e org.example /proc/self/mountinfo | grep -v ' - erofs '"
        ),
        // The images of roots stay mounted, each once.
        images: await shell("grep ' - erofs ' /proc/self/mountinfo | cut -d ' ' -f 5 | sort | uniq -d"),
        scratch: await shell(`ls ${EXTRACTS}/scratch | grep -v kept`),
        extraction: await shell(`ls -A ${EXTRACTS}/tmp ${EXTRACTS}/locks | grep -v -e : -e '^$'`),
        users: await shell("ls -A /run/userdb /run/oci/users | grep -v -e : -e '^$' -e '^.lock$'"),
        torn: await shell("ls -A /run/systemd/generator | grep '^[.]'"),
        failed: await systemctl("--failed", "--plain", "--no-legend", "org.example.*", "oci-*"),
        running: await shell(
          "systemctl list-units --plain --no-legend --state=active,activating 'org.example.*' 'oci-*@org*'"
        )
      }
      assert.deepEqual(left, {
        mounts: "",
        images: "",
        scratch: "",
        extraction: "",
        users: "",
        torn: "",
        failed: "",
        running: ""
      })
    }
    /** Does each thing over and over until `action` is done; none of them may ever fail. */
    const during = async (things: ReadonlyArray<() => Promise<unknown>>, action: () => Promise<void>) => {
      let isDone = false
      const loops = things.map(async (thing) => {
        let times = 0
        for (; !isDone; times++) await thing()
        assert.isAbove(times, 1)
      })
      const ended = Promise.allSettled(loops)
      try {
        await action()
      } finally {
        isDone = true
      }
      for (const end of await ended) if (end.status === "rejected") throw end.reason
    }
    /** systemd does nothing else while it reloads, so it is left some time between. */
    const reload = async () => {
      await machine.run(["systemctl", "daemon-reload"])
      await sleep(100)
    }
    const layout = (name: string) => join(machine.root, LAYOUTS, "example.org", name)

    it("services of one image start together for the first time, and it is extracted once", async () => {
      const units = ["v1", "v2", "v3", "v4"].map((ref) => shellUnit("twins", ref))
      await Promise.all(units.map((unit) => machine.run(["systemctl", "start", unit])))
      await until(
        "the fourth run",
        async () => (await told("twins")).length + (await told("twins3")).length === 4
      )
      await assertRuns("twins", 3, ["fresh"])
      await assertRuns("twins3", 1, ["fresh"])
      assert.lengthOf((await shell(`ls -d ${EXTRACTS}/roots/*/*/*`)).trim().split("\n"), 1)
      await systemctl("stop", ...units)
      await assertNothingLeft()
    })

    it("services start, stop, restart and are killed while systemd reloads, layouts come and go, and images are extracted", async () => {
      const schedules = BUSY.map((_, index) =>
        fc.sample(fc.array(turn, { minLength: rounds, maxLength: rounds }), {
          numRuns: 1,
          seed: seed + index
        })
      )
      await during(
        [
          reload,
          () => machine.run(["oci-systemd", "extract", ...BUSY.map((name) => `example.org/${name}:v1`)]),
          async () => {
            await run(["cp", "--archive", layout("twins"), layout("passing")])
            await run(["rm", "-r", layout("passing")])
          },
          // Writes the index of a layout whose images are started at that moment.
          () => skopeoCopy(layout("twins"), "v1", layout("plain"), "other")
        ],
        async () => {
          await Promise.all(
            BUSY.map(async (name, index) => {
              const [unit, turns] = [shellUnit(name), script(schedules[index]?.[0] ?? [])]
              const argv = ["sh", "-c", turns, "script", unit, `${LOG}/${name}`]
              const { code, stdout, stderr } = await machine.run(argv, { check: false, timeout: PATIENCE })
              if (code === 0) return
              const journal = await shell(`journalctl -b -n 60 --no-pager -u ${unit} -u 'oci-*@${unit}'`)
              assert.fail(`${name}: ${stdout}${stderr}${journal}`)
            })
          )
        }
      )
      for (const name of BUSY)
        await assertRuns(name, rounds + 1, name === "kept" ? ["fresh", "used"] : ["fresh"])
      await systemctl("stop", ...BUSY.map((name) => shellUnit(name)))
      await systemctl("reset-failed")
      await assertNothingLeft()
    })

    it("a storm of restarts leaves one process, in a root of its own", async () => {
      const unit = shellUnit("storm")
      await during([reload], async () => {
        for (let round = 0; round < rounds / 2; round++) {
          await machine.run(
            `for i in 1 2 3 4 5; do systemctl restart --no-block ${unit}; sleep 0.0$i; systemctl stop --no-block ${unit}; systemctl start --no-block ${unit}; done`
          )
        }
        await settled()
      })
      assert.equal(await property(unit, "ActiveState"), "active")
      assert.lengthOf(
        (await shell(`cat /sys/fs/cgroup$(systemctl show -P ControlGroup ${unit})/cgroup.procs`))
          .trim()
          .split("\n"),
        PROCESSES
      )
      const last = await property(unit, "InvocationID")
      await until("the last run", async () => (await told("storm")).at(-1)?.invocation === last)
      const runs = await told("storm")
      assert.lengthOf(new Set(runs.map(({ invocation }) => invocation)), runs.length)
      assert.isTrue(runs.every(({ root }) => root === "fresh"))
      await systemctl("stop", unit)
      await systemctl("reset-failed")
      await assertNothingLeft()
    })

    it("a service that crashes again and again is started again each time, once, and afresh", async () => {
      const unit = shellUnit("crashing")
      await during([reload], async () => {
        // It may have crashed before systemd took it for started.
        await systemctl("start", unit)
        await until("this number of crashes", async () => (await told("crashing")).length >= rounds)
        await systemctl("stop", unit)
      })
      await settled()
      const runs = await told("crashing")
      const starts = Number(
        await shell(`journalctl --sync; journalctl -b -o cat UNIT=${unit} ${STARTING} | wc -l`)
      )
      // The last may have been stopped before it said anything.
      assert.oneOf(runs.length, [starts - 1, starts])
      assert.lengthOf(new Set(runs.map(({ invocation }) => invocation)), runs.length)
      assert.isTrue(runs.every(({ root }) => root === "fresh"))
      await systemctl("reset-failed")
      await assertNothingLeft()
    })
  }
)
