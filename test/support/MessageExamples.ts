/**
 * One error of each class, and one of each kind where a class has several, with values as a machine would have them.
 * `test/docs/Messages.test.ts` prints them.
 */

import { UsageError } from "../../src/bin/GeneratorArguments.ts"
import { PaxRecordsInvalid } from "../../src/domain/archive/PaxRecords.ts"
import { SparseMapInvalid } from "../../src/domain/archive/SparseMap.ts"
import { TarHeaderInvalid } from "../../src/domain/archive/TarHeader.ts"
import { TarMemberInvalid } from "../../src/domain/archive/TarMember.ts"
import { TarStructureInvalid } from "../../src/domain/archive/TarStructureInvalid.ts"
import { ZstdFramesInvalid } from "../../src/domain/archive/ZstdFrames.ts"
import type { Digest } from "../../src/domain/document/Digest.ts"
import { JsonError } from "../../src/domain/document/StrictJson.ts"
import { ErofsUnfit } from "../../src/domain/erofs/ErofsUnfit.ts"
import { LayerMergeError } from "../../src/domain/layer/LayerMerge.ts"
import { LayerPathError } from "../../src/domain/layer/LayerPath.ts"
import type { ImageName } from "../../src/domain/naming/ImageName.ts"
import { HealthCheckRefused } from "../../src/domain/process/HealthCheck.ts"
import { CommandError } from "../../src/domain/process/ImageCommand.ts"
import { UserError } from "../../src/domain/process/ImageUser.ts"
import { UnknownSignal } from "../../src/domain/process/StopSignal.ts"
import { DirectoryRefused, SettingRefused } from "../../src/domain/settings/Settings.ts"
import { SignatureMalformed } from "../../src/domain/signature/SignatureMalformed.ts"
import { SignatureUnfit } from "../../src/domain/signature/SignatureVerdict.ts"
import { EnvironmentRefused } from "../../src/domain/systemd/EnvironmentLine.ts"
import { FeatureMissing } from "../../src/domain/systemd/SystemdVersion.ts"
import { Unwritable } from "../../src/domain/systemd/UnitValue.ts"
import { ValueRefused } from "../../src/domain/text/ValueRefused.ts"
import { CapabilityRefused } from "../../src/domain/unit/Capabilities.ts"
import { DeviceRefused } from "../../src/domain/unit/ServiceDevices.ts"
import { SecretRefused } from "../../src/domain/unit/ServiceSecrets.ts"
import { NoSuchReference } from "../../src/library/Layouts.ts"
import { LayoutUnwritable } from "../../src/library/LayoutWriter.ts"
import { MachineUnfit } from "../../src/program/Doctor.ts"
import { CheckFailed } from "../../src/program/DryRun.ts"
import { EnablingFailed, NotStartable } from "../../src/program/Enable.ts"
import {
  ExtractFailed,
  LayerNotStrict,
  LayerUnmergeable,
  ListingUnreadable
} from "../../src/program/ExtractFailed.ts"
import { GarbageRefused, RootNeeded } from "../../src/program/garbage/Garbage.ts"
import { ImagesUnread } from "../../src/program/ImagesUnread.ts"
import { NothingToInstall } from "../../src/program/Install.ts"
import { NotIntact } from "../../src/program/NotIntact.ts"
import { LayoutKept, OthersInLayout } from "../../src/program/Remove.ts"
import { ConfigInvalid, NameInvalid } from "../../src/program/Render.ts"
import { RootNotCompared } from "../../src/program/RootDiff.ts"
import { LayoutUnread, NoSuchImage, NotAnImage, SeveralImages } from "../../src/program/Selection.ts"
import { NotInstalled } from "../../src/program/Uninstall.ts"
import { SessionClosed } from "../../src/Session.ts"
import { ExtractsError } from "../../src/services/extracts/ExtractsError.ts"
import { FactsNotWritten } from "../../src/services/extracts/FactsFile.ts"
import { FileRefused } from "../../src/services/files/BoundedFile.ts"
import { DirectoryUnfit } from "../../src/services/files/GivenDirectory.ts"
import { NativeCallsUnavailable } from "../../src/services/files/NativeCalls.ts"
import { TemporaryDirectoryError } from "../../src/services/files/TemporaryDirectory.ts"
import { ProgramFailed } from "../../src/services/host/HostProgram.ts"
import { InstallFailed } from "../../src/services/install/InstallRoot.ts"
import { CompressionInvalid } from "../../src/services/layer/CompressionInvalid.ts"
import { MemberDataInvalid } from "../../src/services/layer/LayerArchiveWriter.ts"
import * as LayerError from "../../src/services/layer/LayerError.ts"
import { LayerTypeUnknown } from "../../src/services/layer/LayerReader.ts"
import { TarInvalid } from "../../src/services/layer/TarReader.ts"
import { ZstdDecoderUnavailable } from "../../src/services/layer/ZstdDecoder.ts"
import { DocumentRefused } from "../../src/services/layout/Blobs.ts"
import { ImageRefused } from "../../src/services/layout/ImageResolution.ts"
import { ImageUnsigned, KeyRefused } from "../../src/services/layout/SignatureCheck.ts"
import { NotRemembered } from "../../src/services/memory/Memory.ts"
import { DeviceUnfit } from "../../src/services/root/DeviceNodes.ts"
import { PlaceUnfit } from "../../src/services/root/GivenMount.ts"
import { ImageNotMounted } from "../../src/services/root/MountedRoots.ts"
import { KernelTooOld } from "../../src/services/root/MountProgram.ts"
import { RootNotMounted } from "../../src/services/root/RootStarter.ts"
import { RootWriteError } from "../../src/services/root/RootWriter.ts"
import { IdUnknown } from "../../src/services/root/UserDatabase.ts"
import { VolumeFailed } from "../../src/services/root/VolumeDirectories.ts"
import { ReloadFailed } from "../../src/services/unit/ServiceManager.ts"
import { UnitNotWritten } from "../../src/services/unit/UnitDirectory.ts"

