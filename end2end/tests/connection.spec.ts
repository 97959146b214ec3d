import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { JobPage } from "../pages/job-page.ts";
import { expect, test } from "../server.ts";

/** Returns a command that prints numbered lines until a file exists, and then a last line. */
const ticking = (stop: string) => `i=0; while [ ! -e ${stop} ]; do i=$((i+1)); echo tick $i; sleep 0.05; done; echo last`;

/** Checks that the lines are numbered consecutively and that none is repeated. */
async function expectUnbroken(job: JobPage) {
  const rows = await job.lines.evaluateAll((rows) => rows.map((row) => Number((row as HTMLElement).dataset.line)));
  expect(rows).toEqual(rows.map((_, i) => rows[0]! + i));
}

test("FR-009: the page reconnects after the server restarts, and no line is missing or repeated", async ({ page, server, api }) => {
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
  // Disable shared workers, because their requests cannot be intercepted.
  await page.addInitScript(() => Reflect.deleteProperty(window, "SharedWorker"));
  await page.route("**/events/stream*", (route) => route.abort());
  const job = new JobPage(page);
  await job.open(server, id);
  await job.expectConnection("polling");
  await expect(job.connection).toHaveText("Polling every second: the stream was refused");
  await expect(job.connection).toHaveAttribute("title", /too many streams are open/);
  await expect(job.line(40)).toBeVisible();
  await page.unroute("**/events/stream*");
  await job.expectConnection("live", 60_000);
  await writeFile(stop, "");
  await expect(job.lines.filter({ hasText: "last" })).toBeVisible();
  await job.expectEnded("succeeded");
  await expectUnbroken(job);
});

test("the page says that a stream does not open", async ({ page, server, api }) => {
  const id = await api.submit({ run: ticking("/no/such/file") });
  await page.addInitScript(() => Reflect.deleteProperty(window, "SharedWorker"));
  // The request is never answered, as if a proxy were waiting for the whole response.
  await page.route("**/events/stream*", () => undefined);
  const job = new JobPage(page);
  await job.open(server, id);
  await job.expectConnection("polling");
  await expect(job.connection).toHaveText("Polling every second: the stream does not open");
});

test("while the server does not respond, the time until the next attempt is counted down, and a button retries at once", async ({ page, server, api }) => {
  const id = await api.submit({ run: ticking("/no/such/file") });
  const job = new JobPage(page);
  await job.open(server, id);
  await job.expectConnection("live");
  await page.evaluate(() => {
    const seen: [string, string][] = [["", ""]];
    Reflect.set(window, "seen", seen);
    const connection = document.querySelector("[data-testid=connection-state]")!;
    const announcer = document.querySelector(".live > .visually-hidden[role=status]")!;
    const note = () => {
      const now: [string, string] = [connection.textContent!, announcer.textContent!];
      if (now[0] !== seen.at(-1)![0] || now[1] !== seen.at(-1)![1]) seen.push(now);
    };
    new MutationObserver(note).observe(document.querySelector(".live")!, { subtree: true, childList: true, characterData: true });
  });
  await server.down();
  // The pauses between the attempts to connect grow. Eventually, a pause is long enough to count down from 3.
  const seen = () => page.evaluate(() => Reflect.get(window, "seen") as [string, string][]);
  const countdowns = async () => (await seen()).map(([text]) => Number(/retrying in (\d+) s/.exec(text)?.[1] ?? 0));
  await expect.poll(async () => /3,.*2,.*1/.test(String(await countdowns())), { timeout: 60_000 }).toBe(true);
  const all = await countdowns();
  const steps = all.slice(1).map((seconds, i) => [all[i]!, seconds] as const).filter(([from, to]) => 0 < to && to < from);
  expect(steps.length, String(all)).toBeGreaterThan(1);
  expect(steps.every(([from, to]) => from - to === 1), String(all)).toBe(true);
  const announced = (await seen()).map(([, text]) => text);
  expect(announced.filter((text, i) => text !== announced[i - 1] && text.includes("lost")), "the countdown is not announced").toEqual(["Connection lost"]);

  await expect(job.connection).toHaveText(/retrying in ([7-9]|1\d) s/, { timeout: 60_000 });
  await server.up();
  await job.retryNow.click();
  await expect(job.connection).toHaveAttribute("data-state", /live|ended/);
  const left = (await countdowns()).filter((seconds) => seconds > 0).at(-1)!;
  expect(left, "the page does not wait for the end of the pause").toBeGreaterThan(1);
  await expect(job.retryNow).toHaveCount(0);
});

