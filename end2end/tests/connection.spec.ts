import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { JobPage } from "../pages/job-page.ts";
import { expect, test } from "../server.ts";

/** Returns a command that prints numbered lines until a file exists, and then a last line. */
const ticking = (stop: string) => `i=0; while [ ! -e ${stop} ]; do i=$((i+1)); echo tick $i; sleep 0.05; done; echo last`;

/** Checks that the lines are numbered consecutively and that none is repeated. */
async function expectUnbroken(job: JobPage) {
  const rows = await job.lines.evaluateAll((rows) => rows.map((row) => Number((row as HTMLElement).dataset.line)));
  expect(rows).toEqual(rows.map((_, i) => rows[0]! + i));
}

test("FR-009: the page reconnects after a restart of the server, and no line is missing or repeated", async ({ page, server, api }) => {
  const id = await api.submit({ run: ticking("/no/such/file") });
  const job = new JobPage(page);
  await job.open(server, id);
  await job.expectConnection("live");
  await expect(job.line(20)).toBeVisible();
  await server.down();
  await expect(job.connection).toHaveAttribute("data-state", /reconnecting|polling/);
  await server.up();
  await job.expectEnded("failed");
  await expect(job.lifecycleEvents.filter({ hasText: /interrupted/i }).first()).toBeVisible();
  const output = (await api.output(id)).toString();
  const count = output.split("\n").length - 1;
  await expect(job.line(count)).toContainText(`tick ${count}`);
  await expectUnbroken(job);
});

test("the page falls back to polling when the stream fails, and later returns to the stream", async ({ page, server, api }) => {
  const stop = join(server.data, "stop");
  const id = await api.submit({ run: ticking(stop) });
  await page.route("**/events/stream*", (route) => route.abort());
  const job = new JobPage(page);
  await job.open(server, id);
  await job.expectConnection("polling");
  await expect(job.line(40)).toBeVisible();
  await page.unroute("**/events/stream*");
  await job.expectConnection("live", 60_000);
  await writeFile(stop, "");
  await expect(job.lines.filter({ hasText: "last" })).toBeVisible();
  await job.expectEnded("succeeded");
  await expectUnbroken(job);
});

test("a hidden tab closes its stream and resumes when it is shown", async ({ page, server, api }) => {
  const stop = join(server.data, "stop");
  const id = await api.submit({ run: ticking(stop) });
  const job = new JobPage(page);
  await job.open(server, id);
  await job.expectConnection("live");
  const show = (state: "hidden" | "visible") =>
    page.evaluate((state) => {
      Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
      Object.defineProperty(document, "hidden", { value: state === "hidden", configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }, state);
  await show("hidden");
  await job.expectConnection("paused");
  const seen = Number(await job.lines.last().getAttribute("data-line"));
  await expect.poll(async () => (await api.job(id)).lastSeq).toBeGreaterThan(seen + 20);
  expect(Number(await job.lines.last().getAttribute("data-line"))).toBe(seen);
  await show("visible");
  await job.expectConnection("live");
  await writeFile(stop, "");
  await job.expectEnded("succeeded");
  await expect(job.lines.last()).toContainText("last");
  await expectUnbroken(job);
});
