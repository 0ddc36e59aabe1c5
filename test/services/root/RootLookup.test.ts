import { execFileSync } from "node:child_process"
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync
} from "node:fs"
import { join } from "node:path"
import { Worker } from "node:worker_threads"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { assert, describe, it } from "vitest"
import * as ImageProcess from "../../../src/domain/process/ImageProcess.ts"
import * as RootLookup from "../../../src/services/root/RootLookup.ts"
import { temporary } from "../../support/LayoutWriter.ts"

const processOf = (config: object): ImageProcess.ImageProcess =>
  Either.getOrThrow(
    ImageProcess.fromConfig({
      architecture: "amd64",
      os: "linux",
      config,
      rootfs: { type: "layers", diff_ids: ["sha256:x" as never] }
    })
  )

const withRoot = (test: (root: string) => void): void => {
  using directory = temporary()
  const root = join(directory.path, "root")
  mkdirSync(join(root, "usr/bin"), { recursive: true })
  mkdirSync(join(root, "etc"))
  symlinkSync("/usr/bin", join(root, "bin"))
  symlinkSync("../../../../../../usr/bin/app", join(root, "usr/bin/up"))
  symlinkSync("loop", join(root, "loop"))
  writeFileSync(join(root, "usr/bin/app"), "", { mode: 0o755 })
  writeFileSync(join(root, "usr/bin/text"), "", { mode: 0o644 })
  writeFileSync(join(root, "etc/real"), "root:x:0:0::/root:/bin/sh\nweb:x:33:34::/srv:/bin/false\n")
  symlinkSync("/etc/real", join(root, "etc/passwd"))
  writeFileSync(join(root, "etc/group"), "www:x:34:\nextra:x:50:web,other\n")
  test(root)
}

it("knows which directory keeps a user from the working directory", () =>
  withRoot((root) => {
    mkdirSync(join(root, "home/app/work"), { recursive: true })
    mkdirSync(join(root, "shared"))
    symlinkSync("/home/app/work", join(root, "link"))
    chmodSync(join(root, "home/app"), 0o700)
    chmodSync(join(root, "shared"), 0o750)
    const { gid, uid } = statSync(join(root, "shared"))
    const closed = (User: string, WorkingDir: string) =>
      Effect.runSync(RootLookup.facts(root, processOf({ Cmd: ["/app"], User, WorkingDir }))).workingDirectory
    assert.deepEqual(closed("4711:4711", "/home/app/work"), { path: "/home/app/work", closed: "/home/app" })
    assert.deepEqual(closed("4711:4711", "/link"), { path: "/link", closed: "/home/app" })
    assert.deepEqual(closed("4711:4711", "/home/app"), { path: "/home/app", closed: "/home/app" })
    assert.deepEqual(closed("4711:4711", "/shared"), { path: "/shared", closed: "/shared" })
    assert.deepEqual(closed(`4711:${gid}`, "/shared"), { path: "/shared", closed: "" })
    assert.deepEqual(closed(`${uid}`, "/home/app/work"), { path: "/home/app/work", closed: "" })
    assert.deepEqual(closed("0", "/home/app/work"), { path: "/home/app/work", closed: "" })
    assert.deepEqual(closed("4711:4711", "/nothing/there"), { path: "/nothing/there", closed: "" })
    // The owner has no right that the others have.
    chmodSync(join(root, "shared"), 0o077)
    if (uid !== 0) assert.deepEqual(closed(`${uid}`, "/shared"), { path: "/shared", closed: "/shared" })
  }))

it("resolves links inside the root, wherever they point", () =>
  withRoot((root) => {
    assert.equal(RootLookup.resolve(root, "/bin/app"), "usr/bin/app")
    assert.equal(RootLookup.resolve(root, "/bin/up"), "usr/bin/app")
    assert.equal(RootLookup.resolve(root, "/../../etc/passwd"), "etc/real")
    assert.isUndefined(RootLookup.resolve(root, "/loop"))
    assert.isUndefined(RootLookup.resolve(root, "/nothing"))
  }))

