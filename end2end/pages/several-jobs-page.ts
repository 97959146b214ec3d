import { expect, type Locator, type Page } from "@playwright/test";
import type { Server } from "../server.ts";
import { JobPage } from "./job-page.ts";

/** The page with the logs of several jobs side by side. It has the same tools as a job's page. */
export class SeveralJobsPage extends JobPage {
  readonly columns: Locator;
  /** The list that merges the lines of all jobs. */
  readonly merged: Locator;
  readonly mergedLines: Locator;

  constructor(page: Page) {
    super(page);
    this.columns = page.getByTestId("live-output");
    this.merged = page.getByTestId("merged");
    this.mergedLines = this.merged.locator('[data-kind="log"]');
  }

  async openJobs(server: Server, ids: string[], parameters = "") {
    await this.page.goto(`${server.url}/tasks/queue/view?${ids.map((id) => `job=${id}`).join("&")}${parameters}`);
    await this.hydrated();
    await expect(this.columns).toHaveCount(ids.length);
  }

  /** Returns the column of a job. */
  column(id: string): Locator {
    return this.page.locator(`[data-testid="live-output"][data-job="${id}"]`);
  }

  /** Returns the lines in a job's column that contain the given text or match the pattern. */
  linesOf(id: string, text: string | RegExp): Locator {
    return this.column(id).locator('[data-kind="log"] .live-text').filter({ hasText: text });
  }

  async merge() {
    await this.page.getByTestId("layout-merged").click();
    await expect(this.merged).toBeVisible();
  }

  /** Returns the lines of the merged list that are in the document, each preceded by the number of its job. */
  async mergedTexts(): Promise<string[]> {
    return this.merged
      .locator('.merged-row:has([data-kind="log"])')
      .evaluateAll((rows) => rows.map((row) => `${row.getAttribute("data-number")} ${row.querySelector(".live-text")?.textContent}`));
  }

  async expectActive(id: string) {
    await expect(this.column(id)).toHaveAttribute("data-active", "true");
    await expect(this.page.locator('[data-testid="live-output"][data-active="true"]')).toHaveCount(1);
  }
}
