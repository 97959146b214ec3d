import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { JobPage } from "../pages/job-page.ts";
import { SeveralJobsPage } from "../pages/several-jobs-page.ts";
import { type Api, expect, test } from "../server.ts";

/** For each output, submits a job that prints it. Waits until all jobs have finished. */
async function ended(api: Api, outputs: string[], title = "printed"): Promise<string[]> {
  const ids = [];
  for (const output of outputs) {
    ids.push(await api.submit({ title: `${title} ${ids.length + 1}`, env: { OUTPUT: output }, run: 'printf "%s\\n" "$OUTPUT"' }));
  }
  for (const id of ids) await api.ended(id);
  return ids;
}

test("jobs that are selected in the queue are shown side by side", async ({ page, server, api }) => {
  const ids = await ended(api, ["first output", "second output", "third output"]);
  await page.goto(`${server.url}/tasks/queue`);
  const several = new SeveralJobsPage(page);
  await several.hydrated();
  const box = (id: string) => page.locator(`[data-testid="job-row"][data-job="${id}"]`).getByTestId("job-select");
  await box(ids[0]!).check();
  await expect(page.getByTestId("selection")).toContainText("1 job selected");
  await box(ids[2]!).check();
  await box(ids[1]!).check();
  await box(ids[1]!).uncheck();
  await expect(page.getByTestId("selection")).toContainText("2 jobs selected");
  await page.getByTestId("view-selected").click();
  await expect(several.columns).toHaveCount(2);
  await expect(page).toHaveTitle("\u2713\u2713 2 jobs \u00b7 Tailwater");
  await expect(several.linesOf(ids[0]!, "first output")).toBeVisible();
  await expect(several.linesOf(ids[2]!, "third output")).toBeVisible();
  await expect(several.verified).toHaveCount(2);

  await several.column(ids[2]!).getByTestId("remove-job").click();
  await expect(several.columns).toHaveCount(1);
  await expect(several.linesOf(ids[0]!, "first output")).toBeVisible();
});

test("at most six jobs can be selected", async ({ page, server, api }) => {
  await ended(api, ["1", "2", "3", "4", "5", "6", "7"]);
  await page.goto(`${server.url}/tasks/queue`);
  await new JobPage(page).hydrated();
  const boxes = page.getByTestId("job-select");
  for (let index = 0; index < 6; index += 1) await boxes.nth(index).check();
  await expect(boxes.nth(6)).toBeDisabled();
  await expect(page.getByTestId("selection")).toContainText("6 jobs selected, the maximum");
  await boxes.nth(0).uncheck();
  await expect(boxes.nth(6)).toBeEnabled();
  await page.getByTestId("selection").getByText("Clear").click();
  await expect(page.getByTestId("selection")).toBeHidden();
  await expect(boxes.nth(1)).not.toBeChecked();
});

test("running jobs are live side by side", async ({ page, server, api }) => {
  const gate = join(server.data, "gate");
  const ids = [];
  for (const name of ["north", "south"]) {
    ids.push(await api.submit({ title: name, env: { GATE: gate }, run: `echo ${name} begins; until [ -e "$GATE" ]; do sleep 0.05; done; echo ${name} goes on` }));
  }
  const several = new SeveralJobsPage(page);
  await several.openJobs(server, ids);
  for (const [index, name] of ["north", "south"].entries()) {
    await expect(several.linesOf(ids[index]!, `${name} begins`)).toBeVisible();
    await expect(several.column(ids[index]!).getByTestId("connection-state")).toHaveAttribute("data-state", "live");
  }
  await writeFile(gate, "");
  for (const [index, name] of ["north", "south"].entries()) {
    await expect(several.linesOf(ids[index]!, `${name} goes on`)).toBeVisible();
    await expect(several.column(ids[index]!).getByTestId("job-status")).toHaveAttribute("data-status", "succeeded");
  }
  await expect(several.verified).toHaveCount(2);
});

