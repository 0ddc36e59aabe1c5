/** Commands of container engines that are commands of systemd, skopeo or this program under another name here. */
import * as ImageName from "../domain/naming/ImageName.ts"
import * as UnitName from "../domain/naming/UnitName.ts"
import { sha256 } from "../services/layout/Blobs.ts"

/** Returns a sentence that names the command to run instead, with the unit of the image if one is named. */
export const instead = (name: string, others: readonly string[]): string | undefined => {
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (command === undefined) return undefined
  const image = others.map(ImageName.parse).find((parsed) => parsed !== undefined)
  const unit = image === undefined ? "UNIT" : UnitName.service(UnitName.fromImage(image, sha256))
  const what = image === undefined ? "IMAGE" : ImageName.display(image)
  const where = image === undefined ? "LAYOUT:REF" : what
  const text = command
    .replaceAll("{unit}", quoted(unit))
    .replaceAll("{image}", quoted(what))
    .replaceAll("{where}", quoted(where))
  return image === undefined && command.includes("{unit}")
    ? `${text}; oci-systemd list shows the units`
    : text
}

/** Quotes what a shell would read as something else: names of units may hold backslashes. */
const quoted = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`

const LIST = "oci-systemd list shows the images, and systemctl list-units --type=service what runs"

/** What docker(1) and podman(1) call it, and what does it here. */
const COMMANDS: Readonly<Record<string, string>> = {
  run: "systemctl start {unit}",
  start: "systemctl start {unit}",
  create: "systemctl start {unit}",
  stop: "systemctl stop {unit}",
  restart: "systemctl restart {unit}",
  kill: "systemctl kill {unit}",
  status: "systemctl status {unit}",
  top: "systemctl status {unit} shows its processes",
  stats: "systemd-cgtop oci.slice",
  logs: "journalctl -u {unit}",
  ps: LIST,
  ls: LIST,
  images: LIST,
  exec: 'nsenter --target "$(systemctl show -P MainPID {unit})" --all --root --wd COMMAND',
  attach: "journalctl -fu {unit} follows its output",
  pull: "skopeo copy docker://IMAGE oci:/var/lib/oci/layouts/{where}, and then systemctl daemon-reload",
  load: "skopeo copy docker-archive:FILE oci:/var/lib/oci/layouts/{where}, and then systemctl daemon-reload",
  rm: "oci-systemd remove {image}",
  rmi: "oci-systemd remove {image}",
  delete: "oci-systemd remove {image}",
  prune: "oci-systemd gc",
  update: "systemctl edit {unit}",
  edit: "systemctl edit {unit}",
  cat: "systemctl cat {unit}",
  show: "oci-systemd inspect {image}",
  info: "oci-systemd doctor",
  check: "oci-systemd doctor, or oci-systemd verify {image}"
}
