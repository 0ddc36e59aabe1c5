/** The reason why a tree cannot be an EROFS image, although it may be a directory. */
import { TaggedError } from "../text/TaggedError.ts"

/** Says why. `path` is a path in the image, printed for people. */
export class ErofsUnfit extends TaggedError("ErofsUnfit")<{
  readonly path: string
  readonly problem: string
}> {
  override get message(): string {
    return `/${this.path} cannot be in an EROFS image: ${this.problem}`
  }
}
