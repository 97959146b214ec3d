import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { JobPage } from "../pages/job-page.ts";
import { WorkersPage } from "../pages/workers-page.ts";
import { expect, test } from "../server.ts";

test("the list of workers shows what the embedded worker runs, and drains and resumes it", async ({ page, server, api }) => {
  const id = await api.submit({ title: "Long one", run: "sleep 600" });
  const workers = new WorkersPage(page);
  await page.goto(`${server.url}/tasks/queue`);
  await new JobPage(page).hydrated();
  await page.getByTestId("person-menu").click();
  await page.getByRole("link", { name: "Workers" }).click();
  await expect(workers.workers).toHaveCount(1);
  await expect(workers.workers).toContainText("embedded");
  await expect(workers.workers.getByRole("link", { name: "Long one" })).toHaveAttribute("href", `/tasks/queue/${id}`);
  await workers.workers.getByTestId("drain").click();
  await expect(workers.done).toContainText("The worker is draining.");
  await expect(workers.workers.getByTestId("worker-status")).toHaveText("Draining");
  const waiting = await api.submit({ run: "true" });
  await workers.workers.getByTestId("resume-worker").click();
  await expect(workers.workers.getByTestId("worker-status")).toHaveText("Active");
  await api.cancel(id, "enough");
  await api.ended(waiting);
});

test("everyone sees why jobs wait while the queue is paused, also on a phone and without scripts", async ({ browser, page, server, api }) => {
  await page.setViewportSize({ width: 360, height: 740 });
  const workers = new WorkersPage(page);
  await workers.open(server);
  await workers.pause("replacing the disk");
  await expect(workers.pauses).toContainText("The queue has been paused since");
  const id = await api.submit({ run: "echo done" });
  const job = new JobPage(page);
  await job.open(server, id);
  await expect(job.panel).toContainText("replacing the disk");
  await page.goto(`${server.url}/tasks/queue`);
  await expect(page.getByTestId("paused")).toContainText("replacing the disk");
  const isTooWide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
  expect(isTooWide).toBe(false);

  const plain = await browser.newContext({ javaScriptEnabled: false, storageState: await page.context().storageState() });
  const form = await plain.newPage();
  await form.goto(`${server.url}/workers`);
  await form.getByTestId("resume").click();
  await expect(form.getByTestId("no-pauses")).toBeVisible();
  await plain.close();
  expect((await api.ended(id)).status).toBe("succeeded");
});

test("the row of a job that waits because of a pause says so, in words and with a symbol, on a phone, without scripts, and while the page is open", async ({ browser, page, server, api }) => {
  const done = await api.submit({ title: "finished before", run: "true" });
  await api.ended(done);
  await api.pause("queue", "replacing the disk");
  await api.submit({ title: "waits", run: "echo done" });
  const text = "The queue is paused: replacing the disk";
  const rowOf = (of: Page, title: string) => of.getByTestId("job-row").filter({ hasText: title });
  const isPaused = async (of: Page) => {
    const note = rowOf(of, "waits").getByTestId("job-paused");
    await expect(note).toHaveText(text);
    await expect(note.locator("svg")).toBeVisible();
    await expect(rowOf(of, "waits").getByTestId("job-status")).toHaveText("Queued");
    await expect(rowOf(of, "finished before").getByTestId("job-paused")).toHaveCount(0);
    const isTooWide = await of.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
    expect(isTooWide).toBe(false);
  };
  await page.goto(`${server.url}/tasks/queue`);
  await isPaused(page);
  await page.setViewportSize({ width: 360, height: 740 });
  await isPaused(page);

  const plain = await browser.newContext({ javaScriptEnabled: false, storageState: await page.context().storageState() });
  const withoutScripts = await plain.newPage();
  await withoutScripts.goto(`${server.url}/tasks/queue`);
  await isPaused(withoutScripts);
  await plain.close();

  // A pause changes no job, so the stream of changed jobs does not report it, but the open page notices it.
  await api.resume("queue");
  await expect(rowOf(page, "waits").getByTestId("job-status")).toHaveText("Succeeded");
  await expect(page.getByTestId("job-paused")).toHaveCount(0);
  await api.submit({ title: "of another type" }, { type: "elsewhere" });
  await expect(rowOf(page, "of another type")).toBeVisible();
  await api.pause("type:elsewhere", "");
  await expect(rowOf(page, "of another type").getByTestId("job-paused")).toHaveText("Jobs of the type elsewhere are paused");
});

test("all jobs that the filters show are cancelled after a confirmation that names their number", async ({ page, server, api }) => {
  const workers = new WorkersPage(page);
  await workers.open(server);
  await workers.pause("");
  await expect(workers.done).toBeVisible();
  const nightly = [await api.submit({ title: "nightly a", run: "true" }), await api.submit({ title: "nightly b", run: "true" })];
  const other = await api.submit({ title: "other", run: "true" });
  await page.goto(`${server.url}/tasks/queue?q=nightly`);
  await new JobPage(page).hydrated();
  await page.getByTestId("bulk-menu").click();
  await page.getByTestId("bulk-cancel").click();
  await expect(page.getByTestId("bulk-question")).toHaveText("Cancel 2 jobs?");
  await page.getByTestId("bulk-confirm").click();
  await expect(page.getByTestId("bulk-done")).toContainText("2 jobs were cancelled.");
  for (const id of nightly) expect((await api.job(id)).status).toBe("cancelled");
  expect((await api.job(other)).status).toBe("queued");
});

test("a job that waits for a concurrency key says so in the list and on its page, and then runs", async ({ page, server, api }) => {
  const end = join(server.data, "end");
  const first = await api.submit({ run: `until [ -e ${end} ]; do sleep 0.1; done`, concurrencyKey: "deploy" });
  await expect.poll(async () => (await api.job(first)).status).toBe("running");
  const second = await api.submit({ run: "echo deployed", concurrencyKey: "deploy" });
  const reason = "Waiting for another job with the concurrency key deploy";
  await page.goto(`${server.url}/tasks/queue`);
  await expect(page.getByTestId("job-row").filter({ hasText: "echo deployed" })).toContainText(reason);
  const job = new JobPage(page);
  await job.open(server, second);
  await expect(job.panel).toContainText(reason);
  await writeFile(end, "");
  await expect(job.line(1)).toContainText("deployed");
});
