import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { JobPage } from "../pages/job-page.ts";
import { expect, test } from "../server.ts";

/** Returns a job whose first step waits until the file `gate` exists, unless `gate` is empty. */
const job = (gate: string) => ({
  title: "compared",
  env: { GATE: gate },
  steps: [{ id: "wait", name: "Wait", run: '[ -z "$GATE" ] || until [ -e "$GATE" ]; do sleep 0.05; done' }, { id: "done", name: "Done", run: "true" }],
});

test("the timeline shows which step takes longer than usual, while it runs and afterwards, and links to the last successful job", async ({ page, server, api }) => {
  const first = await api.submit(job(""));
  await api.ended(first);
  const shown = new JobPage(page);
  await shown.open(server, first);
  await shown.expectEnded("succeeded");
  await expect(page.getByTestId("last-success")).toHaveCount(0);

  const gate = join(server.data, "gate");
  await shown.open(server, await api.submit(job(gate)));
  const step = (id: string) => page.locator(`[data-testid="timeline-step"][data-step="${id}"]`);
  const longer = /^[\d,]+(\.\d)? times as long as usual$/;
  await expect(step("wait").getByTestId("step-usual"), "while it runs").toHaveText(longer, { timeout: 30_000 });
  await writeFile(gate, "");
  await shown.expectEnded("succeeded");
  await expect(step("wait").getByTestId("step-usual")).toHaveText(longer);
  await expect(step("wait").getByTitle(/^Usually /)).toBeVisible();
  await page.getByTestId("last-success").click();
  await expect(page).toHaveURL(new RegExp(first));
});
