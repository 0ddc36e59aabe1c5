/**
 * V8's flags for `oci-systemd`, and the code that sets them. The build writes that code into each script that runs the
 * program or makes its code cache, which V8 refuses if it was made with other flags. A module to load would take longer.
 */

/**
 * The flags by V8's version: another version would complain of those that it does not know.
 *
 * An extraction takes a second, in which V8's compiler would take a quarter of all processor time with its defaults: it is
 * to compile what is really hot, and to copy less code into other code.
 */
export const LESS_COMPILING = {
  // Node 20, with which they were measured.
  11.3: ["--interrupt-budget=200000", "--max-inlined-bytecode-size-cumulative=300"]
}

/** Returns the script with code in place of its line `// v8Flags`, which sets the flags; without flags, it is a comment still. */
export const withFlags = (script, flags) => {
  const code = `for (const flag of ${JSON.stringify(flags)}[process.versions.v8.split(".", 2).join(".")] ?? []) require("node:v8").setFlagsFromString(flag)`
  if (!PLACE.test(script)) throw new Error("the script has no line // v8Flags")
  return Object.keys(flags).length === 0 ? script : script.replace(PLACE, code)
}

const PLACE = /^ *\/\/ v8Flags$/m
