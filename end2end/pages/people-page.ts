import { expect, type Locator, type Page } from "@playwright/test";
import { password, type Server } from "../server.ts";

/** The people page and the account page. */
export class PeoplePage {
  readonly users: Locator;
  readonly sessions: Locator;
  readonly tokens: Locator;
  readonly done: Locator;
  readonly error: Locator;
  readonly newToken: Locator;
  readonly newLoginLink: Locator;

  constructor(readonly page: Page) {
    this.users = page.getByTestId("user-row");
    this.sessions = page.getByTestId("session-row");
    this.tokens = page.getByTestId("token-row");
    this.done = page.getByTestId("people-done");
    this.error = page.getByTestId("people-error");
    this.newToken = page.getByTestId("new-token");
    this.newLoginLink = page.getByTestId("new-login-link");
  }

  async open(server: Server) {
    await this.page.goto(`${server.url}/people`);
    await this.hydrated();
  }

  async openAccount(server: Server) {
    await this.page.goto(`${server.url}/account`);
    await this.hydrated();
  }

  async hydrated() {
    await expect(this.page.locator("body[data-hydrated]")).toBeAttached();
  }

  /** Logs in as a user. Removes the cookies first, so that nobody else is logged in. */
  async logIn(server: Server, name: string, secret = password) {
    await this.page.context().clearCookies();
    await this.page.goto(`${server.url}/login`);
    await this.page.getByLabel("Name").fill(name);
    await this.page.getByLabel("Password").fill(secret);
    await this.page.getByTestId("login-password").click();
    await this.page.waitForURL((url) => url.pathname !== "/login" || url.searchParams.has("error"));
  }

  /** Creates a login link for a user and returns it. */
  async createLoginLink(name: string): Promise<string> {
    await this.unfold(name);
    await this.user(name).getByTestId("create-login-link").click();
    return (await this.newLoginLink.textContent())!;
  }

  /** Opens a login link, enters a new password unless it is empty, and submits the form. */
  async openLoginLink(link: string, secret: string) {
    await this.page.goto(link);
    await this.page.getByLabel("New password").fill(secret);
    await this.page.getByTestId("login-submit").click();
  }

  /** Fills in the form for a new user and submits it. */
  async add(name: string, role: string, secret = password) {
    const form = this.page.getByRole("form", { name: "Add a user" });
    await form.getByLabel("Name").fill(name);
    await form.getByLabel("Role").selectOption(role);
    await form.getByLabel("Password").fill(secret);
    await form.getByTestId("add-user").click();
  }

  /** Fills in the form for a new token and submits it. */
  async createToken(name: string) {
    await this.page.getByTestId("token-name").fill(name);
    await this.page.getByTestId("create-token").click();
  }

  /** Returns the row of a user. */
  user(name: string): Locator {
    return this.users.filter({ has: this.page.getByText(name, { exact: true }) });
  }

  /** Expands the forms that change and remove a user. */
  async unfold(name: string) {
    await this.user(name).locator("summary").click();
  }
}
