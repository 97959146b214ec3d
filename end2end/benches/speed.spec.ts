import { memoryOfTab, percentile, recordFrames } from "../bench.ts";
import { JobPage } from "../pages/job-page.ts";
import { expect, test } from "../server.ts";

// Benchmarks for `make bench`, which prints the results. A missed target is not a failure.

test("SC-001: time from a write by the job to the line in the document, over 300 lines", async ({ page, server, api }) => {
  const script =
    "import os, time\nfor i in range(300):\n  time.sleep(0.03)\n  os.write(1, b'at %d line %d\\n' % (time.time_ns() // 1000, i))\n";
  const id = await api.submit({ steps: [{ shell: "python3", run: `import time; time.sleep(2)\n${script}` }] });
  const job = new JobPage(page);
  await job.open(server, id);
  await job.expectConnection("live");
  await page.evaluate(() => {
    const delays: number[] = [];
    Object.assign(window, { delays });
    new MutationObserver((changes) => {
      const now = performance.timeOrigin + performance.now();
      for (const change of changes)
        for (const node of change.addedNodes) {
          const written = /at (\d{16}) line/.exec(node.textContent ?? "");
          if (written) delays.push(now - Number(written[1]) / 1000);
        }
    }).observe(document.querySelector('[role="log"]')!, { childList: true, subtree: true });
  });
  await job.expectEnded("succeeded");
  const delays = await page.evaluate(() => (window as unknown as { delays: number[] }).delays);
  expect(delays.length).toBeGreaterThanOrEqual(290);
  console.log(
    `SC-001: write to document, ${delays.length} lines: p50 ${percentile(delays, 0.5).toFixed(1)} ms, ` +
      `p95 ${percentile(delays, 0.95).toFixed(1)} ms (target: p95 under 150 ms)`,
  );
});

test("time from navigation to the last row, and memory of the tab, for 10,000 to 1,000,000 lines", async ({ browser, page, server, api }) => {
  test.slow();
  for (const lines of [10_000, 100_000, 1_000_000]) {
    const id = await api.submit({ run: `seq -f 'line %.0f' ${lines}` });
    await api.ended(id);
    const job = new JobPage(page);
    const [rows, memory]: [number[], number[]] = [[], []];
    for (let i = 0; i < 5; i += 1) {
      await page.goto("about:blank");
      await job.open(server, id);
      await page.waitForFunction((last) => document.querySelector(`[data-testid="live-row"][data-line="${last}"]`), lines, { polling: "raf" });
      rows.push(await page.evaluate(() => performance.now()));
      memory.push(await memoryOfTab(browser, page));
    }
    console.log(
      `the tab, ${lines} lines: the last is on screen after ${percentile(rows, 0.5).toFixed(0)} ms` +
        `, memory ${(percentile(memory, 0.5) / 1024).toFixed(0)} MiB, medians of 5 (target for 1,000,000: 1000 ms)`,
    );
  }
});

test("scrolling 1,000,000 lines with the wheel: frame times, and the share of frames that show lines", async ({ page, server, api }) => {
  const id = await api.submit({ run: "seq -f 'line %.0f' 1000000" });
  await api.ended(id);
  const job = new JobPage(page);
  await job.open(server, id);
  await expect(job.line(1_000_000)).toBeInViewport();
  await job.panel.hover();
  // After each wheel event, the browser scrolls smoothly for a tenth of a second.
  const frames = await recordFrames(page, async () => {
    for (let i = 0; i < 50; i += 1) await page.mouse.wheel(0, -600);
  });
  const middle = Number(await job.lines.first().getAttribute("data-line"));
  expect(middle, "the list scrolls up").toBeLessThan(999_000);
  const times = frames.map(({ millis }) => millis);
  const shown = frames.filter((frame) => frame.shown).length / frames.length;
  console.log(
    `scrolled by ${1_000_000 - middle} of 1,000,000 lines: ${frames.length} frames, p50 ${percentile(times, 0.5).toFixed(0)} ms, ` +
      `p95 ${percentile(times, 0.95).toFixed(0)} ms, lines on ${(100 * shown).toFixed(0)} % of them`,
  );
});

test("time from navigation to hydration of a job's page", async ({ page, server, api }) => {
  const id = await api.submit({ run: "seq 1000" });
  await api.ended(id);
  const times: number[] = [];
  for (let i = 0; i < 5; i += 1) {
    await page.goto(`${server.url}/tasks/queue/${id}`);
    await page.waitForFunction(() => document.body.hasAttribute("data-hydrated"), undefined, { polling: "raf" });
    times.push(await page.evaluate(() => performance.now()));
  }
  console.log(`interactive after ${percentile(times, 0.5).toFixed(0)} ms in the median of 5 (target: 1000 ms)`);
});
