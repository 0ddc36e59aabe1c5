/** The drop-ins and keys that docs/from-quadlet.md gives for the keys of `.container` files do what it says. */
import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { temporary } from "../support/LayoutWriter.ts"
import { installed } from "./support/Installed.ts"
import { busyboxRootfs, umociImage } from "./support/layouts.ts"
import { type Machine, releases, skipReason } from "./support/Machine.ts"

const UNIT = "com.myorg.app.ref.stable.service"

const CONFIGURATION = `
[image myorg.com/app:stable]
user = 4242:4243
volume = /srv/data:/data:ro
volume = /srv/more:/more
volume = /etc/my-hosts:/etc/hosts:ro
root = readonly
network = none
alias = web.service
healthcmd = echo "checked by $(id -u)"; exit 0
healthinterval = 1m30s
healthtimeout = 7s
healthretries = 5
healthstartperiod = 10s
capabilities = +CAP_NET_RAW -CAP_CHOWN

[image myorg.com/app:capable]
entrypoint = sh -c "arping -c 1 -w 1 -I lo 127.0.0.1 2>&1; true"
capabilities = +CAP_NET_RAW +CAP_SYS_NICE

[image myorg.com/app:stable]
entrypoint = sh -c "while :; do sleep 0.1; done"
command = sh --port 8080
env = A=b
env = C=d e
envfile = /etc/web.env
secret = password
secret = password:/etc/app/password
secret = password:/run/secrets/own:4242:4243:0400
secret = password:env=PASSWORD
`

/** The rows of capabilities, for an image whose program may use them. */
const CAPABLE = "com.myorg.app.ref.capable.service"
const CAPABILITIES = `
[Service]
Type=oneshot
`

/** As they stand in the document. */
const DROP_IN = `
[Unit]
Wants=network-online.target
After=network-online.target

[Service]
WorkingDirectory=/var
SupplementaryGroups=24
TemporaryFileSystem=
TemporaryFileSystem=/mnt:size=1m /dev/shm:mode=1777,nosuid,nodev,noexec,size=64m
BindReadOnlyPaths=/etc/hostname:/etc/motd
NoNewPrivileges=yes
LimitNOFILE=1024
TasksMax=100
MemoryMax=1G
KillSignal=SIGINT
TimeoutStopSec=20
InaccessiblePaths=+/home/app
Restart=always
`

/** What the service's process prints of itself, one line a question. */
const QUESTIONS: Readonly<Record<string, readonly [script: string, answer: RegExp]>> = {
  "Exec=, Entrypoint=": ['tr "\\0" " " </proc/$pid/cmdline', /^sh -c while .* sh --port 8080$/],
  "Environment=": ['tr "\\0" "\\n" </proc/$pid/environ | grep "^[AC]="', /^A=b\nC=d e$/],
  "EnvironmentFile=": ['tr "\\0" "\\n" </proc/$pid/environ | grep ^FROM=', /^FROM=file$/],
  "User=, Group=": ["grep -E '^(Uid|Gid):' /proc/$pid/status", /^Uid:\t4242\t.*\nGid:\t4243\t/],
  "GroupAdd=": ["grep ^Groups: /proc/$pid/status", /\b24\b/],
  "WorkingDir=": ["readlink /proc/$pid/cwd", /^\/var$/],
  "Volume=": ["cat /proc/$pid/root/data/file && grep -c ' /data ro' /proc/$pid/mountinfo", /^kept\n1$/],
  "Tmpfs=": ["grep ' /mnt ' /proc/$pid/mountinfo", /tmpfs.*size=1024k/],
  "ShmSize=": ["grep ' /dev/shm ' /proc/$pid/mountinfo", /size=65536k/],
  "Mount=type=bind": ["cat /proc/$pid/root/etc/motd", /^(bookworm|trixie|sid)$/],
  "DropCapability=": ["capsh() { :; }; grep ^CapBnd: /proc/$pid/status", /[02468ace]$/],
  "AddCapability=": ["grep ^CapEff: /proc/$pid/status", /2000$/],
  "NoNewPrivileges=": ["grep ^NoNewPrivs: /proc/$pid/status", /1$/],
  "Ulimit=": ["grep 'Max open files' /proc/$pid/limits", / 1024 +1024 /],
  "PidsLimit=": ["systemctl show -P TasksMax $unit", /^100$/],
  "ReadOnly=": ["nsenter -t $pid -m -r touch /etc/x 2>&1 || :", /Read-only file system/],
  "AddHost=": ["cat /proc/$pid/root/etc/hosts", /^192\.0\.2\.1 db$/],
  exec: ["nsenter --all --root --target $pid sh -c 'cat /etc/hosts; pwd'", /^192\.0\.2\.1 db\n\/$/],
  "Network=none": [
    "nsenter -t $pid -n ls /sys/class/net /proc/self/net/dev >/dev/null; tail -n +3 /proc/$pid/net/dev | cut -d: -f1",
    /^ *lo$/
  ],
  "Mask=": ["grep -c ' /home/app ro' /proc/$pid/mountinfo", /^1$/],
  "Secret=NAME": ["cat /proc/$pid/root/run/secrets/password", /^secret$/],
  "Secret=NAME,target=/path": ["cat /proc/$pid/root/etc/app/password", /^secret$/],
  "Secret=…,uid=1,gid=2,mode=0400": ["stat -c '%u:%g %a' /proc/$pid/root/run/secrets/own", /^4242:4243 400$/],
  "Secret=NAME,type=env,target=X": [
    "tr '\\0' '\\n' </proc/$pid/environ | grep ^PASSWORD=",
    /^PASSWORD=secret$/
  ],
  "HealthCmd=": [
    "systemctl start oci-check@$unit 2>&1 && journalctl --sync && journalctl -o cat -u oci-check@$unit",
    /^checked by 4242$/m
  ],
  "HealthInterval=, HealthTimeout=": [
    "systemctl show -P TimersMonotonic oci-health@com.myorg.app.ref.stable.timer; systemctl show -P TimeoutStartUSec oci-check@$unit",
    /OnUnitInactiveUSec=1min 30s [\s\S]*\n7s$/
  ],
  "HealthRetries=, HealthStartPeriod=": [
    "systemctl cat oci-health@$unit | grep ^ExecStart=",
    /"5" "10" "5000" "log"$/
  ],
  "ContainerName=": ["systemctl show -P Id web.service", /^com\.myorg\.app\.ref\.stable\.service$/]
}

