/** The number of a device (`dev_t`), which is major and minor number in one. */

/**
 * Encodes `dev_t` as the libcs of Linux do: low twelve bits of major and eight of minor first, their upper parts
 * above (makedev(3)).
 */
export const of = (major: number, minor: number): bigint => {
  const [high, low] = [BigInt(major >>> 0), BigInt(minor >>> 0)]
  return (
    ((high & 0xfffff000n) << 32n) | ((high & 0xfffn) << 8n) | ((low & 0xffffff00n) << 12n) | (low & 0xffn)
  )
}

/** Decodes the two numbers of a device. */
export const parts = (device: bigint): { readonly major: number; readonly minor: number } => ({
  major: Number(((device >> 32n) & 0xfffff000n) | ((device >> 8n) & 0xfffn)),
  minor: Number(((device >> 12n) & 0xffffff00n) | (device & 0xffn))
})
