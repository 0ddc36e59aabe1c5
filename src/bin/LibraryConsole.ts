/**
 * The console for `@effect/cli`, which prints colours to any stream, and prints errors that `ErrorReport` reports.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Output from "./Output.ts"

const print = (...texts: readonly unknown[]): void => Output.print(texts.map(String).join(" ").trimEnd())

export const console: Console.Console = {
  ...(Effect.runSync(Console.consoleWith(Effect.succeed)) as Console.Console),
  log: (...texts) => Effect.sync(() => print(...texts)),
  error: () => Effect.void
}