test("a search covers all jobs, counts their matches and moves from one job to the next", async ({ page, server, api }) => {
  const filler = "filler\n".repeat(300);
  const ids = await ended(api, [`needle 1\n${filler}needle 2`, "nothing", `${filler}needle 3\n${filler}`]);
  const several = new SeveralJobsPage(page);
  await several.openJobs(server, ids);
  await several.column(ids[0]!).locator(".live-rows").click();
  await several.expectActive(ids[0]!);
  await page.keyboard.press("Home");
  await page.keyboard.press("/");
  await several.search.fill("needle");
  await expect(several.searchSummary).toHaveText("1 of 3");
  await several.search.press("Enter");
  await expect(several.searchSummary).toHaveText("2 of 3");
  await several.expectActive(ids[0]!);
  await several.search.press("Enter");
  await expect(several.searchSummary).toHaveText("3 of 3");
  await several.expectActive(ids[2]!);
  await expect(several.linesOf(ids[2]!, "needle 3")).toBeInViewport();
  await several.search.press("Enter");
  await expect(several.searchSummary).toHaveText("1 of 3");
  await several.expectActive(ids[0]!);
  await several.search.press("Shift+Enter");
  await expect(several.searchSummary).toHaveText("3 of 3");
  await several.expectActive(ids[2]!);

  await several.onlyMatches.click();
  await expect(several.lines).toHaveCount(3);
  const search = new URL(page.url()).searchParams;
  expect([search.getAll("job"), search.get("q"), search.get("only")]).toEqual([ids, "needle", "true"]);
  await page.reload();
  await several.hydrated();
  await expect(several.lines).toHaveCount(3);
  await expect(several.searchSummary).toContainText("of 3");
});

test("filters apply to all jobs", async ({ page, server, api }) => {
  const steps = (warning: string) => [
    { name: "build", id: "build", run: `echo built; echo 'warning: ${warning}'` },
    { name: "test", id: "test", run: "echo tested; echo to stderr >&2; echo again >&2" },
  ];
  const ids = [await api.submit({ title: "a", steps: steps("one") }), await api.submit({ title: "b", steps: steps("two") })];
  for (const id of ids) await api.ended(id);
  const several = new SeveralJobsPage(page);
  await several.openJobs(server, ids);
  await expect(several.filter("logs")).toContainText("10");
  await several.filter("warnings").click();
  await expect(several.linesOf(ids[0]!, "warning: one")).toBeVisible();
  await expect(several.linesOf(ids[1]!, "warning: two")).toBeVisible();
  await expect(several.linesOf(ids[1]!, "built")).toHaveCount(0);
  await several.filter("all").click();
  await several.openFilterBar();
  await several.stepFilter.selectOption({ label: "test" });
  await expect(several.lines).toHaveCount(6);
  await several.streamFilter.selectOption("stderr");
  await expect(several.lines).toHaveCount(4);
  await page.reload();
  await several.hydrated();
  await expect(several.lines).toHaveCount(4);
  await expect(several.linesOf(ids[1]!, "to stderr")).toBeVisible();
});

test("two jobs are compared line by line", async ({ page, server, api }) => {
  const ids = await ended(api, ["same 17 ms\nonly in the first", "same 23 ms\nonly in the second"]);
  const several = new SeveralJobsPage(page);
  await several.openJobs(server, ids);
  await several.openFilterBar();
  await page.getByTestId("filter-new").click();
  await expect(several.lines).toHaveCount(2);
  await expect(several.linesOf(ids[0]!, "only in the first")).toBeVisible();
  await expect(several.linesOf(ids[1]!, "only in the second")).toBeVisible();
  await page.reload();
  await several.hydrated();
  await expect(several.lines).toHaveCount(2);
  await page.keyboard.press("d");
  await expect(several.lines).toHaveCount(4);
});

