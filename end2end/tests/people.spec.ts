import { JobPage } from "../pages/job-page.ts";
import { PeoplePage } from "../pages/people-page.ts";
import { expect, password, test } from "../server.ts";

test("the first login leads to the page for people, where a user is added who then logs in", async ({ page, server }) => {
  const people = new PeoplePage(page);
  await page.context().clearCookies();
  await page.goto(server.loginLink);
  await page.getByTestId("login-submit").click();
  await expect(page).toHaveURL(/\/people$/);
  await expect(page.getByTestId("no-users")).toContainText("Add yourself");
  await people.hydrated();
  await people.add("ada", "admin");
  await expect(people.done).toHaveText("The user was added.");
  await page.getByTestId("person-menu").click();
  await page.getByRole("button", { name: "Log out" }).click();
  await expect(page).toHaveURL(/\/login$/);
  await people.logIn(server, "ADA", "wrong horse battery");
  await expect(page.getByRole("alert")).toHaveText("The name or the password is not correct.");
  await people.logIn(server, "ADA");
  await expect(page).toHaveURL(/\/tasks\/queue$/);
  await expect(page.getByTestId("person-menu")).toHaveText("ada");
});

test("a user is changed, disabled, enabled and removed", async ({ page, server, api }) => {
  await api.addUser("ada", "viewer");
  const people = new PeoplePage(page);
  await people.open(server);
  await people.unfold("ada");
  await people.user("ada").getByLabel("Role").selectOption("operator");
  await people.user("ada").getByTestId("set-role").click();
  await expect(people.user("ada")).toContainText("operator");
  await people.unfold("ada");
  await people.user("ada").getByLabel("New password").fill("another horse battery");
  await people.user("ada").getByTestId("set-password").click();
  await expect(people.done).toContainText("logged out everywhere");
  await people.unfold("ada");
  await people.user("ada").getByTestId("disable-user").click();
  await expect(people.user("ada")).toContainText("operator, disabled");
  await people.unfold("ada");
  await people.user("ada").getByTestId("enable-user").click();
  await expect(people.user("ada")).not.toContainText("operator, disabled");
  await people.unfold("ada");
  await people.user("ada").getByTestId("remove-user").click();
  await expect(people.users).toHaveCount(0);
});

test("a viewer watches a job and is offered nothing that the role does not permit", async ({ page, server, api }) => {
  const id = await api.submit({ run: "echo one; sleep 600" });
  await api.addUser("ada", "viewer");
  await new PeoplePage(page).logIn(server, "ada");
  await expect(page.getByRole("link", { name: "Secrets" })).toHaveCount(0);
  await expect(page.getByRole("link", { name: "New job" })).toHaveCount(0);
  const job = new JobPage(page);
  await job.open(server, id);
  await expect(job.line(1)).toBeVisible();
  await expect(page.getByTestId("cancel-job")).toHaveCount(0);
  await page.goto(`${server.url}/tasks/queue/new`);
  await expect(page.getByTestId("not-allowed")).toContainText("Your role is viewer.");
});

test("a password is changed with the current one", async ({ page, server, api }) => {
  await api.addUser("ada", "viewer");
  const people = new PeoplePage(page);
  await people.logIn(server, "ada");
  await people.openAccount(server);
  const change = async (current: string) => {
    await page.getByLabel("Current password").fill(current);
    await page.getByLabel("New password").fill("another horse battery");
    await page.getByTestId("change-password").click();
  };
  await change("wrong horse battery");
  await expect(people.error).toHaveText("The current password is not correct.");
  await change(password);
  await expect(people.done).toHaveText("Your password was changed.");
  await people.logIn(server, "ada", "another horse battery");
  await expect(page).toHaveURL(/\/tasks\/queue$/);
});

