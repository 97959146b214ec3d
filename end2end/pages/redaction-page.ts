import { expect, type Locator, type Page } from "@playwright/test";
import type { Server } from "../server.ts";

/** The page on which people enter text to see what would be masked. */
export class RedactionPage {
  readonly text: Locator;
  readonly test: Locator;
  readonly result: Locator;
  readonly masked: Locator;
  readonly rules: Locator;

  constructor(readonly page: Page) {
    this.text = page.getByTestId("redaction-text");
    this.test = page.getByTestId("test-redaction");
    this.result = page.getByTestId("redaction-result");
    this.masked = page.getByTestId("masked-text");
    this.rules = page.getByTestId("redaction-rules");
  }

  async open(server: Server) {
    await this.page.goto(`${server.url}/redaction`);
    await expect(this.page.locator("body[data-hydrated]")).toBeAttached();
  }
}
