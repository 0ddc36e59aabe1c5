/** The libc that Node itself uses, through koffi. */
import { Buffer } from "node:buffer"
import { getSystemErrorMap } from "node:util"
import type { ByteString } from "../../domain/text/ByteString.ts"

export type Koffi = typeof import("koffi").default

export class Libc {
  readonly #koffi: Koffi
  readonly #library: ReturnType<Koffi["load"]>

  constructor(koffi: Koffi) {
    this.#koffi = koffi
    // `null` means the symbols of the process itself, and so Node's own libc, whatever its file is called.
    this.#library = koffi.load(null)
  }

  /** Finds a function by its declaration. Throws if the libc lacks it. */
  find(declaration: string) {
    return this.#library.func(declaration)
  }

  /** Finds a function that an older libc lacks. */
  findIfThere(declaration: string): ReturnType<Libc["find"]> | undefined {
    try {
      return this.find(declaration)
    } catch {
      return undefined
    }
  }

  /** Returns the size of a type of C in bytes. */
  sizeOf(type: string): number {
    return this.#koffi.sizeof(type)
  }

  /** Whether the last call failed with one of these errors (`EINTR`, …). */
  failedWith(...codes: readonly string[]): boolean {
    const errno = this.#koffi.errno()
    return codes.some((code) => this.#koffi.os.errno[code] === errno)
  }

  /** Returns the error of the last call, in the form of Node's own. */
  failure(syscall: string, path?: Uint8Array): NodeJS.ErrnoException {
    const errno = this.#koffi.errno()
    const known = getSystemErrorMap().get(-errno)
    const code = known?.[0] ?? this.errorName()
    const where = path === undefined ? undefined : Buffer.from(path).toString()
    const message = `${code}: ${known?.[1] ?? "system error"}, ${syscall}${where === undefined ? "" : ` '${where}'`}`
    return Object.assign(new Error(message), {
      code,
      errno: -errno,
      syscall,
      ...(where === undefined ? {} : { path: where })
    })
  }

  /** Returns the name of the last call's error. */
  errorName(): string {
    const errno = this.#koffi.errno()
    return Object.entries(this.#koffi.os.errno).find(([, value]) => value === errno)?.[0] ?? `errno ${errno}`
  }
}

/** Appends the NUL that C needs. A NUL inside would cut the path short, so it is refused. */
export const terminated = (bytes: Uint8Array): Uint8Array => {
  if (bytes.includes(0))
    throw Object.assign(new Error("EINVAL: a path holds NUL"), { code: "EINVAL", errno: -22 })
  const text = Buffer.allocUnsafe(bytes.length + 1)
  text.set(bytes)
  text[bytes.length] = 0
  return text
}

/** Returns the bytes of a name, with the NUL that C needs. */
export const nameBytes = (name: ByteString): Uint8Array => terminated(Buffer.from(name, "latin1"))
