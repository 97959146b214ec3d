import { readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { JobPage } from "../pages/job-page.ts";
import { test } from "../server.ts";

// Benchmarks of the sizes of the files that the pages load, for `make bench-ui`. A missed target is not a failure.

test("weight of each page: the script and the modules that its first display loads, with brotli", async ({ browser, context, server, api }) => {
  const ids = [await api.submit({ run: "seq 1000" }), await api.submit({ run: "seq 1000" })];
  for (const id of ids) await api.ended(id);
  const { cookies } = await context.storageState();
  const paths = {
    "a job": `/tasks/queue/${ids[0]}`,
    "the queue": "/tasks/queue",
    "several jobs": `/tasks/queue/view?job=${ids[0]}&job=${ids[1]}`,
    "a new job": "/tasks/queue/new",
    "the workers": "/workers",
    "the login": "/login",
  };
  for (const [name, path] of Object.entries(paths)) {
    // Each page is loaded with an empty cache.
    const visitor = await browser.newContext({ storageState: { cookies, origins: [] } });
    const page = await visitor.newPage();
    await page.goto(`${server.url}${path}`);
    await new JobPage(page).hydrated();
    const sizes = await page.evaluate(() => {
      const entries = performance.getEntriesByType("resource") as PerformanceResourceTiming[];
      const code = entries.filter((entry) => /\.(js|wasm)$/.test(entry.name) && entry.encodedBodySize > 0);
      return Object.fromEntries(code.map((entry) => [new URL(entry.name).pathname, entry.encodedBodySize]));
    });
    const sum = Object.values(sizes).reduce((sum, size) => sum + size, 0);
    console.log(`${name}: ${(sum / 1000).toFixed(0)} kB in ${Object.keys(sizes).length} files (target: 250 kB)`);
    await visitor.close();
  }
  const pkg = resolve(import.meta.dirname, "../../target/site/pkg");
  const all = readdirSync(pkg).filter((name) => /\.(js|wasm)\.br$/.test(name));
  const sum = all.reduce((sum, name) => sum + statSync(join(pkg, name)).size, 0);
  console.log(`the scripts and modules of all pages: ${(sum / 1000).toFixed(0)} kB in ${all.length} files`);
});
