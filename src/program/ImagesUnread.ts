/** Images of which who asks may read too little to say anything, and root may. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Privileges from "../services/files/Privileges.ts"

export class ImagesUnread extends Schema.TaggedError<ImagesUnread>()("ImagesUnread", {
  images: Schema.Array(Schema.String),
  cause: Schema.optional(Schema.Defect)
}) {
  override get message(): string {
    return `nothing can be said of ${this.images.join(", ")}`
  }

  get hint(): string {
    return Privileges.HINT
  }
}

export interface Unread {
  readonly image: string
  /** The system's refusal. */
  readonly cause?: unknown
}

/** Fails where there are any. */
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
