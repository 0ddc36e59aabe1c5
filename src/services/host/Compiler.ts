/**
 * V8's optimizing compiler, which has a thread of its own and takes as much processor time there as a run over a
 * thousand images takes altogether, for code that is hardly run any more once it is done.
 */

/** What puts it off, by the version of V8 that it was seen with: one that does not know it says so on standard error. */
const FLAGS: Readonly<Record<string, string>> = {
  // Node 20
  "11.3": "--interrupt-budget=500000",
  // Node 26
  "14.6": "--invocation-count-for-turbofan=30000"
}

/** For the rest of the process: what is optimized has to run many times as often as otherwise. */
export const putOff = (): void => {
  const flag = FLAGS[process.versions.v8.split(".", 2).join(".")]
  // Loaded where it is needed only: that takes two milliseconds. Node has this way of it from 20.16 on.
  if (flag !== undefined) process.getBuiltinModule?.("node:v8").setFlagsFromString(flag)
}
