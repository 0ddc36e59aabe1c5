/**
 * The image's `ExposedPorts`: the ports on which it listens (image-spec config.md).
 *
 *     port = number [ "-" number ] [ "/" protocol ]      protocol = "tcp" | "udp" | "sctp", tcp without one
 */
export interface ExposedPort {
  readonly protocol: "tcp" | "udp" | "sctp"
  readonly first: number
  readonly last: number
}

/** Returns the ports in the order of their protocols and numbers, and the entries that are not ports. */
export const parse = (
  keys: readonly string[]
): { readonly ports: readonly ExposedPort[]; readonly odd: readonly string[] } => {
  const ports: ExposedPort[] = []
  const odd: string[] = []
  for (const key of new Set(keys)) {
    const [, firstText, lastText, protocol = "tcp"] = PORT.exec(key) ?? []
    const first = Number(firstText)
    const last = lastText === undefined ? first : Number(lastText)
    if (firstText === undefined || first < 1 || last < first || last > MAX_PORT) odd.push(key)
    else ports.push({ protocol: protocol as ExposedPort["protocol"], first, last })
  }
  return {
    ports: ports.sort(
      (a, b) =>
        (a.protocol < b.protocol ? -1 : a.protocol > b.protocol ? 1 : 0) ||
        a.first - b.first ||
        a.last - b.last
    ),
    odd: odd.sort()
  }
}

/** Prints a port or a range: `80/tcp`, `8000-8010/udp`. */
export const display = ({ protocol, first, last }: ExposedPort): string => `${range(first, last)}/${protocol}`

/** Whether a process needs a capability to listen on the port (ip(7)). */
export const isLow = ({ first }: ExposedPort): boolean => first < FIRST_FREE_PORT

/**
 * Returns the port as `SocketBindAllow=` expects it; `undefined` for SCTP, which it does not know
 * (systemd.resource-control(5)).
 */
export const rule = ({ protocol, first, last }: ExposedPort): string | undefined =>
  protocol === "sctp" ? undefined : `${protocol}:${range(first, last)}`

const range = (first: number, last: number): string => (first === last ? `${first}` : `${first}-${last}`)

const PORT = /^([0-9]{1,5})(?:-([0-9]{1,5}))?(?:\/(tcp|udp|sctp))?$/
const MAX_PORT = 65_535
/** The kernel's default of net.ipv4.ip_unprivileged_port_start. */
const FIRST_FREE_PORT = 1024
