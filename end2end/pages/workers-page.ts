import { expect, type Locator, type Page } from "@playwright/test";
import type { Server } from "../server.ts";

/** The page with the lists of workers and pauses. */
export class WorkersPage {
  readonly workers: Locator;
  readonly pauses: Locator;
  readonly done: Locator;

  constructor(readonly page: Page) {
    this.workers = page.getByTestId("worker-row");
    this.pauses = page.getByTestId("pause-row");
    this.done = page.getByTestId("workers-done");
  }

  async open(server: Server) {
    await this.page.goto(`${server.url}/workers`);
    await this.hydrated();
  }

  async hydrated() {
    await expect(this.page.locator("body[data-hydrated]")).toBeAttached();
  }

  /** Pauses the queue or, if `kind` is given, the jobs of this type, with the form on the page. */
  async pause(reason: string, kind = "") {
    await this.page.getByTestId("pause-kind").fill(kind);
    await this.page.getByTestId("pause-reason").fill(reason);
    await this.page.getByTestId("pause").click();
  }
}
