/**
 * A source of compressed data: returns the next chunk, or `undefined` at the end. A returned chunk is not changed
 * afterwards.
 */
export type Pull = () => Promise<Uint8Array | undefined>
