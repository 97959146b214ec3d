import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { defineConfig } from "@playwright/test";

// The browser is the machine's: Playwright's own would have to be downloaded.
function chromium(): string {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  for (const name of ["chromium", "chromium-browser", "google-chrome"]) {
    try {
      return execFileSync("which", [name], { encoding: "utf8" }).trim();
    } catch {
      // Not under this name.
    }
  }
  throw new Error("no browser: set CHROMIUM, or run `make e2e`, which installs one");
}

// Each spec starts a server of its own from this binary; `make e2e` builds it.
process.env.TAILWATER_BIN ??= resolve(import.meta.dirname, "../target/release/tailwater");
if (!existsSync(process.env.TAILWATER_BIN)) throw new Error(`no server at ${process.env.TAILWATER_BIN}: run \`make build\``);

export default defineConfig({
  testDir: "tests",
  outputDir: "test-results",
  fullyParallel: true,
  forbidOnly: !!process.env.CI,
  // A test that passes at the second try hides a race.
  retries: 0,
  // Servers, workers and browsers share the machine with each other.
  workers: 2,
  reporter: [["list"], ["./summary.ts"]],
  use: {
    browserName: "chromium",
    trace: "retain-on-failure",
    launchOptions: {
      executablePath: chromium(),
      // No sandbox, for root in CI; nothing that looks for a network, which is closed there. The profile is a new one per launch.
      args: [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
});
