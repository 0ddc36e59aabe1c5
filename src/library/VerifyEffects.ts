/** Verifies images, and roots made from them, as effects. */
export * from "../program/NotIntact.ts"
export * from "../program/Verify.ts"
