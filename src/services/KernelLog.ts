/** Where a generator's messages go: standard error, and at boot, when nobody reads that, the kernel's log. */
import * as fs from "node:fs"

const IDENTIFIER = "oci-systemd-generator"

/** syslog(3) priorities of the daemon facility, as /dev/kmsg takes them. */
export const PRIORITY = { error: 27, warning: 28, debug: 31 } as const

/** A record of /dev/kmsg is one write of at most this size. */
const MAX_RECORD = 900

/** Neither a closed standard error nor a missing /dev/kmsg is a reason to fail. */
export const write = (priority: number, message: string): void => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not reach a log
  const line = message.replace(/[\u0000-\u001f\u007f]+/g, " ")
  attempt(() => fs.writeSync(2, `${IDENTIFIER}: ${line}\n`))
  if (priority === PRIORITY.debug || process.stderr.isTTY) return
  attempt(() => {
    const kmsg = fs.openSync(
      "/dev/kmsg",
      fs.constants.O_WRONLY | fs.constants.O_NOCTTY | fs.constants.O_NONBLOCK
    )
    try {
      fs.writeSync(kmsg, `<${priority}>${IDENTIFIER}[${process.pid}]: ${line.slice(0, MAX_RECORD)}\n`)
    } finally {
      fs.closeSync(kmsg)
    }
  })
}

const attempt = (action: () => unknown): void => {
  try {
    action()
  } catch {
    // Nowhere left to say it.
  }
}