it("finds a bare program along PATH, and only what can be executed", () =>
  withRoot((root) => {
    const facts = Effect.runSync(
      RootLookup.facts(root, processOf({ Cmd: ["app"], Env: ["PATH=/sbin:/bin"] }))
    )
    assert.equal(facts.command?.path, "/bin/app")
    const missing = Effect.runSync(
      Effect.flip(RootLookup.facts(root, processOf({ Cmd: ["text"], Env: ["PATH=/bin"] })))
    )
    assert.match(missing.message, /"text" is in none of the directories of its PATH: \/bin/)
  }))

it("knows the image's users by the image's files, and refuses others", () =>
  withRoot((root) => {
    const identity = (User: string) =>
      Effect.runSync(RootLookup.facts(root, processOf({ Cmd: ["/app"], User }))).user?.identity
    assert.deepEqual(identity("web"), { uid: 33, gid: 34, supplementaryGids: [50], home: "/srv" })
    assert.deepEqual(identity("web:extra"), { uid: 33, gid: 50, supplementaryGids: [], home: "/srv" })
    assert.deepEqual(identity("33"), { uid: 33, gid: 34, supplementaryGids: [], home: "/srv" })
    assert.deepEqual(identity("7:8"), { uid: 7, gid: 8, supplementaryGids: [], home: "/" })
    const unknown = Effect.runSync(
      Effect.flip(RootLookup.facts(root, processOf({ Cmd: ["/app"], User: "nobody" })))
    )
    assert.match(unknown.message, /"nobody" is not in the image's \/etc\/passwd/)
  }))

it("makes a directory in the upper, below copies of those that the lower has", () =>
  withRoot((root) => {
    const upper = join(root, "../upper")
    mkdirSync(upper)
    mkdirSync(join(root, "srv"))
    chmodSync(join(root, "srv"), 0o710)
    RootLookup.makeDirectory(root, upper, "/srv/new/deep")
    assert.equal(statSync(join(upper, "srv")).mode & 0o7777, 0o710)
    assert.isTrue(statSync(join(upper, "srv/new/deep")).isDirectory())
    RootLookup.makeDirectory(root, upper, "/bin/tools")
    assert.isTrue(statSync(join(upper, "usr/bin/tools")).isDirectory())
  }))

it("follows no link that the image left in a kept upper", () =>
  withRoot((root) => {
    const upper = join(root, "../upper")
    const outside = join(root, "../outside")
    mkdirSync(upper)
    mkdirSync(outside)
    symlinkSync(outside, join(upper, "srv"))
    mkdirSync(join(root, "srv"))
    RootLookup.makeDirectory(root, upper, "/srv/escaped/deep")
    RootLookup.makeDirectory(root, upper, "/srv")
    symlinkSync(outside, join(upper, "fresh"))
    RootLookup.makeDirectory(root, upper, "/fresh/escaped")
    assert.deepEqual(readdirSync(outside), [])
  }))

it("follows none that a service puts there meanwhile", async () => {
  using directory = temporary()
  const [root, upper, outside] = ["root", "upper", "outside"].map((name) => join(directory.path, name)) as [
    string,
    string,
    string
  ]
  for (const path of [root, upper, outside, join(root, "srv")]) mkdirSync(path)
  const service = new Worker(CHANGING, { eval: true, workerData: { upper, outside } })
  await new Promise((begun) => service.once("message", begun))
  for (let at = 0; at < 3000 && readdirSync(outside).length === 0; at++) {
    try {
      RootLookup.makeDirectory(root, upper, `/srv/escaped-${at}`)
    } catch {
      // What was looked at is gone already.
    }
  }
  await service.terminate()
  assert.deepEqual(readdirSync(outside), [])
})

/** Has a directory be a link out of the root every now and then. */
const CHANGING = `
  const { mkdirSync, renameSync, symlinkSync, unlinkSync } = require("node:fs")
  const { parentPort, workerData: { outside, upper } } = require("node:worker_threads")
  const attempt = (body) => { try { body() } catch {} }
  parentPort.postMessage("begun")
  for (let at = 0; ; at++) {
    attempt(() => renameSync(upper + "/srv", upper + "/aside-" + at))
    attempt(() => symlinkSync(outside, upper + "/srv"))
    attempt(() => unlinkSync(upper + "/srv"))
    attempt(() => mkdirSync(upper + "/srv"))
  }
`

it("says what is where files of the host are mounted", () =>
  withRoot((root) => {
    const states = () => Effect.runSync(RootLookup.facts(root, processOf({ Cmd: ["/app"] }))).hostFiles
    const at = (path: string) => join(root, path)
    assert.deepEqual(states(), {
      "/etc/resolv.conf": "nothing",
      "/etc/hosts": "nothing",
      "/etc/localtime": "nothing"
    })
    symlinkSync("../run/systemd/resolve/stub-resolv.conf", at("etc/resolv.conf"))
    writeFileSync(at("etc/hosts"), "")
    symlinkSync("/etc/real", at("etc/localtime"))
    assert.deepEqual(states(), {
      "/etc/resolv.conf": "dangling",
      "/etc/hosts": "file",
      "/etc/localtime": "file"
    })
  }))

for (const [what, make, state] of [
  ["a directory", (path: string) => mkdirSync(path), "other"],
  ["a link to itself", (path: string) => symlinkSync("hosts", path), "other"],
  ["a link into the kernel's files", (path: string) => symlinkSync("/proc/self/mounts", path), "other"],
  ["a link below a file", (path: string) => symlinkSync("/etc/real/hosts", path), "other"],
  [
    "a link out of the root",
    (path: string) => symlinkSync("../../../../../../etc/hostname", path),
    "dangling"
  ],
  ["a link to a directory", (path: string) => symlinkSync("/usr", path), "other"]
] as const) {
  it(`a mount on ${what} would find ${state}`, () =>
    withRoot((root) => {
      make(join(root, "etc/hosts"))
      const { hostFiles } = Effect.runSync(RootLookup.facts(root, processOf({ Cmd: ["/app"] })))
      assert.equal(hostFiles?.["/etc/hosts"], state)
    }))
}

it("an image without /etc has nothing there", () => {
  using directory = temporary()
  const { hostFiles } = Effect.runSync(RootLookup.facts(directory.path, processOf({ Cmd: ["/app"] })))
  assert.equal(hostFiles?.["/etc/resolv.conf"], "nothing")
})

it("finds a health check's program, or says that there is none", () =>
  withRoot((root) => {
    const health = (...Test: readonly string[]) =>
      Effect.runSync(RootLookup.facts(root, processOf({ Cmd: ["/app"], Healthcheck: { Test } }))).health
    assert.strictEqual(health("CMD", "app")?.path, "/usr/bin/app")
    assert.strictEqual(health("CMD", "text")?.path, "")
    assert.isUndefined(health("CMD", "/app"))
    assert.isUndefined(health("NONE"))
  }))

it("makes files to mount on where the image has nothing, and nowhere else", () =>
  withRoot((root) => {
    const upper = join(root, "../upper")
    mkdirSync(upper)
    for (const path of ["/etc/hosts", "/new/deep/file", "/etc/real", "/bin/made"]) {
      RootLookup.makeFile(root, upper, path)
      RootLookup.makeFile(root, upper, path)
    }
    assert.isTrue(statSync(join(upper, "etc/hosts")).isFile())
    assert.isTrue(statSync(join(upper, "new/deep/file")).isFile())
    assert.isTrue(statSync(join(upper, "usr/bin/made")).isFile())
    assert.notInclude(readdirSync(join(upper, "etc")), "real")
  }))

describe("rule 32: account files", () => {
  const identityIn = (fill: (root: string) => void, User: string) => {
    let result: unknown
    withRoot((root) => {
      rmSync(join(root, "etc"), { recursive: true })
      mkdirSync(join(root, "etc"))
      fill(root)
      const facts = Effect.runSync(Effect.either(RootLookup.facts(root, processOf({ Cmd: ["/app"], User }))))
      result = Either.match(facts, {
        onLeft: ({ message }) => message,
        onRight: ({ user }) => user?.identity
      })
    })
    return result
  }
  const WEB = { uid: 33, gid: 34, supplementaryGids: [], home: "/srv" }
  const PASSWD = "web:x:33:34::/srv:/bin/false\n"

  for (const [what, fill] of [
    [
      "an absolute symlink",
      (root) => {
        writeFileSync(join(root, "usr/accounts"), PASSWD)
        symlinkSync("/usr/accounts", join(root, "etc/passwd"))
      }
    ],
    [
      "a symlink with more .. than there are directories",
      (root) => {
        writeFileSync(join(root, "usr/accounts"), PASSWD)
        symlinkSync("../../../../../../usr/accounts", join(root, "etc/passwd"))
      }
    ],
    [
      "in a directory that is a symlink",
      (root) => {
        rmSync(join(root, "etc"), { recursive: true })
        writeFileSync(join(root, "usr/passwd"), PASSWD)
        symlinkSync("/bin/..", join(root, "etc"))
      }
    ],
    [
      "behind garbage",
      (root) =>
        writeFileSync(join(root, "etc/passwd"), `\0\xff\n:::::\n${"x".repeat(200_000)}\nweb:x\n${PASSWD}`)
    ],
    [
      "of fifteen megabytes",
      (root) => writeFileSync(join(root, "etc/passwd"), `${"# nobody\n".repeat(1_600_000)}${PASSWD}`)
    ]
  ] as ReadonlyArray<readonly [string, (root: string) => void]>) {
    it(`may be ${what}`, () => assert.deepEqual(identityIn(fill, "web"), WEB))
  }

  it("are the image's and never the host's, wherever a symlink points", () => {
    using outside = temporary()
    writeFileSync(join(outside.path, "passwd"), PASSWD)
    for (const target of [
      join(outside.path, "passwd"),
      `${"../".repeat(40)}${outside.path.slice(1)}/passwd`
    ]) {
      assert.match(
        String(identityIn((root) => symlinkSync(target, join(root, "etc/passwd")), "web")),
        /"web" is not in the image's \/etc\/passwd/
      )
    }
    assert.match(String(identityIn(() => {}, "root")), /"root" is not in the image's \/etc\/passwd/)
  })

  const unreadable: ReadonlyArray<readonly [string, (path: string) => void, RegExp]> = [
    ["huge", (path) => truncateSync(path, 2 ** 34), /has 17179869184 bytes, more than the 16777216 allowed/],
    ["a fifo", (path) => remake(path, () => execFileSync("mkfifo", [path])), /is a fifo, not a file/],
    ["a directory", (path) => remake(path, () => mkdirSync(path)), /is a directory, not a file/]
  ]
  for (const [what, make, why] of unreadable) {
    it(`that is ${what} is an error at once for a user that must be looked up, and for no other`, () => {
      const fill = (root: string) => {
        writeFileSync(join(root, "etc/passwd"), PASSWD)
        make(join(root, "etc/passwd"))
      }
      // A number without a group has the group of its account: that must not silently be root's.
      for (const user of ["web", "33", "web:34", "33:www"]) assert.match(String(identityIn(fill, user)), why)
      assert.deepEqual(identityIn(fill, ""), { uid: 0, gid: 0, supplementaryGids: [], home: "/root" })
      assert.deepEqual(identityIn(fill, "33:34"), { uid: 33, gid: 34, supplementaryGids: [], home: "/" })
    })
  }

  it("of groups are as good: links, garbage, and an error where a group must be looked up", () => {
    const passwd = (root: string) => writeFileSync(join(root, "etc/passwd"), PASSWD)
    const linked = (root: string) => {
      passwd(root)
      writeFileSync(join(root, "usr/groups"), "\0\n::\nwww:x:80:\nvideo:x:44:web,web\nvideo:x:45:web\n")
      symlinkSync("/usr/groups", join(root, "etc/group"))
    }
    assert.deepEqual(identityIn(linked, "web"), { ...WEB, supplementaryGids: [44, 45] })
    assert.deepEqual(identityIn(linked, "web:www"), { ...WEB, gid: 80 })
    assert.deepEqual(identityIn(linked, "33"), WEB)
    const fifo = (root: string) => {
      passwd(root)
      execFileSync("mkfifo", [join(root, "etc/group")])
    }
    assert.match(String(identityIn(fifo, "web")), /group is a fifo, not a file/)
    assert.deepEqual(identityIn(fifo, "33:80"), { uid: 33, gid: 80, supplementaryGids: [], home: "/" })
  })
})

function remake(path: string, make: () => void): void {
  rmSync(path)
  make()
}
