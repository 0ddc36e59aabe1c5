/** A root is made by a shell from what is ready, and by somebody else where anything is not. */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync
} from "node:fs"
import { dirname } from "node:path"
import { assert, describe, it } from "vitest"
import * as UserRecord from "../../src/domain/unit/UserRecord.ts"
import { temporary } from "../support/LayoutWriter.ts"
import { type Mode, place } from "../support/RootScripts.ts"

const OK = "0 "
/** Says that it ran. */
const otherwise = (file: string) => ["--", "sh", "-c", 'echo ran >"$1"', "sh", file]

describe("oci-prepare", () => {
  it.each(["ephemeral", "readonly"] as const)("makes all of a root anew: %s", (mode) => {
    using directory = temporary()
    const at = place(directory.path)
    const { scratch } = at.paths("U")
    at.template("U", { upper: ["srv"] })
    for (let start = 0; start < 2; start++) {
      assert.strictEqual(at.prepare("U", mode, otherwise(at.at("ran"))), OK)
      assert.deepStrictEqual(readdirSync(scratch).sort(), ["output", "run", "upper", "work"])
      assert.deepStrictEqual(readdirSync(`${scratch}/upper`), ["srv"])
      assert.strictEqual(readFileSync(`${scratch}/run/seed`, "utf8"), "of the image")
      assert.isTrue(lstatSync(`${scratch}/output`).isFIFO())
      assert.strictEqual(lstatSync(`${scratch}/output`).mode & 0o777, 0o622)
      at.write(`${scratch}/upper/srv/mark`)
      at.write(`${scratch}/health`)
    }
    assert.isFalse(existsSync(at.at("ran")))
  })

  it.each(["ephemeral", "persistent", "readonly"] as const)(
    "leaves the pipe that is read still, and takes nothing else for ready: %s",
    (mode) => {
      using directory = temporary()
      const at = place(directory.path)
      at.template("U")
      const { scratch } = at.paths("U")
      assert.strictEqual(at.prepare("U", mode), OK)
      const { ino } = lstatSync(`${scratch}/output`)
      rmSync(`${scratch}/work`, { recursive: true })
      for (const path of ["run/mark", "units/mark", "health", "var-tmp/mark"]) at.write(`${scratch}/${path}`)
      assert.strictEqual(at.prepare("U", mode), OK)
      assert.strictEqual(lstatSync(`${scratch}/output`).ino, ino)
      assert.deepStrictEqual(readdirSync(scratch).sort(), ["output", "run", "upper", "work"])
      assert.deepStrictEqual(readdirSync(`${scratch}/run`), ["seed"])
    }
  )

  it("mounts the overlay and what belongs into it, and fails where mount does", () => {
    using directory = temporary()
    const at = place(directory.path)
    at.template("U")
    const { lower, root, scratch, template } = at.paths("U")
    assert.strictEqual(at.prepare("U", "ephemeral"), OK)
    assert.strictEqual(at.prepare("U", "readonly"), OK)
    const calls = (options: string) => [
      ...["mount", "-t", "overlay", "-o", `nodev,nosuid,nosymfollow,${options}`, "overlay", root],
      ...["mount", "--no-mtab", "--no-canonicalize", "--all", "--fstab", `${template}/mounts`]
    ]
    assert.deepStrictEqual(at.said(), [
      ...calls(`lowerdir=${lower},upperdir=${scratch}/upper,workdir=${scratch}/work`),
      ...calls(`ro,lowerdir=${scratch}/upper:${lower}`)
    ])
    assert.isTrue(lstatSync(root).isDirectory())
    assert.strictEqual(lstatSync(dirname(root)).mode & 0o777, 0o700)
    assert.strictEqual(at.prepare("U", "ephemeral", [], 32), "1 ")
  })

  describe("where not everything can be mounted", () => {
    /** Mounts the overlay, and no more. */
    const OVERLAY_ONLY = `#!/bin/sh
printf '%s\\n' "\${0##*/}" "$1" >>"$OCI_SAID"
[ "$1" = -t ] || exit 64
`
    const failing = (path: string) => {
      const at = place(path)
      at.template("U")
      at.program("mount", OVERLAY_ONLY)
      return at
    }

    it.each(["ephemeral", "persistent"] as const)(
      "takes all away, and has the other program look: %s",
      (mode) => {
        using directory = temporary()
        const at = failing(directory.path)
        assert.strictEqual(at.prepare("U", mode, otherwise(at.at("ran"))), OK)
        assert.isTrue(existsSync(at.at("ran")))
        const umount = ["umount", mode === "persistent" ? "--recursive" : "--lazy", "--", at.paths("U").root]
        assert.deepStrictEqual(at.said(), ["mount", "-t", "mount", "--no-mtab", ...umount])
      }
    )

    it("fails without one, and says where to look", () => {
      using directory = temporary()
      const at = failing(directory.path)
      assert.match(at.prepare("U", "ephemeral"), /^64 not everything can be mounted.*scratch\/U\/upper/)
    })
  })

  it("makes the places anew that a kept root lacks, with whatever names, and follows nothing", () => {
    using directory = temporary()
    const at = place(directory.path)
    const names = ["$(touch x)", "a b", "new\nline", "'\"", "*"]
    at.template("U", { places: names.flatMap((name) => [`./d/${name}/\0`, `./f/${name}\0`]).join("") })
    const { root } = at.paths("U")
    at.write(`${root}/f/a b`, "kept")
    at.states(["inactive"])
    assert.strictEqual(at.prepare("U", "persistent"), OK)
    assert.sameMembers(readdirSync(`${root}/d`), names)
    assert.sameMembers(readdirSync(`${root}/f`), names)
    assert.strictEqual(readFileSync(`${root}/f/a b`, "utf8"), "kept")
    assert.sameMembers(readdirSync(root), ["d", "f"])
  })

  it.each(["proc", "sys", "dev"])("mounts nothing in a kept root that has a link at /%s", (name) => {
    using directory = temporary()
    const at = place(directory.path)
    at.template("U", { places: `./${name}/\0` })
    mkdirSync(at.paths("U").root, { recursive: true })
    symlinkSync("elsewhere", `${at.paths("U").root}/${name}`)
    at.states(["inactive"])
    assert.notStrictEqual(at.prepare("U", "persistent"), OK)
  })

  it.each(["lower", "template"] as const)(
    "leaves it to the other program when its %s is gone by then",
    (gone) => {
      using directory = temporary()
      const at = place(directory.path)
      at.template("U")
      at.program("mount", `#!/bin/sh\nrm -r "${at.paths("U")[gone]}"; exit 32\n`)
      assert.strictEqual(at.prepare("U", "ephemeral", otherwise(at.at("ran"))), OK)
      assert.isTrue(existsSync(at.at("ran")))
    }
  )

  it("keeps what was written to a persistent root, and nothing else", () => {
    using directory = temporary()
    const at = place(directory.path)
    at.template("U")
    const { scratch } = at.paths("U")
    assert.strictEqual(at.prepare("U", "persistent"), OK)
    for (const path of ["upper/mark", "work/mark", "run/mark", "health"]) at.write(`${scratch}/${path}`)
    assert.strictEqual(at.prepare("U", "persistent", otherwise(at.at("ran"))), OK)
    assert.deepStrictEqual(readdirSync(scratch).sort(), ["output", "run", "upper", "work"])
    assert.deepStrictEqual(readdirSync(`${scratch}/run`), ["seed"])
    assert.deepStrictEqual(
      ["upper", "work"].flatMap((name) => readdirSync(`${scratch}/${name}`)),
      ["mark", "mark"]
    )
    assert.isFalse(existsSync(at.at("ran")))
  })

  it("takes nothing for a persistent root that was not made to its end", () => {
    using directory = temporary()
    const at = place(directory.path)
    at.template("U")
    const { scratch } = at.paths("U")
    at.write(`${at.at("scratch")}/.U/upper/half`)
    at.write(`${scratch}/run/mark`)
    assert.strictEqual(at.prepare("U", "persistent"), OK)
    assert.deepStrictEqual(readdirSync(at.at("scratch")), ["U"])
    assert.deepStrictEqual(readdirSync(`${scratch}/upper`), [])
    assert.deepStrictEqual(readdirSync(`${scratch}/run`), ["seed"])
  })

  describe("leaves it to the other program", () => {
    type Place = ReturnType<typeof place>
    const users = { users: [UserRecord.user(7, 8)] }
    const later = (path: string) => utimesSync(path, new Date(), Date.now() / 1000 + 10)
    const cases: ReadonlyArray<readonly [string, Mode, (at: Place) => readonly string[]]> = [
      ["without a template", "ephemeral", () => []],
      [
        "where the extract is gone",
        "ephemeral",
        (at) => {
          at.template("U")
          rmSync(at.paths("U").lower, { recursive: true })
          return []
        }
      ],
      [
        "where the extract is an image that is not mounted",
        "ephemeral",
        (at) => {
          at.template("U")
          rmSync(`${at.paths("U").lower}/file`)
          return []
        }
      ],
      [
        "where a volume is gone",
        "ephemeral",
        (at) => {
          at.template("U")
          return [`${at.paths("U").lower}/`, at.at("volume")]
        }
      ],
      [
        "where a volume leads nowhere",
        "ephemeral",
        (at) => {
          at.template("U")
          symlinkSync("/nonexistent", at.at("volume"))
          return [at.at("volume")]
        }
      ],
      [
        "where a volume is no directory",
        "ephemeral",
        (at) => {
          at.template("U")
          at.write(at.at("volume"))
          return [`${at.at("volume")}/`]
        }
      ],
      [
        "where the host's users changed",
        "ephemeral",
        (at) => {
          at.template("U", users)
          at.write(at.at("etc/passwd"))
          later(at.at("etc/passwd"))
          return []
        }
      ],
      [
        "where the host's groups changed",
        "ephemeral",
        (at) => {
          at.template("U", users)
          at.write(at.at("etc/group"))
          later(at.at("etc/group"))
          return []
        }
      ]
    ]
    it.each(cases)("%s", (_, mode, arrange) => {
      using directory = temporary()
      const at = place(directory.path)
      const volumes = arrange(at)
      const before = readdirSync(at.at("scratch"))
      assert.strictEqual(at.prepare("U", mode, [...volumes, ...otherwise(at.at("ran"))]), OK)
      assert.isTrue(existsSync(at.at("ran")))
      assert.deepStrictEqual([...at.said(), ...readdirSync(at.at("scratch"))], before)
    })

    it("and ends as that does", () => {
      using directory = temporary()
      const at = place(directory.path)
      assert.strictEqual(at.prepare("U", "ephemeral", ["--", "sh", "-c", "echo why >&2; exit 3"]), "3 why\n")
    })
  })

  describe("where something is mounted", () => {
    const mounted = (path: string) => {
      const at = place(path)
      at.template("U")
      at.write(`${at.paths("U").root}/.dot`)
      at.write(`${at.paths("U").scratch}/upper/mark`)
      return at
    }

    it.each(["active", "reloading", "activating|SubState=start"])(
      "does nothing to a service that runs: %s",
      (state) => {
        using directory = temporary()
        const at = mounted(directory.path)
        at.states([state])
        assert.strictEqual(at.prepare("U", "ephemeral", otherwise(at.at("ran"))), OK)
        assert.deepStrictEqual(readdirSync(`${at.paths("U").scratch}/upper`), ["mark"])
        assert.deepStrictEqual([existsSync(at.at("ran")), at.said()], [false, []])
      }
    )

    it.each([
      "inactive",
      "failed",
      "activating|SubState=auto-restart",
      "activating|SubState=auto-restart-queued"
    ])("takes away what an ended one left: %s", (state) => {
      using directory = temporary()
      const at = mounted(directory.path)
      at.states(["deactivating", "deactivating", state])
      assert.strictEqual(at.prepare("U", "ephemeral", otherwise(at.at("ran"))), OK)
      assert.deepStrictEqual(readdirSync(`${at.paths("U").scratch}/upper`), [])
      assert.deepStrictEqual(at.said().slice(0, 5), ["umount", "--lazy", "--", at.paths("U").root, "mount"])
      assert.isFalse(existsSync(at.at("ran")))
    })

    it.each([
      { kind: "a job stops it", job: "stop" },
      { kind: "a job restarts it", job: "restart" },
      { kind: "a part of it is stopping, and a start came after", job: "start", part: "deactivating" },
      { kind: "its main process has ended", pid: 2 ** 22 + 1 },
      { kind: "it has ended meanwhile, and waits to start again", job: "start", now: "inactive" },
      { kind: "it has ended meanwhile, and systemd starts it again", now: "activating", sub: "auto-restart" }
    ])("waits for a service that is about to stop: $kind", (about) => {
      using directory = temporary()
      const at = mounted(directory.path)
      at.states(["active", "deactivating", "inactive"], about)
      assert.strictEqual(at.prepare("U", "ephemeral"), OK)
      assert.deepStrictEqual(readdirSync(`${at.paths("U").scratch}/upper`), [])
    })

    it("does nothing to a service that runs and is only started", () => {
      using directory = temporary()
      const at = mounted(directory.path)
      at.states(["active"], { job: "start", part: "active", pid: process.pid })
      assert.strictEqual(at.prepare("U", "ephemeral"), OK)
      assert.deepStrictEqual(readdirSync(`${at.paths("U").scratch}/upper`), ["mark"])
    })

    it.each([
      { state: "inactive|PrivatePIDs=yes|ControlGroup=/oci.slice/U.service", isKilled: true },
      { state: "failed|ControlGroup=/oci.slice/U.service|PrivatePIDs=yes", isKilled: true },
      { state: "inactive|PrivatePIDs=yes|ControlGroup=", isKilled: false },
      { state: "inactive|PrivatePIDs=no|ControlGroup=/oci.slice/U.service", isKilled: false },
      { state: "inactive|ControlGroup=/oci.slice/U.service", isKilled: false }
    ])("ends what should have ended with process 1 of a namespace: $state", ({ isKilled, state }) => {
      const killed = isKilled ? ["systemctl", "kill", "--signal=KILL", "--", "U.service"] : []
      using directory = temporary()
      const at = mounted(directory.path)
      at.states([state])
      assert.strictEqual(at.prepare("U", "ephemeral"), OK)
      assert.deepStrictEqual(at.said().slice(0, killed.length + 1), [...killed, "umount"])
      const before = at.said().length
      assert.strictEqual(at.release("U", "ephemeral", ["U.service"]), OK)
      assert.deepStrictEqual(at.said().slice(before, before + killed.length + 1), [...killed, "umount"])
    })

    it("fails where somebody stands in a root that persists", () => {
      using directory = temporary()
      const at = mounted(directory.path)
      at.states(["inactive"])
      assert.strictEqual(at.prepare("U", "persistent", otherwise(at.at("ran")), 32), "1 ")
      assert.deepStrictEqual(at.said(), ["umount", "--recursive", "--", at.paths("U").root])
    })
  })

  it("asks nothing where there is no other program, and fails where it cannot go on", () => {
    using directory = temporary()
    const at = place(directory.path)
    at.template("U", { users: [UserRecord.user(7, 8)] })
    at.write(at.at("etc/passwd"))
    utimesSync(at.at("etc/passwd"), new Date(), Date.now() / 1000 + 10)
    assert.strictEqual(at.prepare("U", "ephemeral", [at.at("volume")]), OK)
    rmSync(at.paths("U").template, { recursive: true })
    assert.match(at.prepare("U", "ephemeral"), /^1 cp: /)
    assert.lengthOf(
      at.said().filter((word) => word === "--all"),
      1
    )
  })

  it("copies names as they are, and runs none of them", () => {
    using directory = temporary()
    const at = place(directory.path)
    const names = ["-rf", "$(touch x)", "`touch x`", "a b", "*", "new\nline", "'\"", "\\n", ".hidden"]
    at.template("U")
    for (const name of names) at.write(`${at.paths("U").template}/scratch/run/${name}/${name}`, name)
    for (const mode of ["ephemeral", "persistent", "persistent"] as const) {
      assert.strictEqual(at.prepare("U", mode), OK)
      const run = `${at.paths("U").scratch}/run`
      assert.sameMembers(readdirSync(run), ["seed", ...names])
      for (const name of names) assert.strictEqual(readFileSync(`${run}/${name}/${name}`, "utf8"), name)
    }
  })
})