const LAYOUT = "/var/lib/oci/layouts/myorg.com/myapp"
const EXTRACTS = "/var/lib/oci/extracts"
const PLACE = "/etc/oci-generator.conf:3"
const KEY = "/etc/oci/release.pem"
const IMAGE = "myorg.com/myapp:stable"
const OTHER = "myorg.com/myapp:old"
const layer = `sha256:${"1a".repeat(32)}`
const actual = `sha256:${"2b".repeat(32)}`
const blob = `${LAYOUT}/blobs/sha256/${"1a".repeat(32)}`

/** An error as Node throws it. */
const system = (code: string, said: string, syscall: string, path: string): NodeJS.ErrnoException =>
  Object.assign(new Error(`${code}: ${said}, ${syscall} '${path}'`), { code, syscall, path })

const full = system("ENOSPC", "no space left on device", "write", `${EXTRACTS}/tmp/x`)
const archive = new TarInvalid({
  offset: 1024,
  entry: "etc/passwd",
  cause: new TarStructureInvalid({ problem: "is cut off at offset 2048" })
})
const merge = (problem: ConstructorParameters<typeof LayerMergeError>[0]["problem"]) =>
  new LayerMergeError({ layer: 2, path: "etc/passwd", problem, target: "../shadow" })

export const EXAMPLES: ReadonlyArray<Error & { readonly _tag: string }> = [
  new CheckFailed({
    found: ["2 files or links in /run/systemd/generator would change", "1 image cannot run"],
    hint: "systemctl daemon-reload applies the changes; oci-systemd dry-run --diff shows them"
  }),
  new CommandError({ reason: "the image has neither an entrypoint nor a command", isBase: true }),
  new CompressionInvalid({ compression: "gzip", problem: "is damaged or cut off" }),
  new CompressionInvalid({ compression: "none", problem: "is xz, which cannot be read" }),
  new ConfigInvalid({ reason: 'config.Env: Expected an array, actual "PATH"' }),
  new LayerError.DiffIdMismatch({ layer, expected: layer, actual }),
  new DirectoryRefused({ key: "extractsdir", directory: "var/lib", reason: "an absolute path is expected" }),
  new DirectoryUnfit({ directory: "/srv/root", reason: 'it is not empty: "bin" is in it' }),
  new DocumentRefused({
    what: "manifest",
    path: blob,
    reason: "has 556 bytes, but its descriptor says 555"
  }),
  new DocumentRefused({ what: "image configuration", path: blob, reason: "is missing", code: "ENOENT" }),
  new EnablingFailed({
    image: IMAGE,
    reason: "is enabled by /etc/oci-generator.conf:4, which oci-systemd enable did not write",
    hint: "change that line, and run systemctl daemon-reload"
  }),
  new EnvironmentRefused({ name: "PATH", reason: "holds a NUL byte" }),
  new EnvironmentRefused({ name: 3, reason: "has no “=”" }),
  new EnvironmentRefused({ name: undefined, reason: "is longer than 2097152 bytes" }),
  new ErofsUnfit({
    path: "usr/bin/app",
    problem: "it has 300 extended attributes, more than 255"
  }),
  new ExtractFailed({
    image: IMAGE,
    cause: new LayerError.LayerDigestMismatch({ layer, actual })
  }),
  new ExtractFailed({
    image: IMAGE,
    cause: new ExtractsError({
      operation: "flush the root",
      path: `${EXTRACTS}/tmp/x`,
      code: "ENOSPC",
      cause: full
    })
  }),
  new ExtractsError({
    operation: "make the extracts directory",
    path: EXTRACTS,
    code: "EROFS",
    cause: system("EROFS", "read-only file system", "mkdir", EXTRACTS)
  }),
  new FactsNotWritten({ path: `${EXTRACTS}/facts/x.json`, cause: full }),
  new CapabilityRefused({ name: "all", reason: "the others cannot give all" }),
  new ImageUnsigned({ place: PLACE, keys: [KEY], digests: [layer as Digest], problems: [] }),
  new ImageUnsigned({
    place: PLACE,
    keys: [KEY, "/etc/oci/old.pem"],
    digests: [layer as Digest],
    problems: [
      `${layer.replace(":", "-")}.sig is by another key`,
      `${actual} is by a certificate (keyless), which is not checked`
    ]
  }),
  new KeyRefused({ place: PLACE, path: KEY, reason: "is missing", code: "ENOENT" }),
  new KeyRefused({ place: PLACE, path: KEY, reason: "holds 2 keys: put each into a file of its own" }),
  new SignatureMalformed({ reason: "the payload is missing or is not base64" }),
  new SignatureUnfit({ reason: "is by another key" }),
  new DeviceRefused({ device: "/dev/ttyUSB0:/dev/modem:rw" }),
  new DeviceUnfit({ path: "/dev/kvm", reason: "is missing on this host" }),
  new FeatureMissing({ setting: "pids = private", feature: "PrivatePIDs", systemdVersion: 252 }),
  new FileRefused({ path: "/etc/oci-generator.conf", reason: "is a directory, not a file" }),
  new GarbageRefused({
    reason: "there are no images below /var/lib/oci/layouts, but there are extracts of some",
    hint: "--allow-empty proceeds, if no disk is missing"
  }),
  new HealthCheckRefused({ reason: '"SHELL" is not NONE, CMD or CMD-SHELL' }),
  new IdUnknown({ kind: "user", id: 1000 }),
  new ImageNotMounted({
    path: `${EXTRACTS}/roots/sha256/1a/x`,
    reason: "the kernel mounts no EROFS image from a file of this file system: ENOTBLK"
  }),
  new ImageRefused({
    reason: "the index has no image for linux/amd64, only for linux/arm64, linux/s390x",
    platforms: [{ os: "linux", architecture: "arm64" }]
  }),
  new ImageRefused({ reason: "the index lists no manifests" }),
  new ImagesUnread({ images: [IMAGE, OTHER] }),
  new InstallFailed({
    path: "/usr/local/bin/oci-systemd",
    cause: system("EROFS", "read-only file system", "open", "/usr/local/bin/oci-systemd")
  }),
  new JsonError({ reason: 'the key "layers" appears twice in one object' }),
  new KernelTooOld({ release: "5.4.0-150-generic" }),
  new LayerError.LayerArchiveInvalid({ layer, cause: archive }),
  new LayerError.LayerCompressionInvalid({
    layer,
    cause: new CompressionInvalid({ compression: "zstd", problem: "is cut off at offset 4096" })
  }),
  new LayerError.LayerDecoderMissing({ layer, cause: new ZstdDecoderUnavailable({ decoder: undefined }) }),
  new LayerError.LayerDigestMismatch({ layer, actual }),
  ...(["entries", "bytes", "ratio", "metadata"] as const).map(
    (limit) => new LayerError.LayerLimitExceeded({ layer, limit, allowed: 1000 })
  ),
  ...(
    [
      "name",
      "root",
      "symlink-target",
      "nodes",
      "lookups",
      "link-missing",
      "link-directory",
      "link-itself"
    ] as const
  ).map((problem) => merge(problem)),
  new LayerNotStrict({ notice: `layer ${layer}: 2 entries are replaced by a later one, first "etc/passwd"` }),
  new LayerPathError({ name: "a/.wh.", problem: "nul", length: 6 }),
  new LayerError.LayerSizeMismatch({ layer, expected: 373, actual: 374 }),
  new LayerTypeUnknown({ mediaType: "text/plain", problem: 'of type "text/plain", which is unknown' }),
  new LayerUnmergeable({ layer, cause: merge("link-directory") }),
  new LayerError.LayerUnreadable({ layer, path: blob, reason: "is missing" }),
  new LayerError.LayerUnreadable({ layer, path: blob, reason: "is a fifo, not a file" }),
  new LayerError.LayerUnwritable({ layer, entry: "usr/bin/app", code: "ENOSPC", cause: full }),
  new LayerError.LayerUnwritable({ layer, entry: null, code: "EDQUOT", cause: full }),
  new LayoutKept({
    path: LAYOUT,
    cause: system("EBUSY", "resource busy or locked", "rmdir", LAYOUT)
  }),
  new LayoutUnread({ path: LAYOUT, cause: undefined }),
  new LayoutUnwritable({ path: LAYOUT, reason: "gets an image without a reference" }),
  new ListingUnreadable({ cause: system("EIO", "the listing is cut off", "read", "listing") }),
  new MachineUnfit({ checks: ["systemd", "overlayfs"] }),
  new MemberDataInvalid({ path: "etc/passwd", expected: 10, actual: 8 }),
  new NameInvalid({ name: { layout: "a/../b", ref: "v1" } as unknown as ImageName }),
  new NativeCallsUnavailable({ platform: "linux-x64", cause: new Error("no koffi") }),
  new NativeCallsUnavailable({ platform: "darwin-arm64", cause: new Error("no koffi") }),
  new NoSuchImage({ wanted: "myorg.com/mypap:stable", known: [IMAGE, OTHER] }),
  new NoSuchImage({ wanted: "nothing", known: [] }),
  new NotAnImage({
    name: `myorg.com/myapp:sha256-${"1a".repeat(32)}.sig`,
    artifact: {
      kind: "cosign signature",
      type: "application/vnd.dev.cosign.simplesigning.v1+json",
      subject: layer as Digest
    }
  }),
  new NoSuchReference({ directory: LAYOUT, wanted: "new", known: ["stable", "old"] }),
  new NoSuchReference({ directory: LAYOUT, wanted: undefined, known: ["stable", "old"] }),
  new NotInstalled({ path: "/usr/local/share/oci-systemd/manifest.json" }),
  new NotIntact({ images: [IMAGE], of: 2 }),
  new NotRemembered({ reason: "/run/oci has no space for 4096 more bytes" }),
  new NotStartable({ problem: `${IMAGE}: the image has neither an entrypoint nor a command` }),
  new NothingToInstall({ place: "/usr/local/lib/oci-systemd" }),
  new OthersInLayout({ image: IMAGE, layout: "myorg.com/myapp", others: [OTHER] }),
  new PaxRecordsInvalid({ key: "size", value: "-1", problem: "is not a number from 0 to 2⁵³" }),
  new PlaceUnfit({ operation: "mount", directory: "/mnt", reason: "is not empty" }),
  new PlaceUnfit({ operation: "unmount", directory: "/mnt", reason: "has nothing mounted there" }),
  new ProgramFailed({ command: "systemctl start -- a.service", said: "Unit a.service not found." }),
  new ReloadFailed({ exitCode: 1 }),
  new RootNeeded({ hint: "run it as root; --dry-run works without" }),
  new RootNotCompared({
    image: IMAGE,
    reason: "the image is not extracted",
    hint: `oci-systemd extract ${IMAGE} extracts it`
  }),
  new RootNotMounted({ program: "/usr/lib/oci-systemd/oci-prepare", exitCode: 32 }),
  ...(["MakeDirectory", "MakeFile", "MakeNode", "MakeSymlink", "MakeLink", "SetDirectory"] as const).map(
    (step) => new RootWriteError({ step, path: "usr/bin/app", code: "ENOSPC", syscall: "write", cause: full })
  ),
  new SessionClosed({}),
  new SecretRefused({ source: "key", path: "/data", reason: "is a volume" }),
  new SecretRefused({
    source: "/srv/data/key",
    path: undefined,
    reason: "lies in the volume /data, where processes of the image could put a link in its place"
  }),
  new SecretRefused({ source: "key", path: "/etc", reason: "is a directory of the image" }),
  new SettingRefused({
    file: "/etc/oci-generator.conf",
    line: 4,
    reason: 'volumes = "kept": yes or no is expected'
  }),
  new SeveralImages({ wanted: "myorg.com/myapp", found: [IMAGE, OTHER] }),
  new SparseMapInvalid({ value: "run at 512", problem: "ends at 1024, after the file's end at 1000" }),
  new TarHeaderInvalid({ offset: 636, field: "size", value: "x", problem: "is not a number" }),
  archive,
  new TarInvalid({
    offset: 512,
    entry: null,
    cause: new TarHeaderInvalid({ offset: 636, field: "size", value: "x", problem: "is not a number" })
  }),
  new TarMemberInvalid({ field: "link target", value: "", problem: "is empty" }),
  new TarStructureInvalid({ problem: "has no header" }),
  new TemporaryDirectoryError({ parent: "/var/tmp", code: "ENOSPC", cause: full }),
  new UnitNotWritten({
    path: "/run/systemd/generator/a.service",
    cause: full
  }),
  new UnknownSignal({ signal: "SIGFOO" }),
  new Unwritable({ what: "the working directory", value: "a\nb", reason: "is not an absolute path" }),
  new UsageError({ reason: "unknown flag -x" }),
  new UserError({ user: "app", reason: "is not in the image's /etc/passwd" }),
  new ValueRefused({ reason: "yes or no is expected" }),
  new VolumeFailed({
    path: "/data",
    reason: "is kept at /var/lib/oci/volumes/a, which leads to /disk/a, which does not exist"
  }),
  new ZstdDecoderUnavailable({ decoder: "node" }),
  new ZstdFramesInvalid({ offset: 4096, problem: "is cut off" })
]
