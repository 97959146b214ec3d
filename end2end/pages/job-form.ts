import { expect, type Locator, type Page } from "@playwright/test";
import type { Server } from "../server.ts";

/** The form for a new job, or for editing a job and running it again. */
export class JobForm {
  readonly title: Locator;
  readonly command: Locator;
  readonly workingDirectory: Locator;
  readonly shell: Locator;
  readonly names: Locator;
  readonly values: Locator;
  readonly secrets: Locator;
  readonly secretFiles: Locator;
  readonly submit: Locator;
  readonly errors: Locator;
  /** The checkbox that makes the steps run in a terminal. */
  readonly terminal: Locator;

  constructor(readonly page: Page) {
    this.title = page.getByLabel("Title");
    this.command = page.getByTestId("field-command");
    this.workingDirectory = page.getByLabel("Working directory");
    this.shell = page.getByLabel("Shell", { exact: true });
    this.names = page.getByTestId("field-env-name");
    this.values = page.getByTestId("field-env-value");
    this.secrets = page.getByTestId("field-secrets");
    this.secretFiles = page.getByTestId("field-secret-files");
    this.submit = page.getByTestId("submit-job");
    this.errors = page.getByTestId("field-error");
    this.terminal = page.getByTestId("field-terminal");
  }

  async open(server: Server, from?: string) {
    await this.page.goto(`${server.url}/tasks/queue/new${from ? `?from=${from}` : ""}`);
    await expect(this.page.locator("body[data-hydrated]")).toBeAttached();
  }

  /** Expands the section with further fields, which is collapsed initially. */
  async unfold() {
    const details = this.page.locator("details.further");
    if ((await details.getAttribute("open")) === null) await details.locator("summary").click();
  }

  /** Submits the form and returns the id of the new job, whose page opens. */
  async send(): Promise<string> {
    await this.submit.click();
    return this.led();
  }

  /** Waits until a job's page has opened, and returns the job's id. */
  async led(): Promise<string> {
    await expect(this.page).toHaveURL(/\/tasks\/queue\/[0-9a-f-]{36}$/);
    return this.page.url().slice(-36);
  }

  /** Returns the suggestions that a field offers. */
  async suggestions(field: Locator): Promise<string[]> {
    return field.evaluate((input) => [...(input as HTMLInputElement).list!.options].map((option) => option.value));
  }
}
