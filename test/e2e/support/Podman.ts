/** Containers of podman, to compare services with: in a mount namespace of their own, with a store that is thrown away. */
import { spawnSync } from "node:child_process"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { type CommandResult, run } from "./Command.ts"

/** Whether podman and crun are installed. */
export const isUsable = (): boolean =>
  ["podman", "crun"].every((program) => spawnSync(program, ["--version"], { stdio: "ignore" }).status === 0)

/** Limits that a host within a container may set. */
const CONFIGURATION = '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n'

const SCRIPT = `
set -e
work=$1 rootfs=$2 ofhost=$3
shift 3
umount -R /sys/fs/cgroup 2>/dev/null || :
mount -t cgroup2 cgroup2 /sys/fs/cgroup
export CONTAINERS_CONF="$work/containers.conf"
store="--root $work/store --runroot $work/run --storage-driver vfs"
tar -C "$rootfs" -cf "$work/image.tar" .
podman $store import "$work/image.tar" facts:1 >/dev/null 2>&1
sh -c "$ofhost" >"$work/environment"
podman $store run --rm --runtime crun --network none --cgroups disabled --env-file "$work/environment" facts:1 "$@"`

/** Runs a program in an image that has this root. `ofHost` prints variables for it. */
export const runImage = (
  work: string,
  rootfs: string,
  command: readonly string[],
  ofHost: string
): Promise<CommandResult> => {
  writeFileSync(join(work, "containers.conf"), CONFIGURATION)
  return run([
    ...["unshare", "--mount", "--propagation", "private", "sh", "-c", SCRIPT, "podman"],
    ...[work, rootfs, ofHost, ...command]
  ])
}

/**
 * Pulls an image from a layout, starts it, waits until it answers, stops it, and prints what it said.  */
const LOGS = `
set -e
work=$1 layout=$2 ref=$3 ask=$4 answer=$5
umount -R /sys/fs/cgroup 2>/dev/null || :
mount -t cgroup2 cgroup2 /sys/fs/cgroup
export CONTAINERS_CONF="$work/containers.conf"
podman() { command podman --root "$work/store" --runroot "$work/run" --storage-driver overlay "$@"; }
# podman makes a name of the path, and takes few characters in it.
mount --bind "$layout" /mnt
image=$(podman pull --quiet "oci:/mnt:$ref" 2>"$work/errors") || { cat "$work/errors" >&2; exit 1; }
container=$(podman run --detach --runtime crun --network none --cgroups disabled --hostname popular --log-driver k8s-file "$image")
trap 'podman rm --force --time 0 "$container" >/dev/null 2>&1; podman rmi --all --force >/dev/null 2>&1' EXIT
pid=$(podman inspect --format '{{.State.Pid}}' "$container")
for round in $(seq 240); do
  [ -e "/proc/$pid" ] || break
  if nsenter --target "$pid" --net bash -c "in='nsenter --target $pid --mount --root --'; $ask" 2>/dev/null </dev/null | tr -d '\\0' | LC_ALL=C grep -aqzP "$answer"; then
    podman stop --time 30 "$container" >/dev/null
    podman logs "$container" 2>&1
    exit
  fi
  sleep 0.5
done
podman logs "$container" >&2
echo "$ref does not answer" >&2
exit 1
`

/** Returns what an image of a layout says under podman, from its start to its end. `answer` is a pattern of Perl. */
export const logOf = async (
  work: string,
  layout: string,
  ref: string,
  ask: string,
  answer: string
): Promise<string> => {
  writeFileSync(join(work, "containers.conf"), CONFIGURATION)
  const { stdout } = await run(
    [
      ...["unshare", "--mount", "--propagation", "private", "bash", "--norc", "-c", LOGS, "podman"],
      ...[work, layout, ref, ask, answer]
    ],
    { timeout: 300_000 }
  )
  return stdout
}
