import { JobPage } from "../pages/job-page.ts";
import { expect, test } from "../server.ts";

const percentile = (values: number[], part: number) =>
  values.sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))]!;

// Measurements, printed by the run: they assert that there is something to measure, and nothing on time.

test("SC-001: from the child's write to the line in the document, over 300 lines", async ({ page, server, api }) => {
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

test("a job's page is interactive: from navigation to hydration", async ({ page, server, api }) => {
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
