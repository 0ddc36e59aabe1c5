/** Some popular programs, in every run: `popularImages.long.test.ts` has all of them. */
import * as PopularSuite from "./support/PopularSuite.ts"

PopularSuite.document()
PopularSuite.onSystemd(["httpd", "redis", "cron", "s6"])
