/**
 * The variables that the configuration gives to a service.
 *
 *     env = NAME "=" VALUE          the whole rest of the line, as it is
 *         | JSON string of both     for a value that begins or ends in a blank, or has several lines
 *     envfile = [ "-" ] PATH        a file of the host that systemd reads at each start (systemd.exec(5),
 *                                   EnvironmentFile=); with "-" it may be missing
 */
import * as Either from "effect/Either"
import * as EnvironmentLine from "../systemd/EnvironmentLine.ts"
import { refuse, ValueRefused } from "../text/ValueRefused.ts"
import { adding, pathFault, type SettingKeys } from "./SettingKey.ts"

/** Settings of a service's environment. */
export interface EnvironmentSettings {
  /** Variables that replace those of the image. Each name is there once. */
  readonly env: readonly EnvironmentLine.Assignment[]
  /** Files whose variables replace all others; of two files the later counts. */
  readonly envfile: readonly EnvironmentFile[]
}

/** A file of variables on the host. */
export interface EnvironmentFile {
  readonly path: string
  /** Whether the service starts without the file too. */
  readonly isOptional: boolean
}

/** Parses a variable. Reasons quote no part of it, because a value may be a secret. */
export const parseVariable = (text: string): Either.Either<EnvironmentLine.Assignment, ValueRefused> => {
  const line = text.startsWith('"') ? json(text) : text
  if (line === undefined) return refuse("a line that begins with a quotation mark has to be a JSON string")
  const {
    assignments: [assignment],
    refused: [refused]
  } = EnvironmentLine.parse([line])
  if (assignment === undefined)
    return refuse(`NAME=VALUE is expected, and this ${refused?.reason ?? "is empty"}`)
  return Either.mapBoth(EnvironmentLine.render(assignment), {
    onLeft: ({ reason }) => new ValueRefused({ reason: `the variable ${reason}` }),
    onRight: () => assignment
  })
}

/** Prints a variable so that `parseVariable` reads it back from a line. */
export const printVariable = ({ name, value }: EnvironmentLine.Assignment): string => {
  const text = `${name}=${value}`
  return text.trim() === text && !CONTROL.test(text) ? text : JSON.stringify(text)
}

/** Parses a file's path, with or without `-` before it. */
export const parseFile = (text: string): Either.Either<EnvironmentFile, ValueRefused> => {
  const isOptional = text.startsWith("-")
  const path = isOptional ? text.slice(1) : text
  const fault = pathFault(path)
  if (fault !== undefined) return refuse(fault)
  if (path.endsWith("/")) return refuse("a file is expected, and this is a directory")
  return PATTERN.test(path)
    ? refuse("“*”, “?” and “[” are not allowed, since systemd takes them for a pattern")
    : Either.right({ path: path.replace(/\/+/g, "/"), isOptional })
}

/** Prints a file as `EnvironmentFile=` expects it too. */
export const printFile = ({ isOptional, path }: EnvironmentFile): string => `${isOptional ? "-" : ""}${path}`

const json = (text: string): string | undefined => {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === "string" ? value : undefined
  } catch {
    return undefined
  }
}

/** Matches what ends a line in a file. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const CONTROL = /[\u0000-\u001f\u007f]/

/** Matches what makes a pattern of glob(7) of a path. */
const PATTERN = /[*?[]/

/** @internal */
export const KEYS: SettingKeys<EnvironmentSettings> = {
  env: {
    takes: "NAME=VALUE",
    default: [],
    help: "A variable of the service's environment, which replaces the image's of that name, one line for each; the value is the whole rest of the line; empty cancels all lines before it.",
    parse: (value) =>
      value === "" ? Either.right([]) : Either.map(parseVariable(value), (variable) => [variable]),
    print: (variables) => variables.map(printVariable).join(" "),
    verbatim: true,
    unspoken: true,
    add: adding<EnvironmentLine.Assignment>(({ name }) => name)
  },
  envfile: {
    takes: "[-]PATH",
    default: [],
    help: "A file of the host with variables of the service's environment, read at each start, one line for each; with - it may be missing; empty cancels all lines before it.",
    parse: (value) => (value === "" ? Either.right([]) : Either.map(parseFile(value), (file) => [file])),
    print: (files) => files.map(printFile).join(" "),
    add: adding<EnvironmentFile>(({ path }) => path)
  }
}
