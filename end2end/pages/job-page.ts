import { expect, type Locator, type Page } from "@playwright/test";
import type { Server } from "../server.ts";

/** A job's page with its Live Output. */
export class JobPage {
  readonly status: Locator;
  readonly panel: Locator;
  readonly rows: Locator;
  readonly lines: Locator;
  readonly lifecycleEvents: Locator;
  readonly connection: Locator;
  readonly follow: Locator;
  readonly newLines: Locator;
  readonly copy: Locator;
  readonly download: Locator;
  readonly openSearch: Locator;
  readonly search: Locator;
  readonly searchSummary: Locator;
  readonly errorCount: Locator;
  /** The highlighted parts of the lines. */
  readonly marks: Locator;

  constructor(readonly page: Page) {
    this.status = page.getByTestId("job-status");
    this.panel = page.getByRole("log");
    this.rows = page.getByTestId("live-row");
    this.lines = page.locator('[data-testid="live-row"][data-kind="log"]');
    this.lifecycleEvents = page.locator('[data-testid="live-row"]:not([data-kind="log"])');
    this.connection = page.getByTestId("connection-state");
    this.follow = page.getByTestId("follow-toggle");
    this.newLines = page.getByTestId("new-lines");
    this.copy = page.getByTestId("copy-visible");
    this.download = page.getByTestId("download-log");
    this.openSearch = page.getByTestId("search-open");
    this.search = page.getByTestId("search-text");
    this.searchSummary = page.getByTestId("search-summary");
    this.errorCount = page.getByTestId("error-count");
    this.marks = page.locator("mark.found");
  }

  async open(server: Server, id: string) {
    await this.page.goto(`${server.url}/tasks/queue/${id}`);
    await this.hydrated();
  }

  async hydrated() {
    await expect(this.page.locator("body[data-hydrated]")).toBeAttached();
  }

  filter(name: "all" | "stages" | "logs" | "warnings"): Locator {
    return this.page.getByTestId(`filter-${name}`);
  }

  /** Returns the row of the line with this number. */
  line(number: number): Locator {
    return this.page.locator(`[data-testid="live-row"][data-line="${number}"]`);
  }

  async expectConnection(state: string, timeout = 30_000) {
    await expect(this.connection).toHaveAttribute("data-state", state, { timeout });
  }

  async expectEnded(status: string) {
    await expect(this.status).toHaveAttribute("data-status", status, { timeout: 60_000 });
    await this.expectConnection("ended");
  }

  /** Returns the texts of the lines in the document, without their numbers and times. */
  async texts(): Promise<string[]> {
    return this.lines.locator(".live-text").allTextContents();
  }

  async scrollTop(): Promise<number> {
    return this.panel.evaluate((panel) => panel.scrollTop);
  }
}
