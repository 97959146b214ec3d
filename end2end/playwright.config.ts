import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { defineConfig } from "@playwright/test";

// Returns the path of an installed browser, so that Playwright does not have to download one.
function chromium(): string {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  for (const name of ["chromium", "chromium-browser", "google-chrome"]) {
    try {
      return execFileSync("which", [name], { encoding: "utf8" }).trim();
    } catch {
      // There is no browser with this name. Try the next one.
    }
  }
  throw new Error("no browser: set CHROMIUM, or run `make e2e`, which installs one");
}

// Each test starts its own server from this binary, which `make e2e` builds.
process.env.TAILWATER_BIN ??= resolve(import.meta.dirname, "../target/release/tailwater");
if (!existsSync(process.env.TAILWATER_BIN)) throw new Error(`no server at ${process.env.TAILWATER_BIN}: run \`make build\``);

export default defineConfig({
  testDir: "tests",
  outputDir: "test-results",
  fullyParallel: true,
  forbidOnly: !!process.env.CI,
  // Retries are disabled, because a test that passes only on the second attempt hides a race condition.
  retries: 0,
  // These limits only end tests that hang. They are high, because the machine may be busy.
  timeout: 90_000,
  expect: { timeout: 20_000 },
  // The number of concurrent tests is low, because the servers, workers and browsers of all tests share one machine.
  workers: 2,
  // The tests of outages need the whole machine, so they run last.
  projects: [
    { name: "tests", testIgnore: "outages.spec.ts" },
    { name: "outages", testMatch: "outages.spec.ts", dependencies: ["tests"] },
  ],
  reporter: [["list"], ["./summary.ts"]],
  use: {
    browserName: "chromium",
    trace: "retain-on-failure",
    launchOptions: {
      executablePath: chromium(),
      // The sandbox is disabled because CI runs as root, and background network access because CI has no network. Each
      // launch uses a new profile.
      args: [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        // Tests of several sites need several host names.
        "--host-resolver-rules=MAP *.test 127.0.0.1",
      ],
    },
  },
});
