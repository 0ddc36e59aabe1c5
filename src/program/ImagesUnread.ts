/** Images that the caller lacks permission to read, so that nothing can be said about them. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Privileges from "../services/files/Privileges.ts"

export class ImagesUnread extends Data.TaggedError("ImagesUnread")<{
  readonly images: ReadonlyArray<string>
  readonly cause?: unknown
}> {
  override get message(): string {
    return `the images ${this.images.join(", ")} cannot be read`
  }

  get hint(): string {
    return Privileges.HINT
  }
}

export interface Unread {
  readonly image: string
  /** The error of the system. */
  readonly cause?: unknown
}

/** Fails if there are any. */
export const requireNone = (unread: readonly Unread[]): Effect.Effect<void, ImagesUnread> => {
  const [first] = unread
  return first === undefined
    ? Effect.void
    : Effect.fail(
        new ImagesUnread({
          images: unread.map(({ image }) => image),
          ...(first.cause === undefined ? {} : { cause: first.cause })
        })
      )
}
