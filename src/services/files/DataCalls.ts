/** The system calls that find and copy the data of files inside the kernel. */
import type { Libc } from "./Libc.ts"

export interface DataCalls {
  /**
   * Calls lseek(2) with SEEK_DATA, and returns where data begins at or after `offset`; `undefined` if there is none.
   */
  readonly nextData: (fd: number, offset: number) => number | undefined
  /**
   * Calls copy_file_range(2), which copies within the kernel, or shares the blocks where the file system can. Returns
   * how many bytes were copied, or `undefined` if the call cannot copy between these files.
   */
  readonly copyRange: (
    from: number,
    offset: number,
    to: number,
    position: number,
    length: number
  ) => number | undefined
}

/** Binds the calls, as far as this libc has them. */
export const bind = (libc: Libc): DataCalls => {
  // On other platforms `off_t` may have four bytes.
  const lseek =
    libc.sizeOf("long") === 8 ? libc.find("int64_t lseek(int fd, int64_t offset, int whence)") : undefined
  const copyFileRange = libc.findIfThere(
    "intptr_t copy_file_range(int from, void *offset, int to, void *position, size_t length, uint32_t flags)"
  )
  return {
    nextData: (fd, offset) => {
      if (lseek === undefined) return offset
      const at = Number(lseek(fd, offset, SEEK_DATA))
      if (at >= 0) return at
      return libc.failedWith("ENXIO") ? undefined : offset
    },
    copyRange: (from, offset, to, position, length) => {
      if (copyFileRange === undefined) return undefined
      const places = [BigInt64Array.of(BigInt(offset)), BigInt64Array.of(BigInt(position))]
      const copied = Number(copyFileRange(from, places[0], to, places[1], length, 0))
      if (copied >= 0) return copied
      if (libc.failedWith("EINVAL", "ENOSYS", "EXDEV", "EOPNOTSUPP")) return undefined
      throw libc.failure("copy_file_range")
    }
  }
}

const SEEK_DATA = 3
