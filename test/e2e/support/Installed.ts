/** A machine with the programs installed, and layouts in place: what an operator has before the first `daemon-reload`. */
import { existsSync } from "node:fs"
import { mkdir, symlink } from "node:fs/promises"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { Machine, type MachineOptions, type Release } from "./Machine.ts"

const DIST = join(dirname(fileURLToPath(import.meta.url)), "../../../dist")
const PROGRAMS = "/usr/lib/oci-systemd-generator"
const GENERATORS = "/usr/lib/systemd/system-generators"

export const LAYOUTS = "/var/lib/oci/layouts"
export const EXTRACTS = "/var/lib/oci/extracts"

/** `layouts` fills the directory of layouts, given as a path on the host. */
export const installed = async (
  release: Release,
  layouts: (directory: string) => Promise<void>,
  options: Pick<MachineOptions, "network"> = {}
): Promise<Machine> => {
  if (!existsSync(join(DIST, "oci-systemd.cjs"))) throw new Error("dist/ is missing: npm run build makes it")
  return Machine.create(release, {
    ...options,
    files: { [PROGRAMS]: DIST },
    setup: async (root) => {
      await mkdir(join(root, GENERATORS), { recursive: true })
      await symlink(`${PROGRAMS}/oci-generator`, join(root, GENERATORS, "oci-systemd-generator"))
      await symlink(`${PROGRAMS}/oci-systemd.cjs`, join(root, "usr/bin/oci-systemd"))
      const directory = join(root, LAYOUTS)
      await mkdir(directory, { recursive: true })
      await layouts(directory)
    }
  })
}