const reason = skipReason()
describe.skipIf(reason !== undefined).each(releases())(`from Quadlet on %s${reason ?? ""}`, (release) => {
  let machine: Machine
  beforeAll(async () => {
    using work = temporary()
    const rootfs = await busyboxRootfs(join(work.path, "rootfs"))
    // In a root that cannot be written, what a drop-in mounts on has to be there.
    await mkdir(join(rootfs, "mnt"))
    await writeFile(join(rootfs, "etc/motd"), "")
    machine = await installed(release, async (layouts) => {
      await umociImage(join(layouts, "myorg.com/app"), "stable", {
        rootfs,
        config: ["--config.cmd=/bin/true"]
      })
      await umociImage(join(layouts, "myorg.com/app"), "capable", {
        rootfs,
        config: ["--config.cmd=/bin/true"]
      })
      const at = (path: string) => join(layouts, "../../../..", path)
      await mkdir(at(`etc/systemd/system/${CAPABLE}.d`), { recursive: true })
      await writeFile(at(`etc/systemd/system/${CAPABLE}.d/capable.conf`), CAPABILITIES)
      for (const directory of ["srv/data", "srv/more", `etc/systemd/system/${UNIT}.d`])
        await mkdir(at(directory), { recursive: true })
      await writeFile(at("srv/data/file"), "kept\n")
      await writeFile(at("etc/web.env"), "FROM=file\n")
      await writeFile(at("etc/my-hosts"), "192.0.2.1 db\n")
      await mkdir(at("etc/credstore"), { recursive: true })
      await writeFile(at("etc/credstore/password"), "secret\n", { mode: 0o600 })
      await writeFile(at(`etc/systemd/system/${UNIT}.d/web.conf`), DROP_IN)
      await writeFile(at("etc/oci-generator.conf"), CONFIGURATION)
    })
    await machine.boot()
  })
  afterAll(async () => machine?.dispose())

  const ask = async (script: string) => {
    const head = `unit=${UNIT}; pid=$(systemctl show -P MainPID $unit); `
    return (await machine.run(head + script, { check: false })).stdout.trimEnd()
  }

  it("runs", async () => {
    const { code } = await machine.run(["systemctl", "start", UNIT], { check: false })
    assert.strictEqual(code, 0, (await machine.run("journalctl -b -n 60 --no-pager -o cat")).stdout)
    assert.strictEqual(await ask("systemctl is-active $unit"), "active")
  })

  it.each(Object.entries(QUESTIONS))("%s", async (_, [script, answer]) => {
    assert.match(await ask(script), answer)
  })

  it("AddCapability= with what else refuses its use", async () => {
    await machine.run(["systemctl", "start", CAPABLE])
    const said = await machine.journal(CAPABLE)
    // lo has no addresses to ask for: that is said after the socket was opened.
    assert.notMatch(said, /not permitted|not supported/i)
    assert.match(said, /lo|ARP/)
    assert.strictEqual(
      (await machine.run(["systemctl", "show", "-P", "RestrictRealtime", CAPABLE])).stdout,
      "no\n"
    )
  })

  it("StopSignal=, StopTimeout=", async () => {
    const shown = await ask("systemctl show -P KillSignal -P TimeoutStopUSec $unit")
    assert.sameMembers(shown.split("\n"), ["2", "20s"])
  })
})
