/** What mount(8) makes of the table of a root, in a mount namespace of its own. */
import { execFileSync, spawnSync } from "node:child_process"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as Effect from "effect/Effect"
import { assert, describe, it } from "vitest"
import * as MountTable from "../../src/domain/unit/MountTable.ts"
import * as MountProgram from "../../src/services/root/MountProgram.ts"
import { temporary } from "../support/LayoutWriter.ts"

/** Mounts are shared there, as systemd makes them on the host. */
const NAMESPACE = ["--mount", "--propagation", "slave", "sh", "-euc"]
const canMount = spawnSync("unshare", [...NAMESPACE, "mount -t tmpfs t /mnt"]).status === 0

const ofThisMachine = await Effect.runPromise(Effect.provide(MountProgram.look, NodeContext.layer))

describe("the table of a root", () => {
  it.skipIf(!canMount).each([
    ["of this machine", ofThisMachine],
    ["that is older", { addsFlags: false, flagsOf: () => [] }]
  ] as const)(
    "shows what it mounts in a volume to no other service with the volume, nor on the host: for a mount(8) %s",
    (_, program) => {
      using directory = temporary()
      const at = (name: string) => join(directory.path, name)
      for (const name of ["srv/inner", "inner", "root", "scratch/run", "other", "secrets"])
        mkdirSync(at(name), { recursive: true })
      for (const name of ["srv/key", "scratch/run/key"]) writeFileSync(at(name), "")
      for (const name of ["secrets/0", "secrets/1", "inner/file"]) writeFileSync(at(name), name)
      const mount = (kind: "volume" | "secret" | "writable", path: string, source: string) =>
        ({ kind, path, source: at(source), readonly: kind === "secret" }) as const
      const lines = MountTable.lines(
        {
          path: at("root"),
          readonly: false,
          flags: { nodev: true, nosuid: false },
          terminals: false
        },
        MountTable.place(
          [
            mount("volume", "/data", "srv"),
            mount("volume", "/data/inner", "inner"),
            mount("writable", "/run", "scratch/run"),
            mount("secret", "/data/key", "secrets/0"),
            mount("secret", "/run/key", "secrets/1")
          ],
          (path) => path.slice(1)
        ),
        program
      )
      writeFileSync(at("mounts"), `${lines.join("\n")}\n`)
      const script = `
        cd "$1"
        mount --bind . . && mount --make-shared . && cd "$1"
        mount --bind srv other
        mount -t tmpfs root root && mkdir -p root/data root/run
        mount --no-mtab --no-canonicalize --all --fstab mounts
        for each in root/data/key root/run/key root/data/inner/file srv/key other/key scratch/run/key; do echo "$each: $(cat "$each")"; done
        ls -A srv/inner other/inner
        mkdir srv/late && mount -t tmpfs late srv/late && : >srv/late/seen && ls root/data/late
        unshare --mount --propagation slave sleep 60 & copy=$!
        until grep -q " $1/root/data/key .* master:" "/proc/$copy/mountinfo"; do sleep 0.02; done
        umount --lazy root
        grep " $1/root" "/proc/$copy/mountinfo" || :
        kill "$copy"
      `
      const shown = execFileSync("unshare", [...NAMESPACE, script, "sh", directory.path], {
        encoding: "utf8"
      })
      assert.deepStrictEqual(shown.split("\n"), [
        "root/data/key: secrets/0",
        "root/run/key: secrets/1",
        "root/data/inner/file: inner/file",
        "srv/key: ",
        "other/key: ",
        "scratch/run/key: ",
        "other/inner:",
        "",
        "srv/inner:",
        "seen",
        ""
      ])
    }
  )
})
