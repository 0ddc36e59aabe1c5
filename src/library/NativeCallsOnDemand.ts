/**
 * The native calls for programs that may not need any: koffi is loaded at the first call. The layer of `NativeCalls` loads it
 * at once.
 */
import { createRequire } from "node:module"
import * as Layer from "effect/Layer"
import * as NativeCalls from "../services/files/NativeCalls.ts"

/** Never fails. A call throws `NativeCallsUnavailable` where koffi cannot be loaded: see `causeIn`. */
export const layer: Layer.Layer<NativeCalls.NativeCalls> = Layer.sync(NativeCalls.NativeCalls, () =>
  koffiCalls()
)

/** Returns calls by koffi, which is loaded when one of them is used. @internal */
export const koffiCalls = (): NativeCalls.Calls =>
  onDemand(() => {
    // `require` keeps bundlers from taking koffi apart, which finds its native code relative to itself.
    const koffi = createRequire(import.meta.filename ?? `${process.cwd()}/`)("koffi")
    return NativeCalls.bind(koffi.default ?? koffi)
  })

/** Returns calls that are loaded when one of them is used. @internal */
export const onDemand = (load: () => NativeCalls.Calls): NativeCalls.Calls => {
  let loaded: NativeCalls.Calls | undefined
  const calls = (): NativeCalls.Calls => {
    try {
      loaded ??= load()
      return loaded
    } catch (cause) {
      throw NativeCalls.unavailable(cause)
    }
  }
  const mounts = forwarding(() => calls().mounts)
  return forwarding(calls, { mounts })
}

/** Returns an object of functions that call those of another one, which is made when one of them is called. */
const forwarding = <A extends object>(to: () => A, others: Partial<A> = {}): A =>
  new Proxy(others as A, {
    get: (own, name) =>
      Object.hasOwn(own, name)
        ? Reflect.get(own, name)
        : (...parameters: readonly unknown[]) =>
            Reflect.apply(Reflect.get(to(), name) as () => unknown, undefined, parameters)
  })

/** Returns the failure to load native calls, if that caused the error. */
export const causeIn = (error: unknown): NativeCalls.NativeCallsUnavailable | undefined => {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (at instanceof NativeCalls.NativeCallsUnavailable) return at
  }
  return undefined
}
