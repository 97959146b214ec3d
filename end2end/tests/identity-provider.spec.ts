import { IdentityProvider } from "../identity-provider.ts";
import { PeoplePage } from "../pages/people-page.ts";
import { expect, test as base } from "../server.ts";

const test = base.extend<{ provider: IdentityProvider }>({
  provider: async ({ context, server }, use) => {
    const provider = await IdentityProvider.start();
    await server.down("SIGTERM");
    server.env = provider.settings;
    await server.up();
    await context.clearCookies();
    await use(provider);
    await provider.stop();
  },
});

test("a person logs in with the provider, and arrives at the page that was requested", async ({ page, server, api, provider }) => {
  const id = await api.submit({ run: "echo one" });
  await page.goto(`${server.url}/tasks/queue/${id}`);
  await expect(page).toHaveURL(/\/login\?next=/);
  await page.getByRole("link", { name: "Log in with Example ID" }).click();
  expect(page.url()).toContain(`${provider.url}/authorize?`);
  await page.getByRole("link", { name: "Continue as Ada" }).click();
  await expect(page).toHaveURL(`${server.url}/tasks/queue/${id}`);
  await expect(page.getByTestId("job-status")).toBeVisible();
  await page.goto(`${server.url}/tasks/queue`);
  await expect(page.getByTestId("person-menu")).toHaveText("oidc:ada");
  await expect(page.getByRole("link", { name: "New job" })).toHaveCount(0);
  await new PeoplePage(page).hydrated();
  await page.getByTestId("person-menu").click();
  await page.getByRole("button", { name: "Log out" }).click();
  await expect(page.getByRole("link", { name: "Log in with Example ID" })).toBeVisible();
});

test("a person whom the provider gives no role is told so, and can try again", async ({ page, server, provider }) => {
  provider.claims = { ...provider.claims, groups: ["visitors"] };
  await page.goto(`${server.url}/login`);
  await page.getByTestId("login-provider").click();
  await page.getByRole("link", { name: "Continue as Ada" }).click();
  await expect(page.getByRole("heading", { name: "The login failed" })).toBeVisible();
  await expect(page.getByText("oidc:ada")).toBeVisible();
  await expect(page.getByTestId("person-menu")).toHaveCount(0);

  provider.claims = { ...provider.claims, groups: ["developers"] };
  await page.goto(`${server.url}/login`);
  await page.getByTestId("login-provider").click();
  await page.getByRole("link", { name: "Continue as Ada" }).click();
  await expect(page.getByTestId("person-menu")).toHaveText("oidc:ada");
});
