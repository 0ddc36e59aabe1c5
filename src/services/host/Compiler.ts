/**
 * Delays V8's optimizing compiler. It has its own thread, and spends there as much processor time as a run over a
 * thousand images, on code that hardly runs any more once it is optimized.
 */

/**
 * The flag that delays it, by the version of V8 with which it was seen. Another version would complain about an
 * unknown flag.
 */
const FLAGS: Readonly<Record<string, string>> = {
  // Node 20.
  "11.3": "--interrupt-budget=500000",
  // Node 26.
  "14.6": "--invocation-count-for-turbofan=30000"
}

/**
 * Delays the compiler for the rest of the process: code must run many times as often as usual before it is optimized.
 */
export const putOff = (): void => {
  const flag = FLAGS[process.versions.v8.split(".", 2).join(".")]
  // The module is only loaded where it is needed, since loading takes two milliseconds. Node has this function from
  // 20.16 on.
  if (flag !== undefined) process.getBuiltinModule?.("node:v8").setFlagsFromString(flag)
}
