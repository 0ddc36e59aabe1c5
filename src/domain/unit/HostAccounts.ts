/** The accounts of the host's people, whose numbers an image's user may have too (passwd(5)). */

/** Returns the names of the accounts with which somebody can log in, by number; root is not among them. */
export const logins = (passwd: string): ReadonlyMap<number, string> => {
  const found = new Map<number, string>()
  for (const line of passwd.split("\n")) {
    const [name = "", , uid = "", , , , shell = ""] = line.split(":")
    if (!/^[1-9][0-9]{0,9}$/.test(uid) || NO_LOGIN.test(shell) || !NAME.test(name)) continue
    if (!found.has(Number(uid))) found.set(Number(uid), name)
  }
  return found
}

/** Matches the programs that end a login at once. An empty field stands for /bin/sh. */
const NO_LOGIN = /\/(?:nologin|false|true|sync|shutdown|halt)$/
const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/
