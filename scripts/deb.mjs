/**
 * Makes the Debian package of a built checkout, for this machine's architecture:
 *
 *     npm run build:deb            or, where dist/ is built, node scripts/deb.mjs [DIRECTORY]
 *
 *     dist/oci-systemd-generator_VERSION_ARCHITECTURE.deb
 *     dist/bin                                                the programs in it, see scripts/executables.mjs
 *
 * The programs contain Node, since Debian 12's own is too old. `oci-systemd install` puts the files in their
 * places. Owners, times and order do not depend on who makes the package; V8's code caches differ each time.
 */
import { execFileSync, spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import {
  chmodSync,
  copyFileSync,
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { gzipSync } from "node:zlib"
import { notices } from "./notices.mjs"
import { sourceDate } from "./sourceDate.mjs"

const top = join(dirname(fileURLToPath(import.meta.url)), "..")
const { description, name, version } = JSON.parse(readFileSync(join(top, "package.json"), "utf8"))
const target = resolve(process.argv[2] ?? join(top, "dist"))
const date = sourceDate()
/** The names that dpkg-buildpackage uses. */
const { DEBFULLNAME = `${name} maintainers`, DEBEMAIL = "maintainers@users.noreply.github.com" } = process.env
const maintainer = `${DEBFULLNAME} <${DEBEMAIL}>`

const work = mkdtempSync(join(tmpdir(), `${name}-deb-`))
const tree = join(work, "tree")
const at = (path) => join(tree, path)
const run = (command, ...args) =>
  execFileSync(command, args, { encoding: "utf8", cwd: work, stdio: ["ignore", "pipe", "inherit"] })
const write = (path, content, mode = 0o644) => {
  mkdirSync(dirname(at(path)), { recursive: true })
  writeFileSync(at(path), content)
  chmodSync(at(path), mode)
}
/** Compresses as gzip(1) with -n: no name and no time. */
const compressed = (text) => gzipSync(text, { level: 9 })

/** Lists the paths of files and links below a directory, in the order of their names. */
const walk = (directory, path = "") =>
  readdirSync(join(directory, path), { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) =>
      entry.isDirectory() ? walk(directory, join(path, entry.name)) : [join(path, entry.name)]
    )

/** Makes the programs from a Node without its symbols, which saves an eighth. */
const makePrograms = () => {
  const node = join(work, "node")
  copyFileSync(process.execPath, node)
  run("strip", "--strip-unneeded", node)
  const programs = join(target, "bin")
  // It has said why it cannot.
  if (spawnSync(node, [join(top, "scripts/executables.mjs"), programs], { stdio: "inherit" }).status !== 0) {
    rmSync(work, { recursive: true, force: true })
    process.exit(1)
  }
  return programs
}

/** Changes what Debian has in other places or in another form than an installation by hand. */
const debianise = () => {
  rmSync(at(`usr/lib/${name}/installed.json`))
  mkdirSync(at("usr/share/zsh/vendor-completions"))
  renameSync(
    at("usr/share/zsh/site-functions/_oci-systemd"),
    at("usr/share/zsh/vendor-completions/_oci-systemd")
  )
  rmSync(at("usr/share/zsh/site-functions"), { recursive: true })
  for (const page of walk(at("usr/share/man"))) {
    const file = at(`usr/share/man/${page}`)
    writeFileSync(`${file}.gz`, compressed(readFileSync(file)))
    rmSync(file)
  }
}

/** Wraps lines at 80 characters, as in deb-changelog(5). */
const wrap = (text) => {
  const lines = ["  *"]
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1)
    if (last.length + word.length < 80) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(`    ${word}`)
  }
  return lines
}

