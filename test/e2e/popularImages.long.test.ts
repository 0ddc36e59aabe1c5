/** Popular programs as the makers of their images start them, on each system and under podman. */
import { IMAGES } from "./support/PopularImages.ts"
import * as PopularSuite from "./support/PopularSuite.ts"

PopularSuite.underPodman(Object.keys(IMAGES))
PopularSuite.onSystemd(Object.keys(IMAGES))