test("a person who is invited with a login link chooses a password and then logs in with it", async ({ browser, page, server }) => {
  const people = new PeoplePage(page);
  await people.open(server);
  await people.add("ada", "viewer", "");
  const invitation = (await people.newLoginLink.textContent())!;
  await people.hydrated();
  await expect(people.newLoginLink).toHaveText(invitation);
  await expect(people.user("ada").getByTestId("login-link")).toContainText("login link until");
  const guest = new PeoplePage(await (await browser.newContext()).newPage());
  await guest.openLoginLink(invitation, "");
  await expect(guest.page.getByRole("alert")).toContainText("Choose a new password");
  await guest.page.getByLabel("New password").fill(password);
  await guest.page.getByTestId("login-submit").click();
  await expect(guest.page).toHaveURL(/\/tasks\/queue$/);
  await expect(guest.page.getByTestId("person-menu")).toHaveText("ada");
  await guest.openLoginLink(invitation, password);
  await expect(guest.page.getByRole("alert")).toContainText("Ask an administrator for a new link.");
  await guest.logIn(server, "ada");
  await expect(guest.page).toHaveURL(/\/tasks\/queue$/);

  await people.open(server);
  await expect(people.newLoginLink).toHaveCount(0);
  const revoked = await people.createLoginLink("ada");
  await people.unfold("ada");
  await people.user("ada").getByTestId("revoke-login-link").click();
  await expect(people.done).toHaveText("The login link was revoked.");
  await guest.openLoginLink(revoked, "");
  await expect(guest.page.getByRole("alert")).toContainText("Ask an administrator for a new link.");
  await guest.page.context().close();
});

test("a token is shown once, works, and is revoked", async ({ page, server, api }) => {
  await api.addUser("ada", "operator");
  const people = new PeoplePage(page);
  await people.logIn(server, "ada");
  await people.openAccount(server);
  await expect(page.getByTestId("token-role").locator("option")).toHaveText(["viewer", "operator"]);
  await people.createToken("laptop");
  const token = (await people.newToken.textContent())!;
  expect(token).toMatch(/^twt_[0-9A-Za-z]{36}$/);
  await people.hydrated();
  await expect(people.newToken).toHaveText(token);
  const status = async () =>
    (await page.request.get(`${server.url}/api/queue/jobs`, { headers: { authorization: `Bearer ${token}` } })).status();
  expect(await status()).toBe(200);
  await people.openAccount(server);
  await expect(people.newToken).toHaveCount(0);
  await expect(people.tokens).toContainText(token.slice(0, 8));
  await people.tokens.getByTestId("revoke-token").click();
  await expect(people.done).toHaveText("The token was revoked.");
  expect(await status()).toBe(401);
});

test("ending a session in another browser is noticed by the pages that are open there", async ({ browser, page, server, api }) => {
  const id = await api.submit({ run: "echo one; sleep 600" });
  await api.addUser("ada", "viewer");
  const elsewhere = await (await browser.newContext()).newPage();
  await new PeoplePage(elsewhere).logIn(server, "ada");
  const job = new JobPage(elsewhere);
  await job.open(server, id);
  await expect(job.line(1)).toBeVisible();
  const people = new PeoplePage(page);
  await people.open(server);
  await people.sessions.filter({ hasText: "ada" }).getByTestId("end-session").click();
  await expect(people.done).toHaveText("The session was ended.");
  await expect(elsewhere.getByText(/not allowed|session has ended|log in/i).first()).toBeVisible();
  await elsewhere.reload();
  await expect(elsewhere).toHaveURL(/\/login\?next=/);
  await elsewhere.context().close();
});

test("without scripts, people are managed with plain forms", async ({ browser, server, context, api }) => {
  await api.addUser("ada", "viewer");
  const plain = await browser.newContext({ javaScriptEnabled: false, storageState: await context.storageState() });
  const page = await plain.newPage();
  await page.goto(`${server.url}/people`);
  const people = new PeoplePage(page);
  await people.unfold("ada");
  await people.user("ada").getByTestId("disable-user").click();
  await expect(people.user("ada")).toContainText("disabled");
  await page.getByTestId("person-menu").click();
  await page.getByRole("link", { name: "Account" }).click();
  await people.createToken("laptop");
  await expect(people.newToken).toContainText("twt_");
  await plain.close();
});

test("on a phone, the pages for people and for one's own account fit the width", async ({ page, server, api }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await api.addUser("a-user-with-a-very-long-name-that-does-not-fit-into-one-line@x.y", "admin");
  await api.createToken("a token with a very long name that does not fit into one line of a phone");
  const width = () => page.evaluate(() => document.documentElement.scrollWidth);
  const people = new PeoplePage(page);
  await people.open(server);
  await people.users.locator("summary").click();
  expect(await width()).toBe(390);
  await people.openAccount(server);
  expect(await width()).toBe(390);
  await people.logIn(server, "a-user-with-a-very-long-name-that-does-not-fit-into-one-line@x.y");
  await expect(page).toHaveURL(/\/tasks\/queue$/);
  expect(await width()).toBe(390);
});
