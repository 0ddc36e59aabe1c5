/** The shell programs that make a root and take it away, in a directory of their own: nothing is really mounted. */
import { spawn, spawnSync } from "node:child_process"
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import type { Records } from "../../src/domain/unit/UserRecord.ts"

const script = (name: string): string => fileURLToPath(new URL(`../../src/host/${name}.sh`, import.meta.url))

/** Says what it was called with, a word a line. */
const STAND_IN = `#!/bin/sh
printf '%s\\n' "\${0##*/}" "$@" >>"$OCI_SAID"
exit "\${OCI_EXIT:-0}"
`

export type Mode = "ephemeral" | "persistent" | "readonly"

export const place = (path: string) => {
  const at = (name: string): string => join(path, name)
  const environment = {
    PATH: `${at("bin")}:/usr/bin:/bin`,
    OCI_HOLDS: at("users"),
    OCI_RECORDS: at("userdb"),
    OCI_ACCOUNTS: at("etc"),
    OCI_SECRETS: at("secrets"),
    CREDENTIALS_DIRECTORY: at("credentials"),
    OCI_SAID: at("said")
  }
  for (const directory of ["bin", "etc", "scratch", "lower"]) mkdirSync(at(directory))
  // An image that is not mounted is an empty directory.
  writeFileSync(at("lower/file"), "")
  const program = (name: string, text: string): void => {
    writeFileSync(at(`bin/${name}`), text)
    chmodSync(at(`bin/${name}`), 0o755)
  }
  for (const name of ["mount", "umount"]) program(name, STAND_IN)
  const paths = (name: string) => ({
    template: at(`templates/${name}`),
    lower: at("lower"),
    scratch: at(`scratch/${name}`),
    root: at(`roots/${name}`),
    secrets: at(`secrets/${name}`)
  })
  const write = (file: string, text = ""): void => {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  }
  const prepareArguments = (name: string, mode: Mode, more: readonly string[]) => {
    const { lower, root, scratch, template } = paths(name)
    return [script("oci-prepare"), `${name}.service`, mode, template, lower, scratch, root, ...more]
  }
  return {
    at,
    paths,
    /** Puts a stand-in in the place of a program of the host. */
    program,
    /**
     * What systemd says of the service's state, one answer after the other; the last one again and again. `|` ends a line
     * of an answer. `job` is the kind of job that the service has while it is active, `part` the state of a unit that is a part of it, `now` and `sub`
     * what the service is a moment later.
     */
    states: (
      states: readonly string[],
      { job = "", now = "active", part = "", pid = 0, sub = "running" } = {}
    ) => {
      writeFileSync(at("states"), `${states.join("\n")}\n`)
      program(
        "systemctl",
        `#!/bin/sh
case "$*" in
  *--property=ActiveState,SubState,Job,*) printf '%s\\n' ${job === "" ? "" : "Job=7 "}MainPID=${pid} ConsistsOf=part.service "ActiveState=${now}" "SubState=${sub}" ;;
  *--property=ActiveState,* | *--property=PrivatePIDs,*)
    head -n 1 "${at("states")}" | tr '|' '\\n' | sed '1s/^/ActiveState=/'
    [ "$(wc -l <"${at("states")}")" -eq 1 ] || sed -i 1d "${at("states")}" ;;
  list-jobs*) printf '%s\\n' "6 other.service stop running" ${job === "" ? "" : `"7 U.service ${job} waiting"`} ;;
  *--value*part.service) echo "${part}" ;;
  *) printf '%s\\n' systemctl "$@" >>"${at("said")}" ;;
esac
`
      )
    },
    write,
    /** A template as `oci-systemd prepare` makes it. */
    template: (
      name: string,
      {
        upper = [] as readonly string[],
        users = [] as readonly Records[],
        places = undefined as string | undefined,
        secrets = [] as readonly string[]
      } = {}
    ) => {
      const { template } = paths(name)
      for (const directory of ["upper", "work", "run", ...upper.map((made) => `upper/${made}`)]) {
        mkdirSync(`${template}/scratch/${directory}`, { recursive: true })
      }
      write(`${template}/scratch/run/seed`, "of the image")
      write(`${template}/mounts`)
      if (places !== undefined) write(`${template}/places`, places)
      if (secrets.length > 0) write(`${template}/secrets`, `${secrets.join("\n")}\n`)
      spawnSync("mkfifo", ["-m", "622", `${template}/scratch/output`])
      if (users.length > 0) mkdirSync(`${template}/users`)
      for (const { files, links } of users) {
        for (const file of files) writeFileSync(`${template}/users/${file.name}`, file.content)
        for (const link of links) symlinkSync(link.target, `${template}/users/${link.name}`)
      }
    },
    prepare: (name: string, mode: Mode, more: readonly string[] = [], exit = 0) => {
      const env = { ...environment, OCI_EXIT: String(exit) }
      const { status, stderr } = spawnSync("sh", prepareArguments(name, mode, more), {
        env,
        encoding: "utf8"
      })
      return `${status} ${stderr}`
    },
    /** Goes on while the test does; says how it ended. */
    preparing: (name: string, mode: Mode) => {
      const child = spawn("sh", prepareArguments(name, mode, []), { env: environment, stdio: "ignore" })
      return new Promise<number | null>((resolve) => child.on("close", resolve))
    },
    release: (name: string, mode: Mode, more: readonly string[] = []) => {
      const { root, scratch } = paths(name)
      const { status, stderr } = spawnSync("sh", [script("oci-release"), mode, scratch, root, ...more], {
        env: environment,
        encoding: "utf8"
      })
      return `${status} ${stderr}`
    },
    /** What was mounted and unmounted so far. */
    said: (): readonly string[] =>
      existsSync(at("said")) ? readFileSync(at("said"), "utf8").split("\n").slice(0, -1) : []
  }
}
