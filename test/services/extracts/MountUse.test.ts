/** Who uses what, from tables as the kernel writes them. */
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "vitest"
import * as MountUse from "../../../src/services/extracts/MountUse.ts"
import { temporary } from "../../support/LayoutWriter.ts"

const ROOT = `/roots/sha256/ab/${"ab".repeat(32)}`
const LONGER = `${ROOT}cd`

interface Process {
  readonly namespace: string
  readonly table: string
  readonly root?: string
  readonly cgroup?: string
}

const withProc = (
  processes: Readonly<Record<string, Process>>,
  test: (use: MountUse.MountUse) => void,
  prepare: (proc: string) => void = () => {}
): void => {
  using directory = temporary()
  for (const [pid, { cgroup, namespace, root = "/", table }] of Object.entries({
    self: { namespace: "mnt:[1]", table: "1 0 8:1 / / rw - ext4 /dev/sda rw\n" },
    ...processes
  } as Record<string, Process>)) {
    const at = join(directory.path, pid)
    mkdirSync(join(at, "ns"), { recursive: true })
    symlinkSync(namespace, join(at, "ns/mnt"))
    symlinkSync(root, join(at, "root"))
    symlinkSync("/", join(at, "cwd"))
    writeFileSync(join(at, "mountinfo"), table)
    writeFileSync(join(at, "cgroup"), cgroup ?? "0::/init.scope\n")
  }
  prepare(directory.path)
  test(MountUse.look(directory.path))
}

const overlay = (lower: string) =>
  `90 1 0:50 / /run/oci/roots/app rw - overlay overlay rw,lowerdir=${lower},upperdir=/x/scratch/app/upper,workdir=/x/scratch/app/work\n`

describe("MountUse", () => {
  it.each([
    ["the only lower directory", overlay(`/var/lib/oci/extracts${ROOT}`)],
    ["one of several", overlay(`/a:/var/lib/oci/extracts${ROOT}:/b`)],
    ["a bind of a directory in it", `90 1 8:1 /var/lib/oci/extracts${ROOT}/etc /mnt rw - ext4 /dev/sda rw\n`],
    ["something mounted in it", `90 1 8:1 / /var/lib/oci/extracts${ROOT}/mnt rw - ext4 /dev/sda rw\n`]
  ])("finds %s in another namespace, with the unit", (_, table) =>
    withProc({ 42: { namespace: "mnt:[2]", table, cgroup: "0::/oci.slice/app.service\n" } }, (use) => {
      assert.match(use.of(ROOT) ?? "", /^app\.service, mounted at \//)
      assert.isTrue(use.isComplete)
    })
  )

  it("a scratch by its upper directory, and nothing by the beginning of its name", () =>
    withProc({ 42: { namespace: "mnt:[2]", table: overlay(`/e${LONGER}`) } }, (use) => {
      assert.isDefined(use.of("/scratch/app"))
      assert.isDefined(use.of(LONGER))
      assert.isUndefined(use.of(ROOT))
      assert.isUndefined(use.of("/scratch/ap"))
    }))

  describe("an image", () => {
    const IMAGE = ROOT.replace("/roots/", "/images/")
    const at = (point: string, root = "/") =>
      `90 1 0:50 ${root} ${point} ro - erofs /var/lib/oci/extracts${IMAGE}/image.erofs ro\n`
    const use = (table: string, test: (user: string | undefined) => void) =>
      withProc({ 42: { namespace: "mnt:[2]", table } }, (use) => test(use.of(IMAGE, `${IMAGE}/root`)))

    it.each([
      ["where all services have it", at(`/var/lib/oci/extracts${IMAGE}/root`)],
      ["where it was moved to be removed", at(`/var/lib/oci/extracts/tmp/${"0a".repeat(12)}/17/root`)]
    ])("that is mounted %s is not in use by that", (_, table) =>
      use(table, (user) => assert.isUndefined(user))
    )

    it("that is mounted elsewhere is in use", () =>
      use(at("/mnt"), (user) => assert.strictEqual(user, "init.scope, mounted at /mnt")))
  })

  it("a process that was only chrooted there", () =>
    withProc({ 42: { namespace: "mnt:[1]", table: "", root: `/e${ROOT}/sub` } }, (use) =>
      assert.equal(use.of(ROOT), "init.scope")
    ))

  it("what is mounted below a path of its own namespace, blanks and all", () => {
    const table = "2 1 8:2 / /data/my\\040disk/x rw - ext4 /dev/sdb rw\n"
    withProc({ self: { namespace: "mnt:[1]", table } }, (use) => {
      assert.equal(use.mountedBelow("/data/my disk"), "/data/my disk/x")
      assert.isUndefined(use.mountedBelow("/data/my"))
    })
  })

  it.skipIf(process.getuid?.() === 0)("says when it could not look at all", () =>
    withProc(
      { 42: { namespace: "mnt:[2]", table: "" } },
      (use) => assert.isFalse(use.isComplete),
      (proc) => chmodSync(join(proc, "42"), 0)
    )
  )
})
