/**
 * Images that attack their host, by their service and by their health check: through each process that they see they look
 * for the host's root, for a user's secrets and for a neighbour's, and they write what they reach.
 */
import { appendFile, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { LayoutWriter } from "../../support/LayoutWriter.ts"
import { run } from "./Command.ts"
import { busyboxRootfs } from "./layouts.ts"
import type { Machine } from "./Machine.ts"
import { until } from "./Waiting.ts"

/** The unit of the host in whose name an image writes lines of the journal. */
const FORGED = "root-victim"

/** `$1` is by what it attacks. What it says goes to the journal, and what it writes is below `/etc` of the host. */
const ATTACK = `#!/bin/sh
{
  for process in /proc/[0-9]*; do
    [ -e $process/root/etc/the-host ] || continue
    echo "reached the host's root"
    echo $1 > $process/root/etc/taken-by-$MARK-$1
    grep -q secret $process/root/home/alice/secret && echo "reached the secret of alice"
    grep -q hash $process/root/etc/only-shadow && echo "reached a file of the group shadow"
  done
  for process in /proc/[0-9]*; do
    tr '\\0' '\\n' < $process/environ | grep -q ^PASSWORD= && echo "reached the neighbour's environment"
    grep -q neighbour $process/root/data/neighbour && echo "reached the neighbour's volume"
  done
  for terminal in /dev/pts/[0-9]*; do
    echo reached > $terminal && echo "reached a terminal of the host"
  done
  [ -e /dev/hugepages/the-host ] && echo "reached memory in large pages"
  ls /dev/mqueue/* && echo "reached a message queue"
  [ -e /run/docker.sock ] && echo "reached the socket of Docker"
  mount -t tmpfs tmpfs /tmp && echo "reached mount(2)"
  mknod /tmp/disk b 8 0 && echo "reached mknod(2)"
  ip link add reached type dummy && echo "reached the network's configuration"
  # Abstract sockets belong to a network: that of the host names the port of its loopback.
  for port in $(sed -n 's/.*@the-host://p' /proc/self/net/unix); do
    echo "reached an abstract socket of the host"
    nc 127.0.0.1 $port < /dev/null | grep -q "the host" && echo "reached the host's loopback"
  done
  # What is sent to all processes reaches those of the host that may be signalled, seen or not.
  kill -URG -1
  printf 'MESSAGE=forged by %s\nOBJECT_SYSTEMD_UNIT=${FORGED}.service\n' "$MARK-$1" | /usr/bin/logger --journald
} 2>/dev/null | sort -u
echo "the attack by $1 is over"
`

const SERVE = `#!/bin/sh
attack service
exec sleep infinity
`

const MS = 1_000_000

/** The images of the layout `example.org/attacks`, by their references, as the machine's configuration has them. */
export const ATTACKERS = {
  root: { user: "", settings: "" },
  "root-nonetwork": { user: "", settings: "profile = nonetwork" },
  "root-strict": { user: "", settings: "profile = strict" },
  "root-persistent": { user: "", settings: "root = persistent" },
  "root-readonly": { user: "", settings: "root = readonly" },
  user: { user: "1000:1000", settings: "" },
  "user-nonetwork": { user: "1000:1000", settings: "profile = nonetwork" },
  "user-strict": { user: "1000:1000", settings: "profile = strict" },
  "user-strict-alone": { user: "1000:1000", settings: "profile = strict\nnetwork = none" },
  "user-persistent": { user: "1000:1000", settings: "root = persistent" },
  "user-readonly": { user: "1000:1000", settings: "root = readonly" },
  "user-shadow": { user: "alice", settings: "" },
  "low-strict": { user: "1000:1000", settings: "profile = strict" },
  trusted: { user: "", settings: "profile = trusted" }
} as const

export type Attacker = keyof typeof ATTACKERS

export const attackers = Object.keys(ATTACKERS) as readonly Attacker[]

export const attackUnit = (name: string): string => `org.example.attacks.ref.${name}.service`
export const checkUnit = (name: string): string => `oci-check@${attackUnit(name)}`

/** Copies a program of this machine with the libraries that it loads. */
const addProgram = async (rootfs: string, program: string): Promise<void> => {
  const { stdout } = await run(["ldd", program])
  const libraries = [...stdout.matchAll(/(?:=> |^\s*)(\/\S+) \(/gm)].map(([, path]) => path as string)
  for (const path of [program, ...libraries]) {
    await mkdir(join(rootfs, dirname(path)), { recursive: true })
    await rm(join(rootfs, path), { force: true })
    await copyFile(path, join(rootfs, path))
  }
}

export const writeAttackImages = async (directory: string): Promise<void> => {
  const work = await mkdtemp(join(tmpdir(), "oci-attacks-"))
  try {
    const rootfs = await busyboxRootfs(join(work, "rootfs"))
    await writeFile(join(rootfs, "bin/attack"), ATTACK, { mode: 0o755 })
    await writeFile(join(rootfs, "bin/serve"), SERVE, { mode: 0o755 })
    await addProgram(rootfs, "/usr/bin/logger")
    // A user of the image that is in the host's group shadow, by the image's own word.
    await appendFile(join(rootfs, "etc/passwd"), "alice:x:1000:1000::/:/bin/sh\n")
    await appendFile(join(rootfs, "etc/group"), "alice:x:1000:\nshadow:x:42:alice\ntty:x:5:alice\n")
    const archive = join(work, "rootfs.tar")
    await run(["tar", "-C", rootfs, "-cf", archive, "."])
    const tar = await readFile(archive)
    const layout = new LayoutWriter(join(directory, "example.org/attacks"))
    const image = (ref: string, config: object) =>
      layout.named(ref, layout.image({ config: { Entrypoint: ["serve"], ...config } }, {}, tar))
    layout.index(
      image("neighbour", {
        User: "1000:1000",
        Env: ["PASSWORD=neighbour"],
        Entrypoint: [
          "sh",
          "-c",
          "echo neighbour > /data/neighbour; (exec 3<>/dev/ptmx; echo terminals: $(ls /dev/pts)); exec sleep infinity"
        ],
        Volumes: { "/data": {} }
      }),
      ...attackers.map((ref) =>
        image(ref, {
          User: ATTACKERS[ref].user,
          Env: [`MARK=${ref}`],
          StopSignal: "SIGKILL",
          Healthcheck: { Test: ["CMD", "attack", "check"], Interval: 1000 * MS, Timeout: 60_000 * MS },
          ...(ref === "low-strict" ? { ExposedPorts: { "80/tcp": {} } } : {})
        })
      )
    )
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

export const ATTACK_CONFIGURATION = attackers
  .map((ref) => `[image example.org/attacks:${ref}]\n${ATTACKERS[ref].settings}\n`)
  .join("")

/**
 * What the attacks are after: a file that only the host's root has, a process of root with no capability more than an
 * image's root has (as systemd-localed), a user with a process and a secret, and what the group shadow has: a file, and what
 * stands for the socket of a daemon that is as good as root.
 */
export const setUpHost = async (machine: Machine): Promise<void> => {
  await machine.write("/etc/the-host", "")
  await machine.write("/etc/only-shadow", "hash\n", 0o640)
  await machine.write("/home/alice/secret", "secret\n", 0o600)
  await machine.run(
    "useradd --uid 1000 --home-dir /home/alice alice && chown -R alice /home/alice && chgrp 42 /etc/only-shadow"
  )
  await machine.run("mkfifo --mode=660 /run/docker.sock && chgrp 42 /run/docker.sock")
  await machine.run("systemd-run --quiet --unit=terminal script --quiet --command 'sleep infinity' /dev/null")
  // Where the machine has no pages to give, a file with this name is all that can be seen.
  await machine.run("mkdir -p /dev/hugepages && touch /dev/hugepages/the-host")
  await machine.write("/usr/local/bin/victim", VICTIM, 0o755)
  await machine.run("systemd-run --quiet --unit=root-victim -p CapabilityBoundingSet= victim root")
  await machine.run("touch /run/heard-by-alice && chown alice /run/heard-by-alice")
  await machine.run("systemd-run --quiet --unit=alice-victim -p User=alice victim alice")
  await machine.write("/usr/local/bin/listener", LISTENER, 0o755)
  await machine.run("systemd-run --quiet --unit=listener listener")
}

export const VICTIMS = ["alice", "root"] as const
export type Victim = (typeof VICTIMS)[number]

/** Writes down which signals it hears. Two that wait at once are heard in the order of their numbers: SIGURG is the lower one. */
const VICTIM = `#!/bin/sh
trap "echo attack >> /run/heard-by-$1" URG
trap "echo end >> /run/heard-by-$1" WINCH
echo ready >> /run/heard-by-$1
sleep infinity &
while :; do wait; done
`

/** Listens on the loopback, and on an abstract socket whose name says at which port. */
const LISTENER = `#!/usr/bin/perl
use Socket;
my ($tcp, $local);
socket($tcp, PF_INET, SOCK_STREAM, 0) && bind($tcp, pack_sockaddr_in(0, INADDR_LOOPBACK)) && listen($tcp, 100) or die;
my ($port) = unpack_sockaddr_in(getsockname($tcp));
socket($local, PF_UNIX, SOCK_STREAM, 0) && bind($local, pack_sockaddr_un("\\0the-host:$port")) && listen($local, 1) or die;
while (accept(my $client, $tcp)) { syswrite($client, "the host\\n"); close($client) }
`

/** Those of the host's processes that a signal has reached since the last time this was asked. */
export const signalled = async (machine: Machine): Promise<readonly Victim[]> => {
  const found: Victim[] = []
  for (const victim of VICTIMS) {
    const file = `/run/heard-by-${victim}`
    await machine.run(["systemctl", "kill", "--signal=WINCH", `${victim}-victim.service`])
    let heard = ""
    await until(machine, `the signal to ${victim}`, async () => {
      heard = await machine.read(file)
      return heard.includes("end")
    })
    if (heard.includes("attack")) found.push(victim)
    await machine.run(`: > ${file}`)
  }
  return found
}

/** Whether `systemctl status` of a service of the host shows lines that the attacker wrote. */
export const forged = async (machine: Machine, name: Attacker): Promise<boolean> => {
  await machine.run(["journalctl", "--sync"])
  const shown = await machine.run(["systemctl", "status", "--lines=1000", `${FORGED}.service`], {
    check: false
  })
  return shown.stdout.includes(`forged by ${name}-`)
}

/** All that an attack says it reached, once it is over. */
export const reached = async (
  machine: Machine,
  name: Attacker,
  by: "service" | "check"
): Promise<readonly string[]> => {
  const unit = by === "service" ? attackUnit(name) : checkUnit(name)
  let text = ""
  await until(machine, `the attack of ${name} by its ${by}`, async () => {
    text = await machine.journal(unit)
    return text.includes(`the attack by ${by} is over`)
  })
  return [...new Set(text.split("\n").filter((line) => line.startsWith("reached ")))].sort()
}