test("keyboard shortcuts apply to the job that was used last", async ({ page, server, api, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const ids = await ended(api, ["left output", "right output"]);
  const several = new SeveralJobsPage(page);
  await several.openJobs(server, ids);
  await several.column(ids[1]!).locator(".live-rows").click();
  await several.expectActive(ids[1]!);
  await page.keyboard.press("c");
  await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toContain("right output");
  await several.column(ids[0]!).locator('[data-line="1"] .live-number').click();
  await several.expectActive(ids[0]!);
  await page.keyboard.press("l");
  await expect
    .poll(() => page.evaluate(() => navigator.clipboard.readText()))
    .toBe(`${server.url}/tasks/queue/${ids[0]!}#L1`);
  expect(new URL(page.url()).hash).toBe("");
});

test("the lines of running jobs are merged by time and followed", async ({ page, server, api }) => {
  const gate = (name: string) => join(server.data, `gate-${name}`);
  const wait = (name: string) => `until [ -e "${gate(name)}" ]; do sleep 0.02; done`;
  const ids = [
    await api.submit({ title: "a", run: `echo a1; ${wait("a2")}; echo a2` }),
    await api.submit({ title: "b", run: `${wait("b1")}; echo b1; ${wait("b2")}; echo b2; false` }),
  ];
  const several = new SeveralJobsPage(page);
  await several.openJobs(server, ids);
  await expect(several.linesOf(ids[0]!, "a1")).toBeVisible();
  await several.merge();
  await expect.poll(() => several.mergedTexts()).toEqual(["1 a1"]);
  await writeFile(gate("b1"), "");
  await expect.poll(() => several.mergedTexts()).toEqual(["1 a1", "2 b1"]);
  await writeFile(gate("a2"), "");
  await expect.poll(() => several.mergedTexts()).toEqual(["1 a1", "2 b1", "1 a2"]);
  await writeFile(gate("b2"), "");
  await expect.poll(() => several.mergedTexts()).toEqual(["1 a1", "2 b1", "1 a2", "2 b2"]);
  await expect(several.column(ids[1]!).getByTestId("job-status")).toHaveAttribute("data-status", "failed");

  await page.reload();
  await several.hydrated();
  await expect.poll(() => several.mergedTexts()).toEqual(["1 a1", "2 b1", "1 a2", "2 b2"]);
  await page.getByTestId("layout-side-by-side").click();
  await expect(several.merged).toBeHidden();
  await expect(several.linesOf(ids[1]!, "b2")).toBeVisible();
  expect(new URL(page.url()).searchParams.has("layout")).toBe(false);
});

test("merged logs of any size can be scrolled and searched in the order of time", async ({ page, server, api }) => {
  // The jobs take turns: job 1 prints round 1, then job 2 prints round 1, and so on.
  const turns = (job: number) =>
    `cd "${server.data}"; for i in $(seq 10); do until [ -e turn-${job}-$i ]; do sleep 0.01; done; ` +
    `seq -f "job ${job} round $i line %g" 2000; sleep 0.05; : > turn-${3 - job}-$((i + ${job - 1})); done`;
  const ids = [await api.submit({ title: "one", run: turns(1) }), await api.submit({ title: "two", run: turns(2) })];
  await writeFile(join(server.data, "turn-1-1"), "");
  for (const id of ids) await api.ended(id);
  const several = new SeveralJobsPage(page);
  await several.openJobs(server, ids, "&layout=merged");
  await expect(several.mergedLines.last()).toContainText("job 2 round 10 line 2000");

  await page.keyboard.press("Home");
  await expect(several.mergedLines.first()).toContainText("job 1 round 1 line 1");
  await page.keyboard.press("/");
  await several.search.fill("round 4 line 7$");
  await page.getByTestId("search-regex").click();
  await expect(several.searchSummary).toContainText("of 2");
  const marked = several.merged.locator('[data-marked="true"]');
  await expect(marked.filter({ hasText: "job 1 round 4 line 7" })).toBeInViewport();
  await expect(several.merged.locator("mark.found").first()).toBeInViewport();
  await several.search.press("Enter");
  await expect(marked.filter({ hasText: "job 2 round 4 line 7" })).toBeInViewport();
  // Matches are numbered in chronological order, not job by job.
  await several.search.fill("round [1-4] line 7$");
  await expect(several.searchSummary).toContainText("8 of 8");
  await several.search.press("Shift+Enter");
  await expect(marked.filter({ hasText: "job 1 round 4 line 7" })).toBeInViewport();
  await expect(several.searchSummary).toContainText("7 of 8");
  await several.search.press("Enter");

  // At any scroll position, the rows in the document are ordered by time.
  const list = several.merged.locator(".live-rows");
  const drawn = async () => {
    const places = (await several.mergedTexts()).map((text) => /^(\d) job \d round (\d+) line (\d+)$/.exec(text)?.slice(1).map(Number) ?? []);
    return places.map(([job = 0, round = 0, line = 0]) => (round * 2 + job) * 10_000 + line);
  };
  for (const part of [0.5, 0.1, 0.9, 0.33]) {
    const before = (await drawn())[0];
    await list.evaluate((list, part) => list.scrollTo(0, part * list.scrollHeight), part);
    await expect.poll(async () => (await drawn()).length > 20 && (await drawn())[0] !== before).toBe(true);
    for (const kind of ["earlier", "later"]) {
      await expect(several.merged.locator(`.live-space[data-kind="${kind}"]`)).not.toBeInViewport();
    }
    const order = await drawn();
    expect(order).toEqual([...order].sort((a, b) => a - b));
  }
  await page.keyboard.press("Escape");
  await page.keyboard.press("End");
  await expect(several.mergedLines.last()).toContainText("job 2 round 10 line 2000");
});

test("jobs that do not exist are reported, and the others are shown", async ({ page, server, api }) => {
  const [id] = await ended(api, ["exists"]);
  const missing = "01890000-0000-7000-8000-000000000000";
  const several = new SeveralJobsPage(page);
  await page.goto(`${server.url}/tasks/queue/view?job=${id}&job=${missing}`);
  await several.hydrated();
  await expect(several.columns).toHaveCount(1);
  await expect(page.getByRole("alert").filter({ hasText: missing })).toBeVisible();
  await page.goto(`${server.url}/tasks/queue/view?job=${missing}`);
  await expect(page.getByRole("heading")).toHaveText("Job not found");
  await page.goto(`${server.url}/tasks/queue/view`);
  await expect(page.getByRole("heading")).toHaveText("No jobs selected");
});

test.describe("without scripts", () => {
  test.use({ javaScriptEnabled: false });

  test("jobs are selected in a form", async ({ page, server, api }) => {
    const ids = await ended(api, ["first output", "second output"]);
    await page.goto(`${server.url}/tasks/queue`);
    for (const id of ids) await page.locator(`[data-testid="job-row"][data-job="${id}"]`).getByTestId("job-select").check();
    await page.getByText("View the selected jobs side by side").click();
    const several = new SeveralJobsPage(page);
    await expect(several.linesOf(ids[0]!, "first output")).toBeVisible();
    await expect(several.linesOf(ids[1]!, "second output")).toBeVisible();
  });
});

test.describe("on a phone", () => {
  test.use({ viewport: { width: 390, height: 844 }, hasTouch: true });

  test("each job fills the screen, and the page does not scroll", async ({ page, server, api }) => {
    const ids = await ended(api, ["first output", "second output"]);
    const several = new SeveralJobsPage(page);
    await several.openJobs(server, ids);
    await expect(several.linesOf(ids[0]!, "first output")).toBeInViewport();
    expect((await several.column(ids[0]!).boundingBox())?.width).toBeGreaterThan(340);
    await several.column(ids[1]!).scrollIntoViewIfNeeded();
    await expect(several.linesOf(ids[1]!, "second output")).toBeInViewport();
    expect(await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.scrollHeight])).toEqual([390, 844]);
  });
});
