import { execFileSync } from "node:child_process";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { JobPage } from "../pages/job-page.ts";
import { expect, Server, test } from "../server.ts";

test("the release is smaller than 40 MB, and a stripped copy serves the pages without other files", async ({ page }) => {
  const folder = await mkdtemp(join(tmpdir(), "tailwater-release-"));
  const program = join(folder, "tailwater");
  execFileSync("strip", ["-o", program, process.env.TAILWATER_BIN!]);
  expect((await stat(process.env.TAILWATER_BIN!)).size).toBeLessThan(40_000_000);

  const files = new Map<string, { status: number; encoding?: string; cacheControl?: string }>();
  page.on("response", (reply) => {
    const { "content-encoding": encoding, "cache-control": cacheControl } = reply.headers();
    files.set(new URL(reply.url()).pathname, { status: reply.status(), encoding, cacheControl });
  });
  const server = await Server.start(program, folder);
  await page.goto(server.loginLink);
  await page.getByTestId("login-submit").click();
  await page.goto(`${server.url}/tasks/queue/new`);
  await new JobPage(page).hydrated();
  for (const kind of [/\.css$/, /\.js$/, /\.wasm$/]) {
    const [, file] = [...files].find(([path]) => kind.test(path))!;
    expect(file, String(kind)).toEqual({ status: 200, encoding: "br", cacheControl: "public, max-age=31536000, immutable" });
  }
  expect(await page.evaluate(() => document.fonts.ready.then((fonts) => [...fonts].some((font) => font.status === "loaded")))).toBe(true);
  await server.stop();
  await rm(folder, { recursive: true });
});
