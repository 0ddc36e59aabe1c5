/** Puts what the configuration says of an image in place of what the image itself says. */
import type { ResolvedImage } from "../image/ResolvedImage.ts"
import * as HealthSettings from "./HealthSettings.ts"
import type { ImageSettings } from "./ImageSettings.ts"

/** Returns the image with the settings' user and health check, as far as they are set; else the image itself. */
export const apply = (
  image: ResolvedImage,
  settings: HealthSettings.HealthSettings & Pick<ImageSettings, "user">
): ResolvedImage => {
  const own = image.config.config
  const Healthcheck = HealthSettings.over(own?.Healthcheck, settings)
  if (settings.user === undefined && Healthcheck === own?.Healthcheck) return image
  const config = {
    ...own,
    ...(settings.user === undefined ? {} : { User: settings.user }),
    ...(Healthcheck === undefined ? {} : { Healthcheck })
  }
  return { ...image, config: { ...image.config, config } }
}
