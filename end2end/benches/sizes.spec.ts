import { memoryOfTab, percentile, recordFrames, type Frame } from "../bench.ts";
import { JobPage } from "../pages/job-page.ts";
import { expect, test } from "../server.ts";

// Benchmarks of the page for logs of any size, for `make bench-ui`. A missed target is not a failure.

test("logs of 1,000 to 100,000,000 lines: time to the first row, memory, and frames while scrolling", async ({ browser, page, server, api }) => {
  test.setTimeout(20 * 60_000);
  // Output beyond this limit is not sent live. The page loads it by line number, like any other output that is not in
  // memory.
  server.env = { TAILWATER_LIVE_JOB_BYTES: String(64 << 20) };
  await server.down("SIGTERM");
  await server.up();
  const job = new JobPage(page);
  for (const lines of [1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000]) {
    const id = await api.submit({ run: `seq -f 'line %.0f' ${lines}` });
    await expect.poll(async () => (await api.job(id)).status, { timeout: 10 * 60_000 }).toBe("succeeded");
    const [rows, memory]: [number[], number[]] = [[], []];
    for (let i = 0; i < 3; i += 1) {
      await page.goto("about:blank");
      await job.open(server, id);
      await page.waitForFunction(() => document.querySelector('[data-testid="live-row"][data-line]'), undefined, { polling: "raf" });
      rows.push(await page.evaluate(() => performance.now()));
      memory.push(await memoryOfTab(browser, page));
    }
    await job.panel.hover();
    const frames = await recordFrames(page, async () => {
      for (let i = 0; i < 30; i += 1) await page.mouse.wheel(0, -600);
      await page.keyboard.press("Home");
      for (let i = 0; i < 30; i += 1) await page.mouse.wheel(0, 600);
    });
    console.log(
      `${lines} lines: first row after ${percentile(rows, 0.5).toFixed(0)} ms, ` +
        `memory ${(percentile(memory, 0.5) / 1024).toFixed(0)} MiB (medians of 3), ${framesText(frames)} while scrolling`,
    );
  }
});

test("one line of 50 MB: time to the first row, memory, and frames while scrolling", async ({ browser, page, server, api }) => {
  test.setTimeout(5 * 60_000);
  const id = await api.submit({ run: "head -c 50000000 /dev/zero | tr '\\0' x" });
  await api.ended(id);
  const job = new JobPage(page);
  await job.open(server, id);
  await page.waitForFunction(() => document.querySelector('[data-testid="live-row"][data-line]'), undefined, { polling: "raf" });
  const row = await page.evaluate(() => performance.now());
  await job.panel.hover();
  const frames = await recordFrames(page, async () => {
    for (let i = 0; i < 30; i += 1) await page.mouse.wheel(0, -600);
  });
  const memory = await memoryOfTab(browser, page);
  console.log(`one line of 50 MB: first row after ${row.toFixed(0)} ms, memory ${(memory / 1024).toFixed(0)} MiB, ${framesText(frames)} while scrolling`);
});

test("50,000 lines a second for a minute, live: frames, memory, and whether all lines arrived", async ({ browser, page, server, api }) => {
  test.setTimeout(5 * 60_000);
  const lines = 3_000_000;
  const script = `
import sys, time
begun = time.monotonic()
for tenth in range(600):
    sys.stdout.write("".join("%d line of the output\\n" % number for number in range(tenth * 5000 + 1, tenth * 5000 + 5001)))
    sys.stdout.flush()
    time.sleep(max(0, begun + (tenth + 1) / 10 - time.monotonic()))
`;
  const id = await api.submit({ steps: [{ shell: "python3", run: script }] });
  const job = new JobPage(page);
  await job.open(server, id);
  await job.expectConnection("live");
  const frames = await recordFrames(page, () => new Promise((resolve) => setTimeout(resolve, 55_000)));
  const memory = await memoryOfTab(browser, page);
  await job.expectEnded("succeeded");
  await expect(job.line(lines)).toContainText(`${lines} line of the output`);
  console.log(
    `50,000 lines/s for a minute: ${framesText(frames)} (target: p95 under 33 ms), memory ${(memory / 1024).toFixed(0)} MiB; ` +
      `all ${lines} lines arrived and are verified`,
  );
});

function framesText(frames: Frame[]): string {
  const times = frames.map(({ millis }) => millis);
  const slow = times.filter((millis) => millis > 50).length;
  return `${frames.length} frames, p95 ${percentile(times, 0.95).toFixed(0)} ms, ${slow} over 50 ms`;
}
