/**
 * What a walk finds in the upper directory of an overlay that the kernel has made: each kind of change, each attribute that
 * overlayfs sets, trees that are deep, and trees that change meanwhile.
 */
import { execFileSync, spawnSync } from "node:child_process"
import * as fs from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { assert, describe, it } from "vitest"
import type { ByteString } from "../../../src/domain/text/ByteString.ts"
import * as RootChange from "../../../src/domain/verify/RootChange.ts"
import { UpperDirectory } from "../../../src/services/root/UpperDirectory.ts"
import * as Exchanger from "../../support/Exchanger.ts"
import { temporary } from "../../support/LayoutWriter.ts"
import { calls } from "../../support/MountedPlace.ts"

interface Place {
  readonly path: string
  /** Runs shell commands in a root that is an overlay of `lower` and `upper`. */
  readonly inRoot: (commands: string, options?: string) => void
  readonly walk: (listsAll?: boolean) => readonly string[]
}

const IN_ROOT = `set -e
mount -t overlay -o "$1lowerdir=$PWD/lower,upperdir=$PWD/upper,workdir=$PWD/work" overlay root
cd root
umask 022
eval "$2"`

const canMount =
  spawnSync("unshare", ["-m", "sh", "-c", "mount -t tmpfs tmpfs /mnt"], { stdio: "ignore" }).status === 0

/** Prints a change in one line. */
const line = (change: RootChange.RootChange): string => {
  const { before, files, path, size, type, ...rest } = RootChange.toJson(change)
  const was = before === null || before === type ? "" : ` was ${before}`
  return `${rest.change} ${path} ${type}${was}${files === null ? "" : ` files=${files}`}${size === null ? "" : ` size=${size}`}`
}

/** `lower` and `template` are shell commands that make these. */
const withPlace =
  (test: (place: Place) => void | Promise<void>, lower: string, template = ":") =>
  async () => {
    using directory = temporary()
    const { path } = directory
    const shell = (at: string, commands: string) =>
      execFileSync("sh", ["-ec", `umask 022; mkdir ${at}; cd ${at}; ${commands}`], { cwd: path })
    shell("lower", lower)
    shell("template", template)
    execFileSync("cp", ["-a", "template", "upper"], { cwd: path })
    for (const each of ["work", "root"]) fs.mkdirSync(join(path, each))
    await test({
      path,
      inRoot: (commands, options = "") =>
        void execFileSync("unshare", ["-m", "sh", "-c", IN_ROOT, "sh", options, commands], { cwd: path }),
      walk: (listsAll = false) => {
        const trees = {
          upper: join(path, "upper"),
          lower: join(path, "lower"),
          template: join(path, "template")
        }
        const walk = new UpperDirectory(trees, calls, listsAll)
        try {
          return [...walk.changes()].filter((change) => change !== undefined).map(line)
        } finally {
          walk.close()
        }
      }
    })
  }

const IMAGE = `mkdir -p etc/sub usr/lib/deep var/cache/app opt; echo root > etc/passwd; echo x > etc/sub/file; ln -s passwd etc/link
for i in 1 2 3; do echo $i > usr/lib/deep/$i; echo $i > var/cache/app/$i; done`

