/**
 * Tells systemd how far a unit's program is, for `systemctl status` of the unit (`STATUS=` of sd_notify(3)). Node has no datagram
 * sockets of this family, so systemd-notify(1) sends the message. The unit needs `NotifyAccess=`.
 */
import { spawn } from "node:child_process"

/** Returns a function that tells a status; it does nothing where systemd does not ask for one. */
export const make = (
  environment: Readonly<Record<string, string | undefined>>
): ((status: string) => void) => {
  if (environment.NOTIFY_SOCKET === undefined) return () => {}
  let isSending = false
  let next: string | undefined
  /** Only the newest status matters: those that come while one is being sent replace each other. */
  const send = (): void => {
    const status = next
    next = undefined
    isSending = status !== undefined
    if (status === undefined) return
    const child = spawn("systemd-notify", ["--no-block", `--status=${status}`], { stdio: "ignore" })
    // A status that cannot be told is no reason for a start to fail, or to wait.
    child.on("error", send)
    child.on("exit", send)
    child.unref()
  }
  return (status) => {
    next = status
    if (!isSending) send()
  }
}
