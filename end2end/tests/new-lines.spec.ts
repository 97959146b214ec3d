import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { JobPage } from "../pages/job-page.ts";
import { expect, test } from "../server.ts";

/**
 * Returns a job that prints 1000 lines and the given text, and then waits for the file `gate`, unless `gate` is empty.
 */
const job = (text: string, gate: string) => ({
  title: "compared",
  env: { TEXT: text, GATE: gate },
  run: 'seq -f "compiled file %g in 3 ms" 1000; echo "$TEXT"; [ -z "$GATE" ] || until [ -e "$GATE" ]; do sleep 0.05; done; echo "$TEXT again"; exit ${CODE:-0}',
});

test("only the lines that the last successful job did not print are shown, while the job runs and afterwards", async ({ page, server, api }) => {
  const first = await api.submit(job("fine", ""));
  await api.ended(first);
  const gate = join(server.data, "gate");
  const id = await api.submit(job("panicked at main", gate));
  const shown = new JobPage(page);
  await shown.open(server, id);
  await shown.openFilterBar();
  await page.getByTestId("filter-new").click();
  await expect(shown.withText("panicked at main")).toBeVisible();
  await expect(shown.lines).toHaveCount(1);
  await expect(shown.filter("all")).toContainText("1");
  expect(new URL(page.url()).searchParams.get("unlike")).toBe(first);
  await writeFile(gate, "");
  await expect(shown.withText("panicked at main again")).toBeVisible();
  await expect(shown.lines).toHaveCount(2);

  await page.reload();
  await shown.hydrated();
  await expect(shown.lines).toHaveCount(2);
  await page.getByTestId("show-in-context").first().click({ force: true });
  await expect(shown.withText("compiled file 999 in 3 ms")).toBeInViewport();
  await page.keyboard.press("d");
  await expect(shown.lines).toHaveCount(2);
  await page.keyboard.press("d");
  await expect(shown.withText("compiled file 1000 in 3 ms")).toBeVisible();
});

test("a message is shown if the jobs cannot be compared", async ({ page, server, api }) => {
  const id = await api.submit(job("one", ""));
  await api.ended(id);
  const shown = new JobPage(page);
  await page.goto(`${server.url}/tasks/queue/${id}?unlike=01890000-0000-7000-8000-000000000000`);
  await shown.hydrated();
  await expect(shown.panel).toContainText("The filter cannot be applied. There is no job 01890000-0000-7000-8000-000000000000.");
  await shown.openFilterBar();
  await page.getByTestId("filter-new").click();
  await expect(shown.withText("one again")).toBeVisible();
  await expect(shown.panel).not.toContainText("The filter cannot be applied");
});

test("a job without an earlier successful job has no filter for new lines", async ({ page, server, api }) => {
  const id = await api.submit(job("only one", ""));
  await api.ended(id);
  const shown = new JobPage(page);
  await shown.open(server, id);
  await shown.openFilterBar();
  await expect(page.getByTestId("filter-stream").filter({ visible: true })).toBeVisible();
  await expect(page.getByTestId("filter-new")).toHaveCount(0);
  await page.keyboard.press("d");
  await expect(shown.withText("only one")).toBeVisible();
});
