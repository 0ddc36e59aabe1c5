/** What doctor says of machines that lack something: each made as a tree. */
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import * as Effect from "effect/Effect"
import { assert, describe, it } from "vitest"
import type { Diagnosis } from "../../../src/domain/machine/Diagnosis.ts"
import * as SystemSettings from "../../../src/domain/settings/SystemSettings.ts"
import * as DirectoryExamination from "../../../src/services/extracts/DirectoryExamination.ts"
import { NativeCalls } from "../../../src/services/files/NativeCalls.ts"
import * as MachineExamination from "../../../src/services/host/MachineExamination.ts"
import * as InstallationExamination from "../../../src/services/install/InstallationExamination.ts"
import { temporary } from "../../support/LayoutWriter.ts"

const PROGRAMS =
  "cat cp cut flock getent grep ln logger mkdir mount mv perl readlink rm sed sh sleep stat systemctl timeout umount env node".split(
    " "
  )
const GENERATOR = "usr/lib/systemd/system-generators/oci-systemd-generator"
const SCRIPT = "usr/lib/oci-systemd-generator/oci-generator"
const PROGRAM = "usr/lib/oci-systemd-generator/oci-systemd-generator.cjs"

/** A machine that lacks nothing, as far as it is looked at. */
const wellMade = (root: string) => {
  const write = (path: string, content = "", mode = 0o644) => {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), content, { mode })
  }
  mkdirSync(join(root, "run/systemd/system"), { recursive: true })
  write("sys/fs/cgroup/cgroup.controllers")
  write("proc/filesystems", "nodev\ttmpfs\n\text4\nnodev\toverlay\n")
  write("proc/sys/kernel/osrelease", "6.1\n")
  for (const name of ["mnt", "pid", "net", "ipc", "uts"]) write(`proc/self/ns/${name}`)
  write("proc/self/status", "Name:\tnode\nSeccomp:\t0\n")
  write("etc/nsswitch.conf", "passwd: files systemd\ngroup: files systemd\n")
  write("usr/lib/x86_64-linux-gnu/libnss_systemd.so.2")
  for (const name of PROGRAMS) write(`usr/bin/${name}`, "", 0o755)
  write(PROGRAM, "#!/usr/bin/env -S node --flag\n", 0o755)
  write("bin/sh", "", 0o755)
  write(SCRIPT, "#!/bin/sh\n", 0o755)
  mkdirSync(join(root, dirname(GENERATOR)), { recursive: true })
  symlinkSync("../../oci-systemd-generator/oci-generator", join(root, GENERATOR))
  return write
}

const examine = (spoil: (root: string, write: ReturnType<typeof wellMade>) => void, version = 257) => {
  using directory = temporary()
  const write = wellMade(directory.path)
  spoil(directory.path, write)
  return [
    ...MachineExamination.examine(version, directory.path),
    ...InstallationExamination.examine(directory.path)
  ]
}

const amiss = (diagnoses: readonly Diagnosis[]) =>
  diagnoses.filter(({ status }) => status !== "ok").map(({ check, status }) => `${check}: ${status}`)

