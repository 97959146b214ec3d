import { JobPage } from "../pages/job-page.ts";
import { expect, test } from "../server.ts";

test("1,000,000 lines open at their end, and scrolling to any position loads its lines", async ({ page, server, api }) => {
  test.slow();
  const id = await api.submit({ run: "seq -f 'line %.0f' 1000000" });
  await api.ended(id);
  const job = new JobPage(page);
  await job.open(server, id);
  await expect(job.line(1_000_000)).toBeInViewport();

  const scrollToMiddle = async () => {
    await job.panel.evaluate((panel) => (panel.scrollTop = panel.scrollHeight / 2));
    const first = async () => Number(await job.lines.first().getAttribute("data-line"));
    await expect.poll(async () => (await job.lines.count()) > 10 && (await first()) > 450_000 && (await first()) < 550_000).toBe(true);
    const rows = await job.lines.evaluateAll((rows) =>
      rows.map((row) => [Number((row as HTMLElement).dataset.line), row.querySelector(".live-text")!.textContent]),
    );
    expect(rows).toEqual(rows.map((_, i) => [Number(rows[0]![0]) + i, `line ${Number(rows[0]![0]) + i}`]));
    expect(rows.length).toBeLessThan(500);
  };
  await job.panel.focus();
  await page.keyboard.press("PageUp");
  await scrollToMiddle();

  await page.keyboard.press("Home");
  await expect(job.line(1)).toBeInViewport();
  await expect(job.line(1).locator(".live-text")).toHaveText("line 1");
  await scrollToMiddle();

  await job.follow.click();
  await expect(job.line(1_000_000)).toBeInViewport();
});

test("the wheel scrolls through 1,000,000 lines, and lines are shown where it stops", async ({ page, server, api }) => {
  const id = await api.submit({ run: "seq -f 'line %.0f' 1000000" });
  await api.ended(id);
  const job = new JobPage(page);
  await job.open(server, id);
  await expect(job.line(1_000_000)).toBeInViewport();
  await job.panel.hover();
  for (let i = 0; i < 50; i += 1) await page.mouse.wheel(0, -600);
  await expect(job.line(1_000_000)).toHaveCount(0);
  await expect(job.lines.first()).toBeAttached();
  const numbers = await job.lines.evaluateAll((rows) => rows.map((row) => Number((row as HTMLElement).dataset.line)));
  expect(numbers).toEqual(numbers.map((_, i) => numbers[0]! + i));
});

test("any way of scrolling away from the end pauses following, and shows the lines there", async ({ page, server, api }) => {
  test.setTimeout(120_000);
  const id = await api.submit({ run: "seq -f 'line %.0f' 1000000" });
  await api.ended(id);
  const job = new JobPage(page);
  await job.open(server, id);
  const first = async () => {
    const top = (await job.panel.boundingBox())!.y;
    const visible = await job.lines.evaluateAll(
      (rows, top) => rows.filter((row) => row.getBoundingClientRect().bottom > top).map((row) => Number((row as HTMLElement).dataset.line)),
      top,
    );
    return visible[0] ?? 0;
  };
  const ways: Record<string, [() => Promise<void>, number, number]> = {
    "Shift+Space": [() => page.keyboard.press("Shift+Space"), 999_800, 999_980],
    "scrollTop": [() => job.panel.evaluate((panel) => void (panel.scrollTop = panel.scrollHeight / 2)), 450_000, 550_000],
    "scrollBy": [() => job.panel.evaluate((panel) => panel.scrollBy(0, -3000)), 999_700, 999_900],
  };
  for (const [name, [scroll, from, to]] of Object.entries(ways)) {
    await expect(job.line(1_000_000), name).toBeInViewport();
    await expect(job.follow, name).toHaveAttribute("aria-pressed", "true");
    await job.panel.focus();
    await scroll();
    await expect(job.follow, name).toHaveAttribute("aria-pressed", "false");
    await expect.poll(first, name).toBeGreaterThan(from);
    expect(await first(), name).toBeLessThan(to);
    await job.follow.click();
  }
  // After scrolling up by three pages, the list still shows lines.
  await job.panel.focus();
  for (const _ of Array(3)) await page.keyboard.press("Shift+Space");
  await expect.poll(first).toBeGreaterThan(999_800);
});

test("a link to a line opens and highlights it, and a click on a line number links to that line", async ({ page, server, api }) => {
  const id = await api.submit({ run: "seq -f 'line %.0f' 20000" });
  await api.ended(id);
  const job = new JobPage(page);
  await page.goto(`${server.url}/tasks/queue/${id}#L4711`);
  await expect(job.line(4711)).toBeInViewport();
  await expect(job.line(4711)).toHaveAttribute("data-marked", "true");
  await expect(job.follow).toHaveAttribute("aria-pressed", "false");
  await job.line(4712).locator(".live-number").click();
  await expect(page).toHaveURL(/#L4712$/);
  await expect(job.line(4712)).toHaveAttribute("data-marked", "true");
  await expect(job.line(4711)).toHaveAttribute("data-marked", "false");
  await page.evaluate(() => (location.hash = "#L19999"));
  await expect(job.line(19_999)).toBeInViewport();
});

test("the button in a gap loads the lines that were not shown live", async ({ page, server, api }) => {
  test.slow();
  await server.down("SIGTERM");
  server.env = { TAILWATER_LIVE_JOB_BYTES: "1048576" };
  await server.up();
  const id = await api.submit({ run: "seq -f 'line %.0f of an output that is more than is sent of one job, by far' 900000" });
  await api.ended(id);
  const { payload } = await api.event(id, "gap");
  const job = new JobPage(page);
  // Open the page at the first line after the gap, so that the gap just above this line is visible.
  await page.goto(`${server.url}/tasks/queue/${id}#L${payload.fromLine + payload.lines}`);
  const gap = page.locator('[data-kind="gap"]');
  await expect(gap).toBeInViewport();
  await expect(gap).toContainText(/lines \(.*not shown live/);
  await gap.getByTestId("load-gap").click();
  const marked = page.locator('[data-testid="live-row"][data-marked="true"]');
  await expect(marked).toBeInViewport();
  const number = Number(await marked.getAttribute("data-line"));
  expect(number).toBe(payload.fromLine);
  await expect(marked.locator(".live-text")).toHaveText(`line ${number} of an output that is more than is sent of one job, by far`);
});

test("after two restarts of the server under load, no line is missing or repeated", async ({ page, server, api }) => {
  test.slow();
  const id = await api.submit({ run: "while :; do seq 100; sleep 0.05; done" }, { maxAttempts: 2 });
  const job = new JobPage(page);
  await job.open(server, id);
  for (const attempt of [1, 2]) {
    const lines = page.locator(`[data-testid="live-row"][data-attempt="${attempt}"]`);
    await expect.poll(async () => Number((await lines.last().getAttribute("data-line")) ?? 0), { timeout: 60_000 }).toBeGreaterThan(1000);
    await server.down();
    await server.up();
  }
  await job.expectEnded("dead_letter");
  await expect(job.lifecycleEvents.filter({ hasText: /interrupted/i }).first()).toBeVisible();
  const count = (await api.output(id, 2)).toString().split("\n").length - 1;
  const shown = await job.lines.evaluateAll((rows) =>
    rows.map((row) => [Number((row as HTMLElement).dataset.attempt), Number((row as HTMLElement).dataset.line)]),
  );
  expect(shown.at(-1)).toEqual([2, count]);
  expect(shown).toEqual(shown.map((_, i) => [2, count - shown.length + 1 + i]));
});
