import { defineConfig } from "@playwright/test";

import config from "./playwright.config.ts";

// What the browser is measured by, for `make bench`: nothing here is a test, so nothing of it runs in `make e2e`. One at a time,
// since they would measure each other.
export default defineConfig(config, { testDir: "benches", fullyParallel: false, workers: 1 });
