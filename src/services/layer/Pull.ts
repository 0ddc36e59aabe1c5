/** Where compressed data comes from: the next chunk, or `undefined` at the end. A chunk given out is left as it is. */
export type Pull = () => Promise<Uint8Array | undefined>
