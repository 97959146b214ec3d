import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { JobPage } from "../pages/job-page.ts";
import { expect, test } from "../server.ts";

const STEPS = {
  steps: [
    { id: "fetch", name: "Fetch", run: "echo 'warning: slow mirror'; seq -f 'fetched %.0f' 20000; echo fetched all >&2" },
    { id: "build", name: "Build", run: "seq -f 'compiled %.0f' 20000; echo 'warning: unused'; echo 'error: broken' >&2; seq -f 'linked %.0f' 500" },
  ],
};

test("the warnings of the whole log are listed, counted and shown in context", async ({ page, server, api }) => {
  const id = await api.submit(STEPS);
  await api.ended(id);
  const job = new JobPage(page);
  await job.open(server, id);
  // The browser holds only a small part of the log, so the server has to find the warnings.
  await expect(job.filter("warnings")).toContainText(/ 4$/);
  await job.filter("warnings").click();
  await expect.poll(() => job.texts()).toEqual(["warning: slow mirror", "fetched all", "warning: unused", "error: broken"]);
  await expect(page).toHaveURL(/[?&]filter=warnings/);

  await job.line(1).hover();
  await job.line(1).getByTestId("show-in-context").click();
  await expect(job.filter("all")).toHaveAttribute("aria-pressed", "true");
  await expect(job.line(1)).toBeInViewport();
  await expect(job.line(2)).toHaveText(/fetched 1$/);
  await expect(page).not.toHaveURL(/filter=/);

  await page.getByTestId("return-to-filter").click();
  await expect(job.filter("warnings")).toHaveAttribute("aria-pressed", "true");
  await expect.poll(() => job.texts()).toEqual(["warning: slow mirror", "fetched all", "warning: unused", "error: broken"]);
  await expect(page.getByTestId("return-to-filter")).toHaveCount(0);
});

test("a list filtered by step and stream keeps its filter in the URL", async ({ page, server, api }) => {
  const id = await api.submit(STEPS);
  await api.ended(id);
  const job = new JobPage(page);
  await job.open(server, id);
  await job.openFilterBar();
  await job.stepFilter.selectOption("Fetch");
  // There are 20,002 rows for lines, and two rows for the start and the end of the step.
  await expect(job.filter("all")).toContainText("20,004");
  await page.keyboard.press("Home");
  await expect(job.line(1)).toBeInViewport();
  await page.keyboard.press("End");
  await expect(job.line(20_001)).toBeInViewport();
  await job.streamFilter.selectOption("stderr");
  await expect.poll(() => job.texts()).toEqual(["fetched all"]);
  await expect(page).toHaveURL(/[?&]stage=execute&step=fetch&stream=stderr$/);

  await page.reload();
  await job.hydrated();
  await expect.poll(() => job.texts()).toEqual(["fetched all"]);
  await expect(job.filter("all")).toContainText(/ 1$/);
});

test("the output of one attempt is shown alone", async ({ page, server, api }) => {
  const run = "seq -f \"$TAILWATER_ATTEMPT-%.0f\" 3000; exit 1";
  const id = await api.submit({ run }, { maxAttempts: 2 });
  await api.ended(id);
  const job = new JobPage(page);
  await job.open(server, id);
  await job.openFilterBar();
  await job.attemptFilter.selectOption("Attempt 1");
  // There are 3,000 rows for lines, and a few rows for lifecycle events of the attempt.
  await expect(job.filter("all")).toContainText(/3,00\d/);
  await page.keyboard.press("End");
  await expect(job.line(3000)).toBeInViewport();
  await expect(page.locator('[data-testid="live-row"][data-attempt="2"]')).toHaveCount(0);
  expect((await job.texts()).every((text) => text.startsWith("1-"))).toBe(true);
  await expect(page).toHaveURL(/[?&]attempt=1$/);

  await job.attemptFilter.selectOption("Attempt 2");
  await expect(page.locator('[data-testid="live-row"][data-attempt="1"]')).toHaveCount(0);
  await page.keyboard.press("Home");
  await expect(job.line(1).locator(".live-text")).toHaveText("2-1");
  await page.reload();
  await job.hydrated();
  await expect(page.locator('[data-testid="live-row"][data-attempt="1"]')).toHaveCount(0);
  await expect(page.locator('[data-testid="live-row"][data-attempt="2"]').first()).toBeVisible();
});

test("any position of a filtered list can be scrolled to", async ({ page, server, api }) => {
  const id = await api.submit({ run: "awk 'BEGIN { for (i = 1; i <= 100000; i++) print (i % 10 ? \"line\" : \"warning\") \": \" i }'" });
  await api.ended(id);
  const job = new JobPage(page);
  await job.open(server, id);
  await job.filter("warnings").click();
  await expect(job.filter("warnings")).toContainText("10,000");
  await expect(job.line(100_000)).toBeInViewport();
  await page.keyboard.press("Home");
  await expect(job.line(10)).toBeInViewport();
  for (const row of [0, 5_000, 9_000, 2_500]) {
    await job.panel.evaluate((panel, top) => (panel.scrollTop = top), row * 20);
    await expect(job.line((row + 2) * 10)).toBeInViewport();
  }
});

test("only the lines that match the search are listed, and new ones follow while the job prints", async ({ page, server, api }) => {
  const gate = join(server.data, "gate");
  const id = await api.submit({ run: `seq -f 'old %.0f' 30000; until [ -e '${gate}' ]; do sleep 0.05; done; echo old news; echo other; echo 'an old hat'` });
  const job = new JobPage(page);
  await job.open(server, id);
  await expect(job.filter("all")).toContainText(/30,00/);
  await page.keyboard.press("/");
  await job.search.fill("d 2999");
  // The search begins at the lines in view, which are the last lines of the log. The current match is therefore not the
  // first match.
  await expect(job.searchSummary).toHaveText("2 of 11");
  await job.onlyMatches.click();
  await expect.poll(() => job.texts()).toEqual(["old 2999", ...Array.from({ length: 10 }, (_, i) => `old 2999${i}`)]);
  await expect(page).toHaveURL(/q=d\+2999.*only=true/);
  await job.search.fill("old");
  await expect(job.filter("all")).toContainText("30,000");
  await job.follow.click();
  await writeFile(gate, "");
  await job.expectEnded("succeeded");
  await expect.poll(async () => (await job.texts()).slice(-3)).toEqual(["old 30000", "old news", "an old hat"]);
  await page.keyboard.press("Escape");
  await expect.poll(async () => (await job.texts()).slice(-2)).toEqual(["other", "an old hat"]);
});

test("a filter of a job that is waiting is applied once the job runs", async ({ page, server, api }) => {
  const gate = join(server.data, "gate");
  const blocking = `until [ -e ${gate} ]; do sleep 0.05; done`;
  for (const _ of Array(8)) await api.submit({ run: blocking });
  const id = await api.submit({ run: "echo out; echo err >&2" });
  const job = new JobPage(page);
  await page.goto(`${server.url}/tasks/queue/${id}?stream=stderr`);
  await job.hydrated();
  await expect(job.panel).toContainText(/Waiting for a worker|Next in line/);
  await writeFile(gate, "");
  await expect(job.withText("err")).toBeVisible();
  await job.expectEnded("succeeded");
  await expect(job.lines).toHaveCount(1);
  await expect(job.panel).not.toContainText("cannot be applied");
});
