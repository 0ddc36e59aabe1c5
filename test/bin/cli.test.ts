/** The built program on a real layout: what goes to which stream, and how it ends. */
import { spawnSync } from "node:child_process"
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterEach, assert, describe, it } from "vitest"
import { NOBODY } from "../support/AsUser.ts"
import { INDEX, LayoutWriter, sha256, temporary } from "../support/LayoutWriter.ts"

const CLI = fileURLToPath(new URL("../../dist/oci-systemd.cjs", import.meta.url))

/** Somebody who is not root. */
const USER = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {}
/** A checkout may be in a directory that only its owner may enter. */
const USER_CAN_RUN = existsSync(CLI) && spawnSync(process.execPath, [CLI, "--version"], USER).status === 0
const GZIP = 0x1f

interface Place {
  readonly config: string
  readonly path: string
  readonly run: (...args: readonly string[]) => {
    readonly status: number | null
    readonly out: string
    readonly err: string
  }
}

const withPlace = (test: (place: Place) => void): void => {
  using directory = temporary()
  const layouts = join(directory.path, "layouts")
  const good = new LayoutWriter(join(layouts, "example.org/good"))
  good.index(good.named("v1", good.image()))
  const bad = new LayoutWriter(join(layouts, "example.org/bad"))
  bad.index(bad.named("v1", { ...bad.image(), size: 3 }))
  const config = join(directory.path, "conf")
  writeFileSync(
    config,
    `[system]\nimagelayoutdir = ${layouts}\nextractsdir = ${directory.path}/extracts\nodd = 1\nroots = directories\n`
  )
  test({
    config,
    path: directory.path,
    run: (...args) => {
      const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, ...args], { encoding: "utf8" })
      return { status, out: stdout, err: stderr }
    }
  })
}

// The programs are waited for synchronously: the runner wants to hear something now and then.
afterEach(() => new Promise<void>((resolve) => setTimeout(resolve)))

