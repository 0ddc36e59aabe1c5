/** Puts what the configuration says of an image in place of what the image itself says. */
import type { ImageConfig } from "../image/ImageConfig.ts"
import type { ResolvedImage } from "../image/ResolvedImage.ts"
import * as CommandSettings from "./CommandSettings.ts"
import * as HealthSettings from "./HealthSettings.ts"
import type { ImageSettings } from "./ImageSettings.ts"

/** Returns the image with the settings' command, user, variables and health check, as far as they are set; else the image itself. */
export const apply = (
  image: ResolvedImage,
  settings: CommandSettings.CommandSettings &
    HealthSettings.HealthSettings &
    Pick<ImageSettings, "env" | "secret" | "user">
): ResolvedImage => {
  const own = image.config.config
  const Healthcheck = HealthSettings.over(own?.Healthcheck, settings)
  const { user } = settings
  const env = variables(settings)
  const said = {
    ...CommandSettings.over(settings),
    ...(user === undefined ? {} : { User: user }),
    ...(env.length === 0 ? {} : { Env: environment(own?.Env ?? [], env) }),
    ...(Healthcheck === undefined || Healthcheck === own?.Healthcheck ? {} : { Healthcheck })
  }
  if (Object.keys(said).length === 0) return image
  const config = { ...own, ...said }
  return { ...image, config: { ...image.config, config } }
}

/** The variables of the settings: those of `env`, and those that hold the path of a secret, which replace them. */
const variables = ({ env, secret }: Pick<ImageSettings, "env" | "secret">): ImageSettings["env"] => {
  const paths = secret.flatMap((each) =>
    each.kind === "file" && each.variable !== undefined ? [{ name: each.variable, value: each.path }] : []
  )
  return [...env.filter(({ name }) => !paths.some((path) => path.name === name)), ...paths]
}

/** The image's variables without those of the settings, and then those. */
const environment = (own: readonly string[], env: ImageSettings["env"]): readonly string[] => {
  const names = new Set(env.map(({ name }) => name))
  return [
    ...own.filter((entry) => !names.has(entry.split("=", 1)[0] ?? "")),
    ...env.map(({ name, value }) => `${name}=${value}`)
  ]
}

/**
 * Returns the name under which the facts of an image's root are kept: its user, and the settings that change what else the root is
 * asked for. Two references to one image can then be run in two ways, and neither takes the other's facts away.
 */
export const question = (
  settings: CommandSettings.CommandSettings & Pick<ImageSettings, "env" | "healthcmd" | "user">,
  { config }: Pick<ImageConfig, "config">
): string => {
  const user = settings.user ?? config?.User ?? ""
  const path = settings.env.find(({ name }) => name === "PATH")?.value
  const asked = [path, settings.healthcmd, settings.entrypoint, settings.command]
  return asked.every((each) => each === undefined) ? user : JSON.stringify([user, ...asked])
}
