import { defineConfig } from "@playwright/test";

import config from "./playwright.config.ts";

// The configuration of the browser benchmarks for `make bench`. Benchmarks are not tests, so `make e2e` does not run
// them. The benchmarks run one at a time, because concurrent benchmarks would affect each other's results.
export default defineConfig({ ...config, projects: undefined, testDir: "benches", fullyParallel: false, workers: 1 });
