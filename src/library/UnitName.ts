/** The names of an image's units, made and read (systemd.unit(5)). */
export * from "../domain/naming/UnitName.ts"
export { parse, type UnitParts, type UnitRole } from "../domain/naming/UnitParts.ts"
