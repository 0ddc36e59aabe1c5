/** The built generator as PID 1 runs it, and under worse conditions: what it says where, and what it touches. */
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "vitest"
import { LayoutWriter, temporary } from "../support/LayoutWriter.ts"

const GENERATOR = fileURLToPath(new URL("../../dist/oci-systemd-generator.cjs", import.meta.url))
const isRoot = process.getuid?.() === 0
const SECRET = "hunter2"

interface Place {
  readonly path: string
  readonly units: () => readonly string[]
  /** Runs a shell command, in which `$GENERATOR` is the generator with its arguments, and nothing else is set. */
  readonly shell: (
    command: string,
    environment?: Readonly<Record<string, string>>
  ) => { readonly status: number | null; readonly out: string; readonly err: string }
}

/** An image that is good, one that is not, and one with a secret in a bad place. */
const withPlace = (test: (place: Place) => void): void => {
  using directory = temporary()
  const at = (path: string) => join(directory.path, path)
  const good = new LayoutWriter(at("layouts/example.org/good"))
  good.index(
    good.named("v1", good.image({ config: { Entrypoint: ["/bin/app"], Env: [SECRET, `a.b=${SECRET}`] } }))
  )
  const bad = new LayoutWriter(at("layouts/example.org/bad"))
  bad.index(bad.named("v1", { ...bad.image(), size: 3 }))
  const wrong = new LayoutWriter(at("layouts/example.org/wrong"))
  wrong.index(wrong.named("v1", wrong.image({ config: { Env: `A=${SECRET}` } })))
  writeFileSync(at("conf"), `[system]\nimagelayoutdir = ${at("layouts")}\nextractsdir = ${at("extracts")}\n`)
  mkdirSync(at("units"))
  test({
    path: directory.path,
    units: () => readdirSync(at("units")).filter((name) => name.startsWith("org.example.")),
    shell: (command, environment = {}) => {
      const GENERATOR_COMMAND = `${process.execPath} ${GENERATOR} -config ${at("conf")} ${at("units")}`
      const { status, stdout, stderr } = spawnSync(
        "/bin/sh",
        ["-c", command.replaceAll("$GENERATOR", GENERATOR_COMMAND).replaceAll("$PLACE", directory.path)],
        { encoding: "utf8", env: environment }
      )
      return { status, out: stdout, err: stderr }
    }
  })
}

const UNITS = ["bad", "good", "wrong"].map((name) => `org.example.${name}.ref.v1.service`)