describe.skipIf(!canMount)("UpperDirectory", () => {
  it(
    "finds nothing in a root that nobody wrote to, whose mount points were made before",
    withPlace(
      ({ inRoot, walk }) => {
        inRoot("ls -R > /dev/null; cat etc/passwd > /dev/null")
        assert.deepStrictEqual(walk(), [])
      },
      IMAGE,
      "mkdir -p proc sys data/inner etc; touch etc/hosts"
    )
  )

  it(
    "finds what is added, changed, removed and replaced, and no directory for the sake of what is in it",
    withPlace(
      ({ inRoot, walk }) => {
        inRoot(`echo more >> etc/passwd; rm etc/link; rm -r usr/lib/deep; echo 12345 > etc/new; ln -s x etc/newlink
rm -r var/cache/app; mkdir var/cache/app; echo 1234 > var/cache/app/4; mkdir -p srv/a/b; echo 12 > srv/a/b/c; echo 12 > srv/d
chmod 700 opt; mv etc/sub/file etc/sub/moved; mkfifo pipe; rm etc/newlink; echo mine > etc/newlink
echo y > data/inner/y; mkdir data/other; rm etc/hosts; ln -s / etc/hosts`)
        assert.deepStrictEqual(walk(), [
          "added /data/inner/y file size=2",
          "added /data/other directory files=0 size=0",
          "changed /etc/hosts symlink was file",
          "removed /etc/link symlink",
          "added /etc/new file size=6",
          "added /etc/newlink file size=5",
          "changed /etc/passwd file size=10",
          "removed /etc/sub/file file",
          "added /etc/sub/moved file size=2",
          "changed /opt directory",
          "added /pipe fifo",
          "added /srv directory files=2 size=6",
          "removed /usr/lib/deep directory",
          "changed /var/cache/app directory files=1 size=5"
        ])
        assert.deepStrictEqual(
          walk(true).filter((each) => /srv|cache/.test(each)),
          [
            "added /srv directory files=2 size=6",
            "added /srv/a directory",
            "added /srv/a/b directory",
            "added /srv/a/b/c file size=3",
            "added /srv/d file size=3",
            "changed /var/cache/app directory files=1 size=5",
            "added /var/cache/app/4 file size=5"
          ]
        )
      },
      IMAGE,
      "mkdir -p proc sys data/inner etc; touch etc/hosts"
    )
  )

  it(
    "tells a change of type, and of the root itself",
    withPlace(({ inRoot, walk }) => {
      inRoot("rm etc/link; mkdir etc/link; rm -r usr/lib/deep; echo > usr/lib/deep; chmod 711 .")
      assert.deepStrictEqual(walk(), [
        "changed / directory",
        "changed /etc/link directory was symlink files=0 size=0",
        "changed /usr/lib/deep file was directory size=1"
      ])
    }, IMAGE)
  )

  it(
    "sees through a directory that was renamed in place",
    withPlace(({ inRoot, walk }) => {
      inRoot(
        `mv usr/lib/deep usr/lib/renamed; rm usr/lib/renamed/1; echo 1234 > usr/lib/renamed/4; echo 234 > usr/lib/renamed/2
mv var/cache usr/lib/cache; mv usr/lib/cache/app usr/lib/cache/other`,
        "redirect_dir=on,"
      )
      assert.deepStrictEqual(walk(), [
        "added /usr/lib/cache directory files=3 size=6",
        "removed /usr/lib/deep directory",
        "added /usr/lib/renamed directory files=3 size=11",
        "removed /var/cache directory"
      ])
      assert.deepStrictEqual(
        walk(true).filter((each) => each.includes("/usr/lib/cache")),
        [
          "added /usr/lib/cache directory files=3 size=6",
          "added /usr/lib/cache/other directory",
          "added /usr/lib/cache/other/1 file size=2",
          "added /usr/lib/cache/other/2 file size=2",
          "added /usr/lib/cache/other/3 file size=2"
        ]
      )
    }, IMAGE)
  )

  it(
    "knows the size of a file of which only the attributes were copied",
    withPlace(({ inRoot, path, walk }) => {
      inRoot(
        "chmod 600 etc/passwd; mv etc/passwd etc/moved; chmod 600 etc/sub/file",
        "metacopy=on,redirect_dir=on,"
      )
      const at = Buffer.from(join(path, "upper/etc/sub/file"))
      assert.isDefined(calls.getXattr(at, "trusted.overlay.metacopy" as ByteString))
      assert.deepStrictEqual(walk(), [
        "added /etc/moved file size=5",
        "removed /etc/passwd file",
        "changed /etc/sub/file file size=2"
      ])
    }, IMAGE)
  )

  it(
    "knows the newer kind of whiteout, and follows no redirect that leaves the root or leads through a link",
    withPlace(({ path, walk }) => {
      const attribute = (at: string, name: string, value: string) =>
        execFileSync("setfattr", ["-n", `trusted.overlay.${name}`, "-v", value, at], {
          cwd: join(path, "upper")
        })
      for (const each of ["etc", "a", "b", "c"]) fs.mkdirSync(join(path, "upper", each))
      fs.writeFileSync(join(path, "upper/etc/passwd"), "")
      attribute("etc", "opaque", "x")
      attribute("etc/passwd", "whiteout", "y")
      attribute("a", "redirect", "/../../../../etc")
      attribute("b", "redirect", "/out")
      attribute("c", "redirect", "/out/sub")
      assert.deepStrictEqual(walk(), [
        "added /a directory files=0 size=0",
        "added /b directory files=0 size=0",
        "added /c directory files=0 size=0",
        "removed /etc/passwd file"
      ])
    }, `${IMAGE}; ln -s etc out`)
  )

  it(
    "prints names that are no text, in the order of their bytes",
    withPlace(({ inRoot, walk }) => {
      inRoot(`touch "$(printf 'a\\377')" "$(printf 'a\\nb')" "a b" a; mkdir a.d`)
      assert.deepStrictEqual(walk(), [
        "added /a file size=0",
        "added /a\\x0ab file size=0",
        "added /a b file size=0",
        "added /a.d directory files=0 size=0",
        "added /a\\xff file size=0"
      ])
    }, ":")
  )

  it(
    "goes down thousands of directories, new ones and those of the image",
    withPlace(({ path, walk }) => {
      const deep = `for (1..${DEPTH}) { mkdir "ddddd", 0755; chdir "ddddd" or die } open F, ">", $ARGV[0]; print F "12345\n"`
      for (const [tree, top] of [
        ["upper", "new"],
        ["upper", "old"],
        ["lower", "old"]
      ] as const) {
        const at = join(path, tree, top)
        fs.mkdirSync(at, 0o755)
        execFileSync("perl", ["-e", deep, tree], { cwd: at })
      }
      const [created, added, removed, ...more] = walk()
      assert.strictEqual(created, "added /new directory files=1 size=6")
      assert.match(added ?? "", /^added \/old(?:\/ddddd)+\/upper file size=6$/)
      assert.isUndefined(removed)
      assert.lengthOf(more, 0)
      assert.lengthOf(walk(true), DEPTH + 3)
    }, ":")
  )

  it(
    "leaves the upper directory by no link that takes a directory's place meanwhile",
    withPlace(async ({ path, walk }) => {
      fs.mkdirSync(join(path, "outside/secret"), { recursive: true })
      for (let index = 0; index < FILES; index++) {
        fs.mkdirSync(join(path, `upper/swapped/${index}`), { recursive: true })
        fs.mkdirSync(join(path, `lower/swapped/${index}`), { recursive: true })
      }
      fs.symlinkSync(join(path, "outside"), join(path, "upper/link"))
      const exchanges = await Effect.runPromise(
        Effect.scoped(
          Effect.gen(function* () {
            const exchanger = yield* Exchanger.start([
              [join(path, "upper/swapped"), join(path, "upper/link")]
            ])
            for (let round = 0; round < ROUNDS; round++) assert.notInclude(walk(true).join("\n"), "secret")
            return yield* exchanger.stop
          })
        )
      )
      assert.isAbove(exchanges, 0)
    }, ":")
  )
})

const DEPTH = 1500
const FILES = 100
const ROUNDS = 10