describe.skipIf(!existsSync(CLI))(`oci-systemd${existsSync(CLI) ? "" : " (npm run build makes it)"}`, () => {
  it("takes --config before and after the subcommand", () =>
    withPlace(({ config, run }) => {
      const after = run("list", "--config", config)
      const before = run("--config", config, "list")
      assert.equal(after.status, 0)
      assert.equal(before.out, after.out)
      assert.match(after.out, /^example\.org\/good:v1 +org\.example\.good\.ref\.v1\.service .* linux\//m)
      assert.match(after.out, /^example\.org\/bad:v1 .*but its descriptor says 3$/m)
      assert.match(after.err, /^warning: .*conf:4: unknown key "odd" in \[system\]$/m)
    }))

  it("prints JSON, and nothing else, on standard output", () =>
    withPlace(({ config, run }) => {
      const images = JSON.parse(run("list", "--json", "--config", config).out)
      assert.deepEqual(
        images.map(({ image, extracted }: { image: string; extracted: boolean }) => [image, extracted]),
        [
          ["example.org/bad:v1", false],
          ["example.org/good:v1", false]
        ]
      )
      const inspected = JSON.parse(
        run("inspect", "--json", "--config", config, "org.example.good.ref.v1.service").out
      )
      assert.equal(inspected.config.config.Entrypoint[0], "/bin/app")
    }))

  it("prints the units that the generator would write", () =>
    withPlace(({ config, run }) => {
      const { out, status } = run("dry-run", "--config", config, "--systemd-version", "252")
      assert.equal(status, 0)
      assert.match(out, /^ExecStart=@:\/bin\/app "\/bin\/app"$/m)
      assert.match(out, /^# org\.example\.bad\.ref\.v1\.service$/m)
      assert.notInclude(out, "BindLogSockets")
      assert.include(run("dry-run", "--config", config, "--systemd-version", "257").out, "BindLogSockets=yes")
    }))

  it("extracts the good images, tells of the bad ones, and fails for them", () =>
    withPlace(({ config, run }) => {
      const { out, err, status } = run("extract", "--config", config)
      assert.equal(status, 1)
      assert.match(out, /^example\.org\/good:v1: extracted to \//m)
      assert.match(
        err,
        /^error: example\.org\/bad:v1: the manifest .* has [0-9]+ bytes, but its descriptor says 3$/m
      )
      assert.match(run("extract", "--config", config, "example.org/good:v1").out, /is already extracted to/)
    }))

  it("takes images for other machines, and those without a command, for what they are", () =>
    withPlace(({ config, path, run }) => {
      rmSync(join(path, "layouts/example.org/bad"), { recursive: true })
      const other = new LayoutWriter(join(path, "layouts/example.org/other"))
      const foreign = (architecture: string) => ({
        ...other.image({ architecture }),
        platform: { os: "linux", architecture }
      })
      const absent = { ...foreign("riscv64"), digest: sha256("absent") }
      other.index(
        other.named("one", other.image({ architecture: "s390x" })),
        other.named("several", other.blob(INDEX, { schemaVersion: 2, manifests: [foreign("s390x"), absent] }))
      )
      const base = new LayoutWriter(join(path, "layouts/example.org/base"))
      base.index(base.named("v1", base.image({ config: {} })))
      const verified = run("verify", "--config", config)
      assert.deepEqual(
        [verified.status, verified.out],
        [
          0,
          [
            "example.org/base:v1: intact; 1 layer",
            "example.org/good:v1: intact; 1 layer",
            "example.org/other:one: intact, but for linux/s390x, not for this machine; 1 layer",
            "example.org/other:several: intact, but for linux/s390x, not for this machine; 1 layer",
            ""
          ].join("\n")
        ]
      )
      assert.deepEqual(
        JSON.parse(run("verify", "--json", "--config", config, "example.org/other:one").out)[0].foreign,
        ["linux/s390x"]
      )
      const extracted = run("extract", "--config", config)
      assert.equal(extracted.status, 0, extracted.err)
      assert.match(
        extracted.out,
        /^example\.org\/base:v1: the image has neither an entrypoint nor a command: skipped$/m
      )
      assert.match(extracted.out, /^example\.org\/other:one: the image is for linux\/s390x, .*: skipped$/m)
      for (const name of ["example.org/other:one", "example.org/other:several"]) {
        assert.equal(run("extract", "--config", config, name).status, 1, name)
      }
      // An image that others are built on is extracted where it is named: only to run one needs a command.
      assert.equal(run("extract", "--config", config, "example.org/base").status, 0)
      for (const name of readdirSync(join(other.path, "blobs/sha256"))) {
        const file = join(other.path, "blobs/sha256", name)
        if (readFileSync(file)[0] === GZIP) appendFileSync(file, "x")
      }
      const damaged = run("verify", "--config", config, "example.org/other:several")
      assert.equal(damaged.status, 1)
      assert.match(damaged.out, /: not intact: 1 finding; 1 layer$/m)
    }))

  it("verifies: 0 when all is intact, 1 when anything is not, whatever else is", () =>
    withPlace(({ config, run }) => {
      const good = run("verify", "--config", config, "example.org/good:v1")
      assert.deepEqual([good.status, good.out], [0, "example.org/good:v1: intact; 1 layer\n"])
      const all = run("verify", "--config", config)
      assert.equal(all.status, 1)
      assert.match(
        all.out,
        /^example\.org\/bad:v1: the manifest .*, but its descriptor says 3\nexample\.org\/bad:v1: not intact: 1 finding; 0 layers\nexample\.org\/good:v1: intact; 1 layer\n$/
      )
      assert.match(all.err, /^error: 1 of 2 images is not intact: example\.org\/bad:v1$/m)
    }))

  it("verifies roots with --deep, says which there are not, and prints no more than asked", () =>
    withPlace(({ config, path, run }) => {
      const deep = (...args: readonly string[]) =>
        run("verify", "--deep", "--config", config, "example.org/good:v1", ...args)
      const before = deep()
      assert.deepEqual(
        [before.status, before.out],
        [0, "example.org/good:v1: intact; 1 layer, not extracted\n"]
      )
      run("extract", "--config", config, "example.org/good:v1")
      const root = join(path, "extracts/names/example.org/good/v1/rootfs")
      assert.equal(deep().out, "example.org/good:v1: intact; 1 layer, 1 path of the root\n")
      for (let index = 0; index < 150; index++) writeFileSync(join(root, `${index}`), "")
      const damaged = deep()
      assert.equal(damaged.status, 1)
      const lines = damaged.out.trimEnd().split("\n")
      assert.match(lines[0] ?? "", /^example\.org\/good:v1: changed \/: mtime 0 is /)
      assert.deepEqual(lines.slice(100), [
        "example.org/good:v1: 51 more, which --all prints",
        "example.org/good:v1: not intact: 151 findings; 1 layer, 1 path of the root"
      ])
      assert.lengthOf(deep("--all").out.trimEnd().split("\n"), 152)
      assert.lengthOf(JSON.parse(deep("--json").out)[0].findings, 151)
    }))

  it("ends quietly and tidily when nobody reads what it prints", () =>
    withPlace(({ config, path, run }) => {
      run("extract", "--config", config, "example.org/good:v1")
      const temporary = join(path, "temporary")
      mkdirSync(temporary)
      const script = '{ "$0" "$@"; echo "status $?" >&2; } | true'
      const { stderr } = spawnSync(
        "sh",
        ["-c", script, process.execPath, CLI, "verify", "--deep", "--config", config],
        { encoding: "utf8", env: { ...process.env, TMPDIR: temporary } }
      )
      assert.match(stderr, /^warning: .*\nstatus 141\n$/)
      assert.deepEqual(readdirSync(temporary), [])
    }))

  it.each(["--help", "list", "doctor", "help gc"])("is quiet when nobody reads the output of %s", (command) =>
    withPlace(({ config }) => {
      const script = `{ "$0" "$@"; echo "status $?" >&2; } | true`
      const { stderr } = spawnSync(
        "sh",
        ["-c", script, process.execPath, CLI, "--config", config, ...command.split(" ")],
        { encoding: "utf8" }
      )
      assert.match(stderr, /^(?:(?:warning|error): .*\n)*status (?:0|1|141)\n$/)
    })
  )

  it("verifies in JSON: one document, with what is expected and what is found", () =>
    withPlace(({ config, path, run }) => {
      run("extract", "--config", config, "example.org/good:v1")
      const root = join(path, "extracts/names/example.org/good/v1/rootfs")
      chmodSync(`${root}/.`, 0o700)
      const { out, status } = run("verify", "--deep", "--json", "--config", config)
      assert.equal(status, 1)
      const [bad, good] = JSON.parse(out)
      assert.include(bad, { image: "example.org/bad:v1", intact: false, found: 1, root: "unchecked" })
      assert.equal(bad.findings[0].finding, "unusable")
      assert.deepEqual(good, {
        image: "example.org/good:v1",
        intact: false,
        found: 1,
        layers: 1,
        root: "compared",
        paths: 1,
        foreign: [],
        explained: { owner: 0, device: 0, xattr: 0 },
        findings: [
          {
            finding: "changed",
            path: "/",
            differences: [{ what: "mode", expected: "0755", found: "0700" }]
          }
        ]
      })
    }))

  it("says which images there are when one is not, and how it is used", () =>
    withPlace(({ config, run }) => {
      const unknown = run("inspect", "--config", config, "nope")
      assert.equal(unknown.status, 4)
      assert.include(
        unknown.err,
        'error: no image is called "nope"\n  hint: there are example.org/bad:v1, example.org/good:v1\n'
      )
      assert.match(
        run("inspect", "--config", config, "example.org/goood:v1").err,
        /^ {2}hint: did you mean example\.org\/good:v1/m
      )
      assert.equal(run("list", "--config", "/nonexistent").err, "error: /nonexistent is missing\n")
      assert.equal(run("list", "--config", "/nonexistent").status, 3)
    }))

  it("helps who mistypes, on standard error, with status 2", () =>
    withPlace(({ run }) => {
      const told = (...args: readonly string[]) => {
        const { err, out, status } = run(...args)
        assert.deepEqual([status, out], [2, ""])
        return err
      }
      assert.equal(told("lst"), 'error: there is no command "lst"\n  hint: did you mean list?\n')
      assert.equal(
        told("list", "--jsno"),
        "error: list has no option --jsno\n  hint: did you mean --json? See oci-systemd list --help\n"
      )
      assert.match(
        told("inspect"),
        /^error: missing argument <IMAGE>\n {2}hint: see oci-systemd inspect --help\n$/
      )
      assert.match(told(), /^ {2}inspect {2}/m)
      assert.equal(
        told("-v"),
        "error: oci-systemd has no option -v\n  hint: did you mean --version? See oci-systemd --help\n"
      )
      assert.equal(
        told("inspect", "-a"),
        "error: inspect has no option -a\n  hint: see oci-systemd inspect --help\n"
      )
      assert.match(told("verify", "-a"), /^ {2}hint: did you mean --all\? /m)
      for (const args of [
        ["list", "--config"],
        ["list", "--config", "--json"]
      ]) {
        assert.equal(told(...args), "error: --config needs FILE\n  hint: see oci-systemd list --help\n")
      }
      for (const version of ["abc", "251", "-1", "252.5"]) {
        assert.equal(
          told("dry-run", "--systemd-version", version),
          `error: --systemd-version takes a number of at least 252, not "${version}"\n  hint: see oci-systemd dry-run --help\n`
        )
      }
    }))

  it("prints help as data, without colours where nobody sees them", () =>
    withPlace(({ run }) => {
      for (const args of [
        ["--help"],
        ["help"],
        ["verify", "--help"],
        ["help", "verify"],
        ["list", "-h"],
        ["--version"]
      ]) {
        const { err, out, status } = run(...args)
        assert.deepEqual([status, err], [0, ""], args.join(" "))
        // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
        assert.notMatch(out, /\u001b/, args.join(" "))
        assert.isNotEmpty(out)
      }
      assert.match(run("verify", "--help").out, /^Usage: oci-systemd verify \[OPTION…\] \[IMAGE…\]$/m)
    }))

  it.skipIf(!USER_CAN_RUN)(
    "says what a user may not read, and takes nothing for a fact that may be none",
    () =>
      withPlace(({ config, path }) => {
        const layouts = join(path, "layouts")
        const writer = (name: string) => new LayoutWriter(join(layouts, name))
        // As umoci config leaves it.
        const web = writer("example.org/web")
        web.index(web.named("stable", web.image()))
        chmodSync(join(web.path, "index.json"), 0)
        const closed = writer("closed.org/app")
        closed.index(closed.named("v1", closed.image()))
        const blob = writer("example.org/blob")
        const manifest = blob.image({ author: "somebody" })
        blob.index(blob.named("v1", manifest))
        chmodSync(join(blob.path, blob.blobPath(manifest.digest)), 0)
        const layer = writer("example.org/layer")
        layer.index(layer.named("v1", layer.image({}, {}, Buffer.alloc(2048))))
        for (const name of readdirSync(join(layer.path, "blobs/sha256"))) {
          const file = join(layer.path, "blobs/sha256", name)
          if (readFileSync(file)[0] === GZIP) chmodSync(file, 0)
        }
        chmodSync(path, 0o755)
        chmodSync(join(layouts, "closed.org"), 0)
        const run = (...args: readonly string[]) => {
          const { status, stderr, stdout } = spawnSync(
            process.execPath,
            [CLI, ...args.slice(0, 1), "--config", config, ...args.slice(1)],
            { encoding: "utf8", ...USER }
          )
          return { status, out: stdout, err: stderr }
        }
        try {
          for (const [command, name] of [
            ["name", "example.org/web"],
            ["name", "example.org/web:stable"],
            ["name", "org.example.web.ref.stable.service"],
            ["name", "closed.org/app:v1"],
            ["name", "example.org/blob:v1"],
            ["inspect", "example.org/web:stable"],
            ["inspect", "example.org/blob:v1"],
            ["verify", "example.org/web:stable"],
            ["verify", "example.org/blob:v1"],
            ["verify", "example.org/layer:v1"],
            ["dry-run", "example.org/blob:v1"],
            ["extract", "example.org/web:stable"],
            ["extract", "example.org/blob:v1"],
            ["dry-run", "--check"]
          ]) {
            const { err, out, status } = run(...[command, name].flatMap((word) => word ?? []))
            assert.equal(status, 5, `${command} ${name}: ${out}${err}`)
            assert.match(err, /^ {2}hint: this needs root: run it with sudo, or as root$/m)
            assert.notMatch(out, /\.service|not intact/)
          }
          const listed: ReadonlyArray<{ image: string; unit: string | null; problem: string | null }> =
            JSON.parse(run("list", "--json").out)
          assert.deepEqual(
            listed
              .filter(({ problem }) => problem === "cannot be read (permission)")
              .map(({ image, unit }) => [image, unit]),
            [
              ["example.org/blob:v1", "org.example.blob.ref.v1.service"],
              ["example.org/web", null],
              ["closed.org", null]
            ]
          )
          assert.equal(JSON.parse(run("verify", "--json", "example.org/layer:v1").out)[0].intact, null)
          // What can be read is answered as ever.
          assert.equal(run("name", "example.org/good:v1").out, "org.example.good.ref.v1.service\n")
          assert.equal(run("name", "example.org/not-there:v1").status, 0)
          assert.equal(run("inspect", "nothing").status, 4)
          const diagnoses: ReadonlyArray<{ check: string; status: string; found: string }> = JSON.parse(
            run("doctor", "--json").out
          )
          const found = (check: string) => diagnoses.find((diagnosis) => diagnosis.check === check)
          assert.equal(found("units")?.status, "skipped")
          assert.match(found("images")?.found ?? "", /^1 of 6 cannot run\n3 cannot be read by this user/)
          chmodSync(layouts, 0)
          assert.deepEqual([run("list").status, run("list").out], [5, ""])
        } finally {
          chmodSync(layouts, 0o755)
          chmodSync(join(layouts, "closed.org"), 0o755)
        }
      })
  )

  it("says of one image what is odd about it, and of all what is odd about any", () =>
    withPlace(({ config, path, run }) => {
      const layouts = join(path, "layouts")
      for (const name of ["one", "two"]) {
        const layout = new LayoutWriter(join(layouts, `broken.org/${name}`))
        layout.write("index.json", "{")
      }
      new LayoutWriter(join(layouts, "odd\nname/none")).index()
      const good = new LayoutWriter(join(layouts, "example.org/good"))
      good.index(good.named("v1", good.image({ config: { Entrypoint: ["/a"], Env: ["with-dash=1"] } })))
      const told = (...args: readonly string[]) =>
        Array.from(
          run(...args, "--config", config).err.matchAll(/^warning: (?!.*unknown key)(.*)$/gm),
          ([, text]) => text
        )
      assert.deepEqual(told("inspect", "example.org/good"), [])
      assert.deepEqual(told("name", "example.org/good"), [])
      assert.deepEqual(told("list", "example.org/*"), [])
      for (const args of [["list"], ["inspect", "nothing"], ["name", "nothing"]]) {
        assert.lengthOf(told(...args), 3, args.join(" "))
      }
      const [about, ...more] = told("inspect", "broken.org/one")
      assert.match(about ?? "", /^broken\.org\/one: the index /)
      assert.deepEqual(more, [])
      assert.deepEqual(told("dry-run", "example.org/good"), [
        'example.org/good:v1: the environment variable "with-dash" has a name that systemd does not take: letters, digits and “_” only'
      ])
      const { out } = run("doctor", "--config", config)
      assert.match(
        out,
        /^warning +images +3 of 4 cannot run\n +broken\.org\/one: .*\n +broken\.org\/two: .*\n +odd.*none: the layout lists no images: skipped\n +→ oci-systemd list shows why; fix /m
      )
      assert.match(out, /^warning +configuration +\S+:4: unknown key "odd" in \[system\]\n +→ /m)
    }))

  it("says what to write instead of what other tools take", () =>
    withPlace(({ config, path, run }) => {
      const digest = `sha256:${"ab".repeat(32)}`
      for (const [name, hint] of [
        ["docker://example.org/good:v1", "without a transport: example.org/good:v1"],
        [`example.org/good@${digest}`, "by a reference, not by a digest"],
        ["example.org", 'there are layouts below it: "example.org/*"'],
        ["example.org/", 'there are layouts below it: "example.org/*"']
      ] as const) {
        for (const command of ["name", "list"]) {
          const { err, out, status } = run(command, "--config", config, name)
          assert.deepEqual([status, out], [4, ""], `${command} ${name}`)
          assert.include(err, hint)
        }
      }
      const port = run("name", "--config", config, "localhost:5000/app:v1")
      assert.equal(port.out, "localhost:5000.app.ref.v1.service\n")
      assert.match(
        port.err,
        /^warning: skopeo reads localhost:5000\/app:v1 as the layout localhost with the reference /m
      )
      const layout = new LayoutWriter(join(path, "layouts/localhost"))
      layout.index(layout.named("5000/app:v1", layout.image()))
      // The reference is the image author's text, and never stands for a layout: two colons name it.
      const made = run("name", "--config", config, "localhost::5000/app:v1")
      assert.equal(made.out, "localhost.ref.5000\\x2fapp:v1.service\n")
      assert.notInclude(made.err, "skopeo")
      rmSync(join(path, "layouts"), { recursive: true })
      assert.match(run("list", "--config", config).err, /the layouts directory \S+ is missing\.$/m)
    }))

  it("names the unit of an image, and the image of a unit", () =>
    withPlace(({ config, run }) => {
      const name = (...args: readonly string[]) => run("name", "--config", config, ...args).out
      assert.equal(name("example.org/good:v1"), "org.example.good.ref.v1.service\n")
      assert.equal(name("example.org/good", "v1"), "org.example.good.ref.v1.service\n")
      assert.equal(name("/run/systemd/generator/org.example.good.ref.v1.service"), "example.org/good:v1\n")
      assert.equal(name("example.org/not-there:v2"), "org.example.not-there.ref.v2.service\n")
      assert.equal(run("name", "--config", config, "nothing").status, 4)
    }))

  it("writes units elsewhere, and tells how they differ", () =>
    withPlace(({ config, path, run }) => {
      const units = join(path, "units")
      const dryRun = (...args: readonly string[]) =>
        run("dry-run", "--config", config, "--generator-dir", units, ...args)
      assert.equal(dryRun("--check", "example.org/good:v1").status, 1)
      assert.equal(dryRun("--output", units).status, 0)
      assert.deepEqual([dryRun("--check", "example.org/good:v1").status, dryRun("--diff").out], [0, ""])
      assert.match(dryRun("--check").err, /^error: 1 image cannot run\n {2}hint: /m)
      const service = join(units, "org.example.good.ref.v1.service")
      appendFileSync(service, "Changed=yes\n")
      const { out } = dryRun("--diff")
      assert.match(
        out,
        /^--- now\/org\.example\.good\.ref\.v1\.service\n\+\+\+ then\/.*\n@@ .* @@\n(?: .*\n){3}-Changed=yes\n$/
      )
      rmSync(join(path, "layouts/example.org/bad"), { recursive: true })
      assert.match(
        dryRun("--diff").out,
        /^--- now\/org\.example\.bad\.ref\.v1\.service\n\+\+\+ \/dev\/null$/m
      )
    }))

  it("says that units are not final before it shows differences that the extraction may explain", () =>
    withPlace(({ config, path }) => {
      const named = new LayoutWriter(join(path, "layouts/example.org/named"))
      named.index(named.named("v1", named.image({ config: { Cmd: ["app"], User: "app" } })))
      const units = join(path, "units")
      mkdirSync(units)
      const line = '"$0" "$@" 2>&1'
      const args = ["dry-run", "--diff", "--config", config, "--generator-dir", units, "example.org/named"]
      const { stdout } = spawnSync("sh", ["-c", line, process.execPath, CLI, ...args], { encoding: "utf8" })
      const [note, difference] = ["units are final only after extraction", "+++ then/org.example.named.ref"]
      assert.include(stdout, difference)
      assert.isBelow(stdout.indexOf(note), stdout.indexOf(difference), stdout)
      assert.isAtLeast(stdout.indexOf(note), 0, stdout)
    }))

  it("an image whose section has a misspelt key cannot run, and says what was meant; others can", () =>
    withPlace(({ config, run }) => {
      appendFileSync(config, "[image example.org/good:*]\nvolum = /srv:/data\n")
      const reason = 'unknown key "volum" in an [image …] section: did you mean volume or volumes?'
      const { out } = run("dry-run", "--config", config, "example.org/good")
      assert.match(out, /^ExecStart=:\/bin\/false$/m)
      assert.include(out.replaceAll('\\"', '"'), reason)
      const [image] = JSON.parse(run("list", "--json", "--config", config, "example.org/good").out)
      assert.include(image.problem, reason)
      assert.equal(run("dry-run", "--check", "--config", config, "example.org/good").status, 1)
      // A more exact line says what the key is to be.
      appendFileSync(config, "[image example.org/good:v1]\nvolume = /srv:/data\n")
      const [other] = JSON.parse(run("list", "--json", "--config", config, "example.org/good").out)
      assert.include(other.problem, reason)
    }))

  it("doctor finds files that enable images which are gone", () =>
    withPlace(({ config, path, run }) => {
      const file = join(path, "50-enabled-example.org%2Fgone:v1.conf")
      const text = (image: string) =>
        `${readFileSync(config, "utf8").replace("odd = 1\n", "")}[image ${image}]\nwantedby = multi-user.target\n`
      writeFileSync(file, text("example.org/gone:v1"))
      assert.match(
        run("doctor", "--config", file).out,
        /^warning +configuration +\S+50-enabled-example\.org%2Fgone:v1\.conf enables example\.org\/gone:v1, which is gone\n +→ oci-systemd disable IMAGE removes what enabled an image that is gone$/m
      )
      writeFileSync(file, text("example.org/good:v1"))
      assert.match(run("doctor", "--config", file).out, /^ok +configuration +every line is understood$/m)
    }))

  it("a dry run is what the generator writes, byte for byte and no less", () =>
    withPlace(({ config, path, run }) => {
      const [units, dry] = [join(path, "units"), join(path, "dry")]
      mkdirSync(units)
      const generator = CLI.replace(/oci-systemd\.cjs$/, "oci-systemd-generator.cjs")
      spawnSync(process.execPath, [generator, "-config", config, units])
      assert.include(readdirSync(units), "org.example.bad.ref.v1.service")
      run("dry-run", "--config", config, "--output", dry)
      const { status, stdout } = spawnSync("diff", ["-r", "--no-dereference", units, dry], {
        encoding: "utf8"
      })
      assert.deepEqual([status, stdout], [0, ""])
      assert.equal(run("dry-run", "--diff", "--config", config, "--generator-dir", units).out, "")
      assert.equal(
        run("dry-run", "--check", "--config", config, "--generator-dir", units, "example.org/good").status,
        0
      )
    }))

  it("what docs/cli.md says of JSON is what there is", () =>
    withPlace(({ config, run }) => {
      const documentation = readFileSync(new URL("../../docs/cli.md", import.meta.url), "utf8")
      const json = (...args: readonly string[]) => JSON.parse(run(...args, "--json", "--config", config).out)
      const [, listed = ""] = /^`list --json` prints.*?\n\n(.*?)\n\n/ms.exec(documentation) ?? []
      const [, inspected = ""] = /^`inspect --json` prints.*?\n\n(.*?)\n\n/ms.exec(documentation) ?? []
      const fields = (table: string) => Array.from(table.matchAll(/^\| `(\w+)`/gm), ([, field]) => field)
      const [summary] = json("list", "example.org/good:v1")
      assert.sameMembers(fields(listed), Object.keys(summary))
      const inspection = json("inspect", "example.org/good:v1")
      assert.sameMembers([...fields(listed), ...fields(inspected)], Object.keys(inspection))
      for (const [command, value] of [
        ["name", json("name", "example.org/good:v1")[0]],
        ["doctor", json("doctor")[0]],
        ["gc", json("gc", "--dry-run")]
      ] as const) {
        const [, text = ""] =
          new RegExp(`^\`${command} --json\` prints(.*?)\n\n`, "ms").exec(documentation) ?? []
        for (const key of Object.keys(value)) assert.include(text, `\`${key}\``, command)
      }
    }))

  it.skipIf(spawnSync("script", ["--version"]).error !== undefined)(
    "on a terminal it has colours, unless somebody wants none, and no line is wider",
    () =>
      withPlace(({ config }) => {
        const onTerminal = (command: string, env: Readonly<Record<string, string>>) => {
          const line = `stty cols 60 rows 40; '${process.execPath}' '${CLI}' --config '${config}' ${command}`
          const { stdout } = spawnSync("script", ["--quiet", "--command", line, "/dev/null"], {
            encoding: "utf8",
            stdio: ["ignore", "pipe", "inherit"],
            env: { ...process.env, NO_COLOR: "", TERM: "xterm", ...env }
          })
          return stdout
        }
        for (const command of [
          "list",
          "inspect example.org/good",
          "dry-run",
          "doctor",
          "help gc",
          "nonsense"
        ]) {
          const painted = onTerminal(command, {})
          assert.include(painted, "\u001b[", command)
          assert.notInclude(onTerminal(command, { NO_COLOR: "1" }), "\u001b[", command)
          assert.notInclude(onTerminal(command, { TERM: "dumb" }), "\u001b[", command)
        }
        // What may be broken anywhere is; a warning names a path.
        for (const line of onTerminal("list", { NO_COLOR: "1" }).split("\r\n")) {
          if (!line.startsWith("warning:")) assert.isAtMost(line.length, 60)
        }
        assert.include(onTerminal("extract example.org/good", {}), "example.org/good:v1: extracted to ")
      })
  )

  it("escapes what an image says, as text and in JSON", () =>
    withPlace(({ config, path, run }) => {
      const odd = new LayoutWriter(join(path, "layouts/example.org/odd"))
      odd.index(
        odd.named(
          "v\u009b31m\u202e",
          odd.image({ config: { Entrypoint: ["/a"], Env: ["A=\u001b]0;x\u0007"] } })
        )
      )
      const args = ["--config", config, "example.org/odd"]
      const outputs = [
        run("list", ...args),
        run("list", "--json", ...args),
        run("inspect", ...args),
        run("inspect", "--json", ...args),
        run("name", ...args),
        run("extract", ...args),
        run("verify", "--deep", ...args),
        run("verify", "--json", ...args),
        run("inspect", "--config", config, "\u001b[31m"),
        run("enable", ...args)
      ]
      for (const { err, out } of outputs) {
        // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
        assert.notMatch(out + err, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/)
      }
      assert.equal(JSON.parse(outputs[1]?.out ?? "")[0].image, "example.org/odd:v\u009b31m\u202e")
    }))

  it("doctor prints a line for each check, or JSON; what it finds amiss makes the status", () =>
    withPlace(({ config, run }) => {
      const { out, status } = run("doctor", "--json", "--config", config)
      const diagnoses: Array<{ check: string; status: string; advice: string | null }> = JSON.parse(out)
      assert.equal(status, diagnoses.some((diagnosis) => diagnosis.status === "problem") ? 1 : 0)
      for (const { advice, status } of diagnoses) {
        assert.equal(advice !== null, status === "problem" || status === "warning")
      }
      const text = run("doctor", "--config", config).out
      for (const { check, status } of diagnoses) assert.match(text, new RegExp(`^${status} +${check} `, "m"))
    }))

  it("enable refuses a configuration file that stands alone", () =>
    withPlace(({ config, run }) => {
      const { err, status } = run("enable", "--config", config, "example.org/good:v1")
      assert.equal(status, 1)
      assert.match(
        err,
        /^error: .*conf is read without drop-ins.*\n {2}hint: write wantedby = multi-user\.target /m
      )
    }))

  describe.skipIf(process.getuid?.() !== 0)(`gc${process.getuid?.() === 0 ? "" : " (only root may)"}`, () => {
    it("says what it removes and what that frees, and as JSON", () =>
      withPlace(({ config, path, run }) => {
        run("extract", "--config", config, "example.org/good:v1")
        rmSync(join(path, "layouts/example.org/good"), { recursive: true })
        const dry = run("gc", "--dry-run", "--config", config)
        assert.match(dry.out, /^would remove root [0-9a-f]{12} of example\.org\/good:v1$/m)
        assert.match(
          dry.out,
          /^Would remove 1 root, 1 layer, 1 listing, 2 links, 1 record, 1 configuration, 1 file of facts: .* KiB\.$/m
        )
        const { dryRun, freed, removed } = JSON.parse(run("gc", "--json", "--config", config).out)
        assert.deepEqual([dryRun, removed.length], [false, 8])
        assert.isAbove(freed, 0)
        assert.match(run("gc", "--config", config).out, /^There is nothing to remove\.$/m)
      }))

    it("killed at any moment, it leaves what is whole, and the next run leaves nothing else", () =>
      withPlace(({ config, path, run }) => {
        const good = new LayoutWriter(join(path, "layouts/example.org/good"))
        for (let round = 0; round < 6; round++) {
          good.index(
            good.named("v1", good.image()),
            good.named(`r${round}`, good.image({}, {}, Buffer.alloc(2048)))
          )
          run("extract", "--config", config, "example.org/good")
          good.index(good.named("v1", good.image()))
          spawnSync(process.execPath, [CLI, "gc", "--config", config], {
            timeout: 150 + 60 * round,
            killSignal: "SIGKILL"
          })
          assert.equal(run("verify", "--deep", "--config", config, "example.org/good").status, 0)
          assert.equal(run("gc", "--config", config).status, 0)
          assert.deepEqual(readdirSync(join(path, "extracts/tmp")), [])
        }
      }))
  })
})