describe.skipIf(!existsSync(GENERATOR))("oci-systemd-generator (needs npm run build)", () => {
  it("says on standard error what is wrong, nothing on standard output, and never a secret", () =>
    withPlace(({ shell, units }) => {
      const { status, out, err } = shell("exec $GENERATOR")
      assert.deepEqual([status, out], [0, ""])
      assert.match(
        err,
        /^oci-systemd-generator: example\.org\/bad:v1: the manifest .* its descriptor says 3$/m
      )
      assert.match(
        err,
        /^oci-systemd-generator: example\.org\/wrong:v1: .* config\.Env: Expected list, actual string$/m
      )
      assert.match(
        err,
        /^oci-systemd-generator: example\.org\/good:v1: the entry 1 of the environment has no “=”$/m
      )
      assert.notInclude(err, SECRET)
      assert.deepEqual(units(), UNITS)
    }))

  it("with enough images that V8 is told to delay its optimizing compiler, V8 says nothing", () =>
    withPlace(({ path, shell, units }) => {
      rmSync(join(path, "layouts"), { recursive: true })
      for (let at = 0; at < 60; at++) {
        const layout = new LayoutWriter(join(path, `layouts/example.org/app${at}`))
        layout.index(layout.named("v1", layout.image({ config: { Entrypoint: ["/bin/app"] } })))
      }
      assert.deepEqual(shell("exec $GENERATOR"), { status: 0, out: "", err: "" })
      assert.lengthOf(units(), 60)
    }))

  it("-debug tells what it decides", () =>
    withPlace(({ shell }) => {
      const { err } = shell(`exec $GENERATOR`, { SYSTEMD_LOG_LEVEL: "debug" })
      assert.match(err, /^oci-systemd-generator: systemd [0-9]+, linux\//m)
      assert.match(
        err,
        /^oci-systemd-generator: example\.org\/good:v1 is org\.example\.good\.ref\.v1\.service/m
      )
      assert.notInclude(err, SECRET)
    }))

  it("SYSTEMD_LOG_LEVEL, _TARGET, _COLOR, _TIME and _TID count", () =>
    withPlace(({ shell }) => {
      const err = (environment: Readonly<Record<string, string>>) => shell("exec $GENERATOR", environment).err
      assert.equal(err({ SYSTEMD_LOG_TARGET: "null" }), "")
      assert.equal(err({ SYSTEMD_LOG_LEVEL: "crit" }), "")
      assert.notInclude(err({ SYSTEMD_LOG_LEVEL: "err" }), "example.org/good:v1")
      assert.match(err({ SYSTEMD_LOG_TARGET: "console-prefixed" }), /^<27>oci-systemd-generator: .*bad:v1/m)
      const shown = err({ SYSTEMD_LOG_COLOR: "1", SYSTEMD_LOG_TIME: "1", SYSTEMD_LOG_TID: "1" })
      // biome-ignore lint/suspicious/noControlCharactersInRegex: the colour is looked for
      assert.match(shown, /^[0-9]{4}-\S+Z \([0-9]+\) \u001b\[0;1;31moci-systemd-generator: .*\u001b\[0m$/m)
    }))

  it("with few files open, an empty environment, and standard output and error closed", () =>
    withPlace(({ shell, units }) => {
      assert.equal(shell("ulimit -n 256; exec $GENERATOR >&- 2>&-").status, 0)
      assert.deepEqual(units(), UNITS)
    }))

  it("to a standard error that takes nothing", () =>
    withPlace(({ shell, units }) => {
      assert.equal(shell("exec $GENERATOR 2>/dev/full").status, 0)
      assert.deepEqual(units(), UNITS)
    }))

  it("a directory that cannot be written is said, and no failure", () =>
    withPlace(({ path, shell }) => {
      rmSync(join(path, "units"), { recursive: true })
      writeFileSync(join(path, "units"), "")
      const { status, err } = shell("exec $GENERATOR")
      assert.equal(status, 0)
      assert.match(err, /^oci-systemd-generator: the unit .*good.* cannot be written: /m)
    }))

  const hasMounts = isRoot && spawnSync("unshare", ["-m", "true"]).status === 0

  it.skipIf(!hasMounts)(
    "run by systemd: to the kernel's log, a record each, with priority and name (needs root)",
    () =>
      withPlace(({ path, shell }) => {
        writeFileSync(join(path, "kmsg"), "")
        const { status, err } = shell(
          `exec unshare -m sh -c 'test -e /dev/kmsg || touch /dev/kmsg; mount --bind $PLACE/kmsg /dev/kmsg && SYSTEMD_EXEC_PID=$$ exec $GENERATOR'`,
          { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" }
        )
        assert.deepEqual([status, err], [0, ""])
        const log = readFileSync(join(path, "kmsg"), "utf8")
        // A file, unlike the kernel, is written over from its start: the last record is what is whole.
        assert.match(log, /<2[78]>oci-systemd-generator\[[0-9]+\]: example\.org\//)
        assert.notInclude(log, SECRET)
      })
  )

  it.skipIf(!hasMounts)("the kernel's log gets 200 records, and one that counts the rest (needs root)", () =>
    withPlace(({ path, shell }) => {
      rmSync(join(path, "layouts"), { recursive: true })
      // Two messages each.
      for (let n = 0; n < 150; n++)
        new LayoutWriter(join(path, `layouts/example.org/${n}`)).write("index.json", "x")
      writeFileSync(join(path, "kmsg"), "")
      const run = (environment: string) =>
        shell(
          `exec unshare -m sh -c 'test -e /dev/kmsg || touch /dev/kmsg; mount --bind $PLACE/kmsg /dev/kmsg && ${environment} SYSTEMD_EXEC_PID=$$ exec $GENERATOR'`,
          { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" }
        )
      const records = () => readFileSync(join(path, "kmsg"), "utf8").trim().split("\n")
      assert.deepEqual(run("").status, 0)
      assert.lengthOf(records(), 201)
      assert.match(records().at(-1) ?? "", /^<28>oci-systemd-generator\[[0-9]+\]: 100 more messages/)
      run("SYSTEMD_LOG_RATELIMIT_KMSG=0")
      assert.lengthOf(records(), 300)
    })
  )

  it.skipIf(!hasMounts)("where all but its directory is read-only, and there is no /tmp (needs root)", () =>
    withPlace(({ shell, units }) => {
      // Any of the three may be in /tmp.
      const moved = `/run/oci-generator-test-${process.pid}`
      const sandbox = [
        `mount --bind $PLACE ${moved}/place && mount --bind ${dirname(GENERATOR)} ${moved}/dist`,
        `mount --bind ${process.execPath} ${moved}/node`,
        `sed -i s,$PLACE,${moved}/place,g ${moved}/place/conf`,
        "mount -o remount,bind,ro / && mount -t tmpfs -o ro none /tmp",
        `! touch /etc/x /tmp/x && exec ${moved}/node ${moved}/dist/${basename(GENERATOR)} -config ${moved}/place/conf ${moved}/place/units`
      ].join(" && ")
      const { status, err } = shell(
        `mkdir -p ${moved}/place ${moved}/dist && : >${moved}/node
        unshare -m sh -c '${sandbox}'; code=$?; rm -r ${moved}; exit $code`,
        { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" }
      )
      assert.equal(status, 0, err)
      assert.deepEqual(units(), UNITS)
    })
  )

  it.skipIf(spawnSync("strace", ["-V"]).status !== 0)(
    "starts no process, opens no socket, asks for no user, and writes nowhere else (needs strace)",
    () =>
      withPlace(({ path, shell, units }) => {
        const { status, err } = shell(
          "exec strace -f -o $PLACE/trace -e trace=process,network,openat,rename,unlink,mkdir,symlink,chmod,chown $GENERATOR",
          { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" }
        )
        assert.equal(status, 0, err)
        assert.deepEqual(units(), UNITS)
        const trace = readFileSync(join(path, "trace"), "utf8").split("\n")
        const calls = trace.map((line) => line.replace(/^[0-9]+ +/, ""))
        assert.lengthOf(
          calls.filter((call) => call.startsWith("execve(")),
          1
        )
        assert.deepEqual(
          calls.filter((call) => /^(?:vfork|fork|socket|connect|bind|sendto)\(/.test(call)),
          []
        )
        assert.deepEqual(
          calls.filter((call) => /^clone3?\(/.test(call) && !call.includes("CLONE_THREAD")),
          []
        )
        const opened = calls.filter((call) => call.startsWith("openat(") && !call.includes("ENOENT"))
        assert.deepEqual(
          opened.filter((call) => /nscd|\/group|libnss/.test(call)),
          []
        )
        // The one reader is the generator's own, which looks for no user but for the numbers that people have.
        assert.lengthOf(
          opened.filter((call) => call.includes("passwd")),
          1
        )
        const written = [
          ...opened.filter((call) => /O_WRONLY|O_RDWR|O_CREAT/.test(call)),
          ...calls.filter((call) => /^(?:rename|unlink|mkdir|symlink|chmod|chown)/.test(call))
        ]
        assert.deepEqual(
          written.filter((call) => !call.includes(`"${path}/units/`)),
          []
        )
        assert.isNotEmpty(written)
      })
  )
})
