/**
 * The exit statuses of `oci-systemd` in one table: `--help` prints it, docs/cli.md is tested against it, and every
 * error of a command is mapped to one of them.
 */

export const STATUSES = {
  done: { code: 0, means: "Success" },
  failed: { code: 1, means: "The command failed, or a check found something" },
  misused: { code: 2, means: "The command line is wrong" },
  misconfigured: { code: 3, means: "The configuration file that --config names cannot be read" },
  noSuchImage: { code: 4, means: "No image has that name, or several match where one is expected" },
  notPermitted: { code: 5, means: "The system denies it to this user: it needs root" }
} as const

export type Status = keyof typeof STATUSES

/** Describes 128 plus a signal's number, the status after a signal: 130 after Ctrl-C. */
export const ON_SIGNALS = "128 plus the number of the signal that ended it: 130 after Ctrl-C"

/** Maps errors by their tag. The compiler finds errors of commands that are missing here. */
const OF_ERRORS = {
  CheckFailed: "failed",
  CommandError: "failed",
  DeviceRefused: "failed",
  DeviceUnfit: "failed",
  DocumentRefused: "failed",
  EnablingFailed: "failed",
  EnvironmentRefused: "failed",
  ExtractFailed: "failed",
  ExtractsError: "failed",
  CapabilityRefused: "failed",
  FeatureMissing: "failed",
  FileRefused: "misconfigured",
  GarbageRefused: "failed",
  IdUnknown: "failed",
  ImageRefused: "failed",
  ImagesUnread: "notPermitted",
  ImageUnsigned: "failed",
  InstallFailed: "failed",
  KernelTooOld: "failed",
  KeyRefused: "failed",
  NativeCallsUnavailable: "failed",
  LayoutKept: "failed",
  LayoutUnread: "notPermitted",
  NoSuchImage: "noSuchImage",
  NotAnImage: "noSuchImage",
  NotInstalled: "failed",
  NotIntact: "failed",
  NotStartable: "failed",
  NothingToInstall: "failed",
  OthersInLayout: "failed",
  ProgramFailed: "failed",
  PlaceUnfit: "failed",
  ReloadFailed: "failed",
  SettingRefused: "failed",
  RootNeeded: "notPermitted",
  ImageNotMounted: "failed",
  RootNotCompared: "failed",
  RootNotMounted: "failed",
  SecretRefused: "failed",
  SeveralImages: "noSuchImage",
  UnitNotWritten: "failed",
  UnknownSignal: "failed",
  MachineUnfit: "failed",
  Unwritable: "failed",
  UserError: "failed",
  VolumeFailed: "failed"
} as const satisfies Record<string, Status>

export interface Mapped {
  readonly _tag: keyof typeof OF_ERRORS
}

export const ofError = ({ _tag }: Mapped): Status => OF_ERRORS[_tag]
