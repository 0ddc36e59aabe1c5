/** Lines in which a program complains, without what differs from run to run: to compare its journal with its log elsewhere. */
const WORDS =
  /\b(?:errors?|fail(?:s|ed|ure)?|fatal|crit(?:ical)?|emerg|alert|panic|denied|not permitted|refused|cannot|can't|could not|unable|no such)\b/i

const COLOUR = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, "g")
const CALENDAR = /\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\b/g

/** Returns each such line once, with `#` for numbers and dates, and with HOST for the names of the host. */
export const complaints = (text: string, hosts: readonly string[]): readonly string[] => {
  const named = new RegExp(`\\b(?:${hosts.join("|")})\\b`, "g")
  return [
    ...new Set(
      text
        .split("\n")
        .filter((line) => WORDS.test(line))
        .map((line) =>
          line
            .replace(COLOUR, "")
            .replace(named, "HOST")
            .replace(CALENDAR, "#")
            .replace(/\b[0-9a-f]{8,}\b/g, "#")
            .replace(/\d+(?:\.\d+)*(?:e[-+]?\d+)?/g, "#")
            .trim()
        )
    )
  ].sort()
}
