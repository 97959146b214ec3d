import { expect, type Locator, type Page } from "@playwright/test";
import type { Server } from "../server.ts";

/** The page for named secrets. */
export class SecretsPage {
  readonly name: Locator;
  readonly add: Locator;
  readonly rows: Locator;
  readonly done: Locator;
  readonly error: Locator;

  constructor(readonly page: Page) {
    this.name = page.getByTestId("secret-name");
    this.add = page.getByTestId("add-secret");
    this.rows = page.getByTestId("secret-row");
    this.done = page.getByTestId("secret-done");
    this.error = page.getByTestId("secret-error");
  }

  async open(server: Server) {
    await this.page.goto(`${server.url}/secrets`);
    await expect(this.page.locator("body[data-hydrated]")).toBeAttached();
  }

  /** Fills in the form for a new secret and submits it. */
  async set(name: string, value: string) {
    await this.name.fill(name);
    await this.page.getByLabel("Value", { exact: true }).fill(value);
    await this.add.click();
  }

  /** Returns the row of a secret. */
  row(name: string): Locator {
    return this.rows.filter({ has: this.page.getByText(name, { exact: true }) });
  }

  /** Expands the forms that replace and remove a secret. */
  async unfold(name: string) {
    await this.row(name).locator("summary").click();
  }
}
