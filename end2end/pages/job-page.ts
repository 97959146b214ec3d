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
  readonly verified: Locator;
  readonly retryNow: Locator;
  readonly follow: Locator;
  readonly newLines: Locator;
  readonly copy: Locator;
  readonly downloadMenu: Locator;
  readonly download: Locator;
  readonly openSearch: Locator;
  readonly search: Locator;
  readonly searchSummary: Locator;
  readonly errorCount: Locator;
  readonly attemptFilter: Locator;
  readonly stepFilter: Locator;
  readonly streamFilter: Locator;
  readonly onlyMatches: Locator;
  /** The toolbar that appears when lines are selected. */
  readonly chosen: Locator;
  /** The highlighted matches within lines. */
  readonly marks: Locator;
  /** The row of the line that the reader has moved to with the keyboard. */
  readonly current: Locator;
  /** The element whose text screen readers announce. */
  readonly announcer: Locator;
  /** The marks for errors beside the scrollbar. */
  readonly errorTicks: Locator;

  constructor(readonly page: Page) {
    this.status = page.getByTestId("job-status");
    this.panel = page.getByRole("log");
    this.rows = page.getByTestId("live-row");
    this.lines = page.locator('[data-testid="live-row"][data-kind="log"]');
    this.lifecycleEvents = page.locator('[data-testid="live-row"]:not([data-kind="log"])');
    this.connection = page.getByTestId("connection-state");
    this.verified = page.getByTestId("verified");
    this.retryNow = page.getByTestId("retry-now");
    this.follow = page.getByTestId("follow-toggle");
    this.newLines = page.getByTestId("new-lines");
    this.copy = page.getByTestId("copy-visible");
    this.downloadMenu = page.getByTestId("download-menu");
    this.download = page.getByTestId("download-log");
    this.openSearch = page.getByTestId("search-open");
    this.search = page.getByTestId("search-text");
    this.searchSummary = page.getByTestId("search-summary");
    this.errorCount = page.getByTestId("error-count");
    this.attemptFilter = page.getByTestId("filter-attempt");
    this.stepFilter = page.getByTestId("filter-step");
    this.streamFilter = page.getByTestId("filter-stream");
    this.onlyMatches = page.getByTestId("search-only");
    this.chosen = page.getByTestId("chosen");
    this.marks = page.locator("mark.found");
    this.current = page.locator('[data-testid="live-row"][data-current="true"]');
    this.announcer = page.locator('.live > .visually-hidden[role="status"]');
    this.errorTicks = page.locator(".live-ticks .errors");
  }

  async open(server: Server, id: string) {
    await this.page.goto(`${server.url}/tasks/queue/${id}`);
    await this.hydrated();
  }

  async hydrated() {
    await expect(this.page.locator("body[data-hydrated]")).toBeAttached();
  }

  /** Returns the row of the group or step with this title. */
  title(text: string): Locator {
    return this.rows.filter({ has: this.page.getByTestId("group-toggle").and(this.page.getByLabel(text, { exact: true })) });
  }

  /** Returns the lines with exactly this text. */
  withText(text: string): Locator {
    return this.lines.filter({ has: this.page.locator(".live-text", { hasText: new RegExp(`^${text}$`) }) });
  }

  /** Returns the button that collapses or expands the group with this title. */
  toggle(text: string): Locator {
    return this.title(text).getByTestId("group-toggle");
  }

  filter(name: "all" | "stages" | "logs" | "warnings"): Locator {
    return this.page.getByTestId(`filter-${name}`);
  }

  /** Opens the menu of tools, which exists only if the toolbar is narrow. Returns whether it exists. */
  async openTools(): Promise<boolean> {
    const menu = this.page.getByLabel("More tools");
    const isNarrow = await menu.isVisible();
    if (isNarrow) {
      await menu.click();
    }
    return isNarrow;
  }

  /** Expands the column with the timeline and the artifacts, which is collapsed on narrow screens. */
  async openAside() {
    const fold = this.page.locator(".job-aside > .fold");
    if (await fold.isVisible()) {
      await fold.click();
    }
  }

  /**
   * Returns the names of the tools that the reader cannot click, because they are outside the window or behind another
   * element. Items of menus that are closed are ignored.
   */
  async unreachableTools(): Promise<string[]> {
    return this.page.locator(".live-tools").evaluate((tools) => {
      const all = [...tools.querySelectorAll("button, a, summary")].filter((tool) => tool.checkVisibility());
      const isReachable = (tool: Element) => {
        const { left, right, top, bottom } = tool.getBoundingClientRect();
        const isInWindow = left >= 0 && right <= innerWidth && top >= 0 && bottom <= innerHeight;
        const at = (x: number) => tool.contains(document.elementFromPoint(x, (top + bottom) / 2));
        return isInWindow && at(left + 2) && at(right - 2);
      };
      return all.filter((tool) => !isReachable(tool)).map((tool) => tool.getAttribute("aria-label") ?? tool.textContent!);
    });
  }

  /** Returns the labels of the visible tools. */
  async visibleTools(): Promise<string[]> {
    return this.page.locator(".live-tools").evaluate((tools) =>
      [...tools.querySelectorAll("button, a, summary")]
        .filter((tool) => tool.checkVisibility())
        .map((tool) => tool.getAttribute("aria-label") ?? tool.textContent!.trim()),
    );
  }

  /** Opens the menu with the display options. */
  async openDisplayMenu() {
    await this.openTools();
    await this.page.getByTestId("display-menu").click();
  }

  /**
   * Opens the bar with the filters by step and stream. On narrow screens, the button for it is in the menu of tools.
   */
  async openFilterBar() {
    const isNarrow = await this.openTools();
    await this.page.getByTestId("filter-bar-open").filter({ visible: true }).click();
    if (isNarrow) {
      await this.page.getByLabel("More tools").click();
    }
  }

  /** Returns the row of the line with this number. */
  line(number: number): Locator {
    return this.page.locator(`[data-testid="live-row"][data-line="${number}"]`);
  }

  /** Returns the element that shows a line's number. A click on it selects the line. */
  numberOf(number: number): Locator {
    return this.line(number).locator(".live-number");
  }

  async expectConnection(state: string, timeout = 30_000) {
    await expect(this.connection).toHaveAttribute("data-state", state, { timeout });
  }

  /** Waits until the job has finished and the page has received all of its events. */
  async expectEnded(status: string) {
    await expect(this.status).toHaveAttribute("data-status", status, { timeout: 60_000 });
    await this.expectConnection("ended");
    await expect(this.verified, "the received output extends to the end of the log").toBeVisible();
  }

  /** Returns the text of each line in the document, without line numbers and times. */
  async texts(): Promise<string[]> {
    return this.lines.locator(".live-text").allTextContents();
  }

  async scrollTop(): Promise<number> {
    return this.panel.evaluate((panel) => panel.scrollTop);
  }
}