/** Makes the page behave as if its tab had been hidden or shown. */
async function show(page: Page, state: "hidden" | "visible") {
  await page.evaluate((state) => {
    Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
    Object.defineProperty(document, "hidden", { value: state === "hidden", configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, state);
}

test("a hidden tab receives no output and resumes when it is shown", async ({ page, server, api }) => {
  const stop = join(server.data, "stop");
  const id = await api.submit({ run: ticking(stop) });
  const job = new JobPage(page);
  await job.open(server, id);
  await job.expectConnection("live");
  await show(page, "hidden");
  await job.expectConnection("paused");
  const seen = Number(await job.lines.last().getAttribute("data-line"));
  await expect.poll(async () => (await api.job(id)).lastSeq).toBeGreaterThan(seen + 20);
  expect(Number(await job.lines.last().getAttribute("data-line"))).toBe(seen);
  await show(page, "visible");
  await job.expectConnection("live");
  await writeFile(stop, "");
  await job.expectEnded("succeeded");
  await expect(job.lines.last()).toContainText("last");
  await expectUnbroken(job);
});

test("a hidden tab shows in its icon and title that its job has ended", async ({ page, server, api }) => {
  const stop = join(server.data, "stop");
  const id = await api.submit({ title: "Long one", run: ticking(stop) });
  const job = new JobPage(page);
  await job.open(server, id);
  await job.expectConnection("live");
  await show(page, "hidden");
  await job.expectConnection("paused");
  await writeFile(stop, "");
  await expect(page.locator("link[rel=icon]")).toHaveAttribute("href", "/favicon-succeeded.svg", { timeout: 20_000 });
  await expect(page).toHaveTitle("\u2713 Long one \u00b7 Tailwater");
  await show(page, "visible");
  await job.expectEnded("succeeded");
  await expectUnbroken(job);
});

test("20 pages are live at once and share one stream, which stays open after the first page is closed", async ({ context, server, api }) => {
  test.setTimeout(120_000);
  const stop = join(server.data, "stop");
  const pages: JobPage[] = [];
  for (let i = 0; i < 20; i++) {
    const id = await api.submit({ run: `echo job ${i}; i=0; while [ ! -e ${stop} ]; do sleep 0.2; done; echo last of ${i}` });
    const job = new JobPage(await context.newPage());
    await job.open(server, id);
    await job.expectConnection("live");
    pages.push(job);
  }
  // The server notices the end of an earlier stream only after a moment.
  await expect.poll(() => api.metric("tailwater_streams_open")).toBe(1);
  await pages[0]!.page.close();
  await writeFile(stop, "");
  for (const [i, job] of pages.entries()) {
    if (i > 0) {
      await job.expectEnded("succeeded");
      await expect.poll(() => job.texts()).toEqual([`job ${i}`, `last of ${i}`]);
    }
  }
});

test("a page to which the shared stream reports the end of a job before all of its events fetches the missing events", async ({ page, server, api }) => {
  const stop = join(server.data, "stop");
  const id = await api.submit({ run: ticking(stop) });
  // This worker replaces the page's shared worker. It reports an open stream immediately, and then sends only what the
  // test delivers. The real worker does the same if a page subscribes just before the end of its job.
  await page.addInitScript(() => {
    class Port extends EventTarget {
      start() {}
      close() {}
      deliver(type: string, text: string) {
        this.dispatchEvent(new MessageEvent("message", { data: [type, text] }));
      }
      postMessage(text: string) {
        if (text) setTimeout(() => this.deliver("open", ""));
      }
    }
    class Worker extends EventTarget {
      port = new Port();
      constructor() {
        super();
        Reflect.set(window, "port", this.port);
      }
    }
    Reflect.set(window, "SharedWorker", Worker);
  });
  const job = new JobPage(page);
  await job.open(server, id);
  await job.expectConnection("live");
  const seen = Number(await job.lines.last().getAttribute("data-line"));
  await expect.poll(async () => (await api.job(id)).lastSeq).toBeGreaterThan(seen + 20);
  await writeFile(stop, "");
  await expect.poll(async () => (await api.job(id)).status).toBe("succeeded");
  const { lastSeq } = await api.job(id);
  await page.evaluate((last) => (Reflect.get(window, "port") as { deliver(type: string, text: string): void }).deliver("terminal", String(last)), lastSeq);
  await job.expectEnded("succeeded");
  await expect(job.lines.last()).toContainText("last");
  await expectUnbroken(job);
});

test("a browser without shared workers shows output live", async ({ page, server, api }) => {
  await page.addInitScript(() => Reflect.deleteProperty(window, "SharedWorker"));
  const stop = join(server.data, "stop");
  const id = await api.submit({ run: ticking(stop) });
  const job = new JobPage(page);
  await job.open(server, id);
  await job.expectConnection("live");
  await expect(job.line(20)).toBeVisible();
  await writeFile(stop, "");
  await job.expectEnded("succeeded");
  await expectUnbroken(job);
});

test("a page that joins the stream of a busy job, and a page of a quiet job beside it, lose nothing and stay live", async ({ context, server, api }) => {
  test.setTimeout(120_000);
  const stop = join(server.data, "stop");
  const busy = await api.submit({ run: `i=0; while [ ! -e ${stop} ]; do i=$((i+1)); echo tick $i; sleep 0.005; done; echo last` });
  const quiet = await api.submit({ run: `echo one; while [ ! -e ${stop} ]; do sleep 0.1; done; echo last` });
  const open = async (id: string) => {
    const job = new JobPage(await context.newPage());
    await job.open(server, id);
    await job.expectConnection("live");
    return job;
  };
  const still = await open(quiet);
  const states: string[] = [];
  await still.page.exposeFunction("noteState", (state: string) => states.push(state));
  await still.connection.evaluate((node) =>
    new MutationObserver(() => Reflect.get(window, "noteState")((node as HTMLElement).dataset.state)).observe(node, { attributes: true }),
  );
  const jobs = [await open(busy), await open(busy), await open(busy)];
  await show(jobs[0]!.page, "hidden");
  await jobs[0]!.expectConnection("paused");
  // Wait for more than 25 s. Without heartbeats, the quiet page would by then consider its stream broken.
  await still.page.waitForTimeout(27_000);
  await show(jobs[0]!.page, "visible");
  await jobs[0]!.expectConnection("live");
  expect(states, "the quiet page stayed live").toEqual([]);
  await writeFile(stop, "");
  for (const job of [...jobs, still]) {
    await job.expectEnded("succeeded");
    await expect(job.lines.last()).toContainText("last");
    await expectUnbroken(job);
  }
});

test("a hidden page requests its job only when the job changes, not for each line that another page shows", async ({ context, server, api }) => {
  const stop = join(server.data, "stop");
  const id = await api.submit({ run: `i=0; while [ ! -e ${stop} ]; do i=$((i+1)); echo tick $i; sleep 0.01; done; echo last` });
  const shown = new JobPage(await context.newPage());
  await shown.open(server, id);
  await shown.expectConnection("live");
  const hidden = new JobPage(await context.newPage());
  await hidden.open(server, id);
  await hidden.expectConnection("live");
  await show(hidden.page, "hidden");
  await hidden.expectConnection("paused");
  let requests = 0;
  hidden.page.on("request", (request) => (requests += Number(request.url().endsWith(`/jobs/${id}`))));
  await expect(shown.lines.last()).toContainText(/tick [3-9]\d\d/, { timeout: 20_000 });
  expect(requests).toBe(0);
  await writeFile(stop, "");
  await shown.expectEnded("succeeded");
  await expect(hidden.page.locator("link[rel=icon]")).toHaveAttribute("href", "/favicon-succeeded.svg", { timeout: 20_000 });
  expect(requests).toBeGreaterThan(0);
  expect(requests, "a burst of events causes few requests").toBeLessThan(6);
});

test("more job lists are live at once than the number of connections that a browser opens", async ({ context, server, api }) => {
  const lists = [];
  for (let count = 0; count < 8; count += 1) {
    const list = new JobPage(await context.newPage());
    await list.page.goto(`${server.url}/tasks/queue`);
    await list.hydrated();
    lists.push(list.page);
  }
  const id = await api.submit({ title: "submitted later", run: "true" });
  for (const list of lists) {
    await expect(list.locator(`[data-testid="job-row"][data-job="${id}"][data-status="succeeded"]`)).toBeVisible();
  }
});