describe("doctor, of a machine", () => {
  it("that lacks nothing: all is well", () => {
    const diagnoses = examine(() => {})
    assert.deepEqual(amiss(diagnoses), [])
    for (const { advice } of diagnoses) assert.isNull(advice)
  })

  const remove = (path: string) => (root: string) => rmSync(join(root, path), { recursive: true })

  it.each<[what: string, amiss: string, spoil: (root: string, write: ReturnType<typeof wellMade>) => void]>([
    ["systemd", "systemd: problem", remove("run/systemd/system")],
    ["cgroups of version 2", "cgroups: warning", remove("sys/fs/cgroup/cgroup.controllers")],
    ["overlayfs", "overlayfs: problem", (_, write) => write("proc/filesystems", "\text4\n")],
    ["a namespace", "namespaces: problem", remove("proc/self/ns/pid")],
    ["seccomp", "seccomp: warning", (_, write) => write("proc/self/status", "Name:\tnode\n")],
    ["nss-systemd", "users: warning", remove("usr/lib/x86_64-linux-gnu")],
    [
      "a word in nsswitch.conf",
      "users: warning",
      (_, write) => write("etc/nsswitch.conf", "passwd: files\n")
    ],
    ["flock", "programs: problem", remove("usr/bin/flock")],
    ["the generator", "generator: problem", remove(GENERATOR)],
    ["what the generator links to", "generator: problem", remove("usr/lib/oci-systemd-generator")],
    ["its permission", "generator: problem", (root) => chmodSync(join(root, SCRIPT), 0o644)],
    ["what it runs", "generator: problem", remove(PROGRAM)],
    ["the Node that it wants", "generator: problem", remove("usr/bin/node")],
    [
      "the interpreter that it wants",
      "generator: problem",
      (_, write) => write(PROGRAM, "#!/opt/node/bin/node\n")
    ]
  ])("that lacks %s: %s, with advice", (_, expected, spoil) => {
    const diagnoses = examine(spoil)
    assert.deepEqual(amiss(diagnoses), [expected])
    for (const { advice, status } of diagnoses) assert.equal(advice === null, status === "ok")
  })

  it("whose overlayfs is a module", () =>
    assert.deepEqual(
      amiss(
        examine((_, write) => {
          write("proc/filesystems", "\text4\n")
          write("lib/modules/6.1/modules.dep", "kernel/fs/overlayfs/overlay.ko.xz:\n")
        })
      ),
      []
    ))

  it("whose systemd is too old", () => assert.deepEqual(amiss(examine(() => {}, 247)), ["systemd: problem"]))

  it.each([
    ["none", "", /not kept from the host's processes/],
    ["another", "oci-systemd-image-2 (enforce)\n", /not kept from the host's processes/],
    ["one that only complains", "oci-systemd-image (complain)\n", /not kept from the host's processes/],
    ["its own, enforced", "a (enforce)\noci-systemd-image (enforce)\n", /: AppArmor keeps images/]
  ])("whose systemd has no PID namespaces, with a profile of AppArmor: %s", (_, profiles, found) => {
    const diagnoses = examine((_root, write) => write("sys/kernel/security/apparmor/profiles", profiles), 252)
    assert.match(diagnoses.find(({ check }) => check === "systemd")?.found ?? "", found)
  })

  it("whose generator is masked", () => {
    const diagnoses = examine((root) => {
      mkdirSync(join(root, "etc/systemd/system-generators"), { recursive: true })
      symlinkSync("/dev/null", join(root, "etc/systemd/system-generators/oci-systemd-generator"))
    })
    assert.deepEqual(amiss(diagnoses), ["generator: problem"])
    assert.match(diagnoses.find(({ check }) => check === "generator")?.advice ?? "", /^rm .*\/etc\/systemd\//)
  })
})

describe("doctor, of directories", () => {
  const directories = async (prepare: (at: (name: string) => string) => unknown) => {
    using directory = temporary()
    const at = (name: string) => join(directory.path, name)
    prepare(at)
    const diagnoses = await Effect.runPromise(
      Effect.flatMap(NativeCalls, (calls) =>
        DirectoryExamination.examine(calls, {
          ...SystemSettings.DEFAULTS,
          imagelayoutdir: at("layouts"),
          extractsdir: at("extracts"),
          volumesdir: at("volumes")
        })
      ).pipe(Effect.provide(NativeCalls.layer))
    )
    const tmp = at("extracts/tmp")
    assert.deepEqual(existsSync(tmp) ? readdirSync(tmp) : [], [])
    return diagnoses
  }
  const of = (diagnoses: readonly Diagnosis[], check: string) =>
    diagnoses.find((diagnosis) => diagnosis.check === check)

  it("that are not there yet: layouts are to be made, the others make themselves", async () => {
    const diagnoses = await directories(() => {})
    assert.equal(of(diagnoses, "layouts")?.status, "warning")
    assert.deepEqual([of(diagnoses, "extracts")?.status, of(diagnoses, "volumes")?.status], ["ok", "ok"])
  })

  it("that others may enter, where setuid files lie", async () => {
    const diagnoses = await directories((at) => {
      mkdirSync(at("extracts/roots"), { recursive: true })
      chmodSync(at("extracts/roots"), 0o755)
    })
    assert.equal(of(diagnoses, "extracts")?.status, "warning")
    assert.match(of(diagnoses, "extracts")?.advice ?? "", /^chmod 700 .*\/extracts\/roots:/)
  })

  it("that have what an older version extracted: gc removes it", async () => {
    const old = await directories((at) => {
      mkdirSync(at(`extracts/dirs/chainID/sha256/ab/${"ab".repeat(32)}`), { recursive: true })
      mkdirSync(at(`extracts/layers/sha256/cd/${"cd".repeat(32)}`), { recursive: true })
    })
    assert.match(of(old, "older extracts")?.found ?? "", /^2 roots and layers/)
    const young = await directories((at) => {
      mkdirSync(at(`extracts/roots/sha256/ab/${"ab".repeat(32)}`), { recursive: true })
    })
    assert.isUndefined(of(young, "older extracts"))
  })

  it("that are no directories", async () => {
    const diagnoses = await directories((at) => {
      writeFileSync(at("layouts"), "")
      writeFileSync(at("volumes"), "")
    })
    assert.deepEqual(
      [of(diagnoses, "layouts")?.status, of(diagnoses, "volumes")?.status],
      ["problem", "problem"]
    )
  })

  it("tries the file system, and leaves nothing behind", async () => {
    const diagnoses = await directories((at) => mkdirSync(at("extracts/tmp"), { recursive: true }))
    assert.include(["ok", "skipped"], of(diagnoses, "file system")?.status)
    assert.equal(of(diagnoses, "file system")?.status === "skipped", process.getuid?.() !== 0)
  })
})
