import { join } from "node:path";
import { writeFile } from "node:fs/promises";
import { JobPage } from "../pages/job-page.ts";
import { expect, test } from "../server.ts";

test.use({ javaScriptEnabled: false });

test("without JavaScript, a job's page shows its state, its steps, its newest lines and a note", async ({ page, server, api }) => {
  const id = await api.submit({ title: "plain", steps: [{ name: "Count", run: "seq 600; printf '\\033[31mred\\033[0m\\n'; exit 3" }] });
  await api.ended(id);
  await page.goto(`${server.url}/tasks/queue/${id}`);
  const job = new JobPage(page);
  await expect(job.status).toHaveAttribute("data-status", "failed");
  await expect(page.getByTestId("timeline-step")).toContainText("Count");
  await expect(job.line(600)).toContainText("600");
  await expect(job.line(200)).toBeAttached();
  await expect(job.line(601).locator(".live-text span").first()).toHaveText("red");
  await expect(page.getByTestId("without-scripts")).toBeVisible();
  await expect(page.getByTestId("without-scripts").getByRole("link", { name: /complete log/i })).toBeVisible();
  // Controls that need scripts are hidden.
  await expect(job.follow).toBeHidden();
  await expect(job.copy).toBeHidden();
  await expect(job.filter("all")).toBeHidden();
  await expect(job.connection).toBeHidden();
});

test("without JavaScript, the log is filtered and searched as text", async ({ page, server, api }) => {
  const id = await api.submit({
    steps: [
      { name: "Build & test", id: "build", run: "echo built; echo 'warning: odd'" },
      { name: "Deploy", run: "echo deployed; echo trouble >&2" },
    ],
  });
  await api.ended(id);
  const follow = async (name: string) => {
    await page.goto(`${server.url}/tasks/queue/${id}`);
    await page.getByTestId("without-scripts").getByRole("link", { name }).click();
    return page.locator("body").innerText();
  };
  expect(await follow("Warnings and errors")).toBe("warning: odd\ntrouble\n");
  expect(await follow("Standard error")).toBe("trouble\n");
  expect(await follow("Step: Build & test")).toBe("built\nwarning: odd\n");
  await page.goto(`${server.url}/tasks/queue/${id}`);
  await page.getByTestId("without-scripts").getByRole("searchbox").fill("l.y");
  await page.getByTestId("without-scripts").getByRole("button").click();
  expect(await page.locator("body").innerText()).toBe("");
  await page.goBack();
  await page.getByTestId("without-scripts").getByRole("searchbox").fill("ploy");
  await page.getByTestId("without-scripts").getByRole("button").click();
  expect(await page.locator("body").innerText()).toBe("deployed\n");
});

test("without JavaScript, a running job's page reloads itself on request", async ({ page, server, api }) => {
  const stop = join(server.data, "stop");
  const id = await api.submit({ run: `echo begun; while [ ! -e ${stop} ]; do sleep 0.05; done; echo over` });
  await expect.poll(async () => (await api.job(id)).lastSeq).toBeGreaterThan(5);
  await page.goto(`${server.url}/tasks/queue/${id}`);
  const job = new JobPage(page);
  await expect(job.line(1)).toContainText("begun");
  await page.getByRole("link", { name: /reload every/i }).click();
  await writeFile(stop, "");
  await expect(job.lines.filter({ hasText: "over" })).toBeAttached({ timeout: 30_000 });
  await expect(job.status).toHaveAttribute("data-status", "succeeded", { timeout: 30_000 });
  await expect(page.getByRole("link", { name: /reload/i })).toHaveCount(0);
});

test("without JavaScript, a job is submitted, cancelled and run again", async ({ page, server }) => {
  await page.goto(`${server.url}/tasks/queue/new`);
  await expect(page.getByTestId("add-step")).toBeHidden();
  await page.getByTestId("field-title").fill("by form");
  await page.getByTestId("field-command").fill("echo hello\nsleep 600");
  await page.getByTestId("submit-job").click();
  await expect(page).toHaveURL(/\/tasks\/queue\/[0-9a-f-]{36}$/);
  const first = page.url();
  await page.getByTestId("cancel-job").click();
  const status = new JobPage(page).status;
  await expect(async () => {
    await page.reload();
    await expect(status).toHaveAttribute("data-status", "cancelled", { timeout: 500 });
  }).toPass({ timeout: 60_000 });
  await page.getByTestId("run-again").click();
  await expect(page).not.toHaveURL(first);
  await expect(page.getByTestId("job-title")).toHaveText("by form");
});

test("without JavaScript, the job list can be searched", async ({ page, server, api }) => {
  await api.submit({ title: "needle", run: "true" });
  await api.submit({ title: "hay", run: "true" });
  await page.goto(`${server.url}/tasks/queue`);
  await expect(page.getByTestId("job-row")).toHaveCount(2);
  await page.getByTestId("jobs-search").fill("needle");
  await page.getByRole("button", { name: "Search" }).click();
  await expect(page.getByTestId("job-row")).toHaveCount(1);
  await expect(page.getByTestId("job-row")).toContainText("needle");
  await expect(page.getByTestId("jobs-queued")).toHaveText("Queued 0");
  await page.getByTestId("jobs-failed").click();
  await expect(page).toHaveURL(/status=failed&q=needle$/);
  await expect(page.getByTestId("job-row")).toHaveCount(0);
  await page.getByTestId("jobs-search").fill("hay");
  await page.getByTestId("jobs-within").selectOption("Last hour");
  await page.getByRole("button", { name: "Search" }).click();
  await expect(page, "the form keeps the status").toHaveURL(/status=failed&within=1h&q=hay$/);
});
