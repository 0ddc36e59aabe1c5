/**
 * How `oci-systemd` ends: one table, which `--help` prints, docs/cli.md is held against, and every error that a command
 * can end with is mapped by.
 */

export const STATUSES = {
  done: { code: 0, means: "It is done; what was asked is so" },
  failed: { code: 1, means: "It did not work, or a check found something" },
  misused: { code: 2, means: "The command line is not understood" },
  misconfigured: { code: 3, means: "The configuration file that --config names cannot be read" },
  noSuchImage: { code: 4, means: "There is no image of that name, or there are several and one is wanted" },
  notPermitted: { code: 5, means: "The system refuses it to this user: it needs root" }
} as const

export type Status = keyof typeof STATUSES

/** And 128 more than a signal's number for what a signal ended: 130 after Ctrl-C. */
export const ON_SIGNALS = "128 and the number of the signal that ended it: 130 after Ctrl-C"

/** By the tag of the error. What no command can end with needs no line here; what one can is missed by the compiler. */
const OF_ERRORS = {
  CheckFailed: "failed",
  CommandError: "failed",
  DocumentRefused: "failed",
  EnablingFailed: "failed",
  EnvironmentRefused: "failed",
  ExtractFailed: "failed",
  ExtractsError: "failed",
  FileRefused: "misconfigured",
  GarbageRefused: "failed",
  IdUnknown: "failed",
  ImageRefused: "failed",
  ImagesUnread: "notPermitted",
  InstallFailed: "failed",
  NativeCallsUnavailable: "failed",
  LayoutUnread: "notPermitted",
  NoSuchImage: "noSuchImage",
  NotInstalled: "failed",
  NotIntact: "failed",
  NotStartable: "failed",
  NothingToInstall: "failed",
  ProgramFailed: "failed",
  ReloadFailed: "failed",
  RootNeeded: "notPermitted",
  RootNotMounted: "failed",
  SeveralImages: "noSuchImage",
  UnitNotWritten: "failed",
  UnknownSignal: "failed",
  Unwell: "failed",
  Unwritable: "failed",
  UserError: "failed",
  VolumeFailed: "failed"
} as const satisfies Record<string, Status>

export interface Mapped {
  readonly _tag: keyof typeof OF_ERRORS
}

export const ofError = ({ _tag }: Mapped): Status => OF_ERRORS[_tag]