const changelog = () => {
  const [, newest] = readFileSync(join(top, "CHANGELOG.md"), "utf8").split(/^## .*\n/m)
  const changes = newest.trim().split(/^- /m).slice(1)
  const lines = changes.flatMap((change) => wrap(change.trim()))
  const when = date.toUTCString().replace("GMT", "+0000")
  return `${name} (${version}) unstable; urgency=medium\n\n${lines.join("\n")}\n\n -- ${maintainer}  ${when}\n`
}

const COPYRIGHT = `${name}
Copyright (C) ${date.getUTCFullYear()} the authors of ${name}

Licensed under the Apache License, Version 2.0. On Debian systems, the text of
that licence is in /usr/share/common-licenses/Apache-2.0.

The programs carry Node.js and other packages in them. Their copyright notices
and licences are in /usr/share/doc/${name}/notices.gz.
`
const PROGRAMS = ["src/bin/generator.ts", "src/bin/cli.ts", "src/bin/layerWorker.ts"]

const control = (files) => {
  const native = files.filter((path) => path.endsWith(".node") || path === `usr/lib/${name}/${name}`)
  mkdirSync(join(work, "debian"))
  writeFileSync(join(work, "debian/control"), `Source: ${name}\n\nPackage: ${name}\nArchitecture: any\n`)
  const libraries = run("dpkg-shlibdeps", "-O", ...native.map((path) => `-e${at(path)}`))
  // A file with two names is included once.
  const sizes = new Map(files.map((path) => lstatSync(at(path))).map(({ ino, size }) => [ino, size]))
  const size = [...sizes.values()].reduce((total, bytes) => total + Math.ceil(bytes / 1024), 0)
  return `Package: ${name}
Version: ${version}
Architecture: ${run("dpkg", "--print-architecture").trim()}
Maintainer: ${maintainer}
Installed-Size: ${size}
Depends: ${/^shlibs:Depends=(.*)$/m.exec(libraries)[1]}, systemd (>= 252)
Recommends: libnss-systemd
Suggests: skopeo
Section: admin
Priority: optional
Description: ${description[0].toLowerCase()}${description.slice(1)}
 A generator makes a systemd service of each OCI image layout below
 /var/lib/oci/layouts. The first start of a service extracts its image;
 there is no daemon. The image's arguments, environment, user, volumes and
 health check are what its service has, in a root of its own.
 .
 oci-systemd lists, inspects, extracts and verifies images. Both programs
 carry Node.js in them.
`
}

try {
  const programs = makePrograms()
  mkdirSync(tree)
  run(join(programs, "oci-systemd"), "install", "--root", tree, "--prefix", "/usr")
  debianise()
  const documents = `usr/share/doc/${name}`
  write(`${documents}/changelog.gz`, compressed(changelog()))
  write(`${documents}/copyright`, COPYRIGHT)
  write(`${documents}/notices.gz`, compressed(await notices(top, PROGRAMS, process.execPath)))
  cpSync(join(top, "docs"), at(documents), { recursive: true })
  write(`usr/share/lintian/overrides/${name}`, readFileSync(join(top, "scripts/deb/lintian-overrides")))

  const files = walk(tree)
  const isConfiguration = (path) => path.startsWith("etc/")
  const sums = files
    .filter((path) => !isConfiguration(path) && !lstatSync(at(path)).isSymbolicLink())
    .map(
      (path) =>
        `${createHash("md5")
          .update(readFileSync(at(path)))
          .digest("hex")}  ${path}\n`
    )
  const conffiles = files.filter(isConfiguration).map((path) => `/${path}\n`)
  write("DEBIAN/md5sums", sums.join(""))
  write("DEBIAN/conffiles", conffiles.join(""))
  write("DEBIAN/control", control(files))
  for (const script of ["postinst", "prerm", "postrm"]) {
    write(`DEBIAN/${script}`, readFileSync(join(top, "scripts/deb", script)), 0o755)
  }
  run("chmod", "-R", "u=rwX,go=rX", tree)
  mkdirSync(target, { recursive: true })
  execFileSync("dpkg-deb", ["--root-owner-group", "-Zxz", "--build", tree, target], {
    // All files are newer than this time, to which their times are cut.
    env: { ...process.env, SOURCE_DATE_EPOCH: `${Math.floor(date.getTime() / 1000)}` },
    stdio: "inherit"
  })
} finally {
  rmSync(work, { recursive: true, force: true })
}
