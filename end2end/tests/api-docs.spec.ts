import { expect, test } from "../server.ts";

test("the page of the API leads from its index to an operation, without scripts, also on a phone", async ({ browser, page, server }) => {
  const context = await browser.newContext({ javaScriptEnabled: false, storageState: await page.context().storageState() });
  const plain = await context.newPage();
  for (const width of [1280, 360]) {
    await plain.setViewportSize({ width, height: 740 });
    await plain.goto(`${server.url}/api/docs`);
    await plain.getByRole("navigation", { name: "Operations" }).locator('a[href="#submitJob"]').click();
    await expect(plain.locator("#submitJob")).toBeInViewport();
    await expect(plain.locator("#submitJob")).toContainText("curl -s -X POST");
    expect(await plain.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
  }
  await context.close();
});

test("the person's menu leads to the page of the API, and the page leads back", async ({ page, server }) => {
  await page.goto(`${server.url}/tasks/queue`);
  await page.getByTestId("person-menu").click();
  await page.getByRole("link", { name: "API", exact: true }).click();
  await expect(page).toHaveURL(`${server.url}/api/docs`);
  await expect(page.getByRole("heading", { level: 1, name: "API" })).toBeVisible();
  await page.getByRole("link", { name: "Queue", exact: true }).click();
  await expect(page.getByTestId("person-menu")).toBeVisible();
});

test("the page of the API requires a login, and leads back to it", async ({ page, server }) => {
  await page.context().clearCookies();
  await page.goto(`${server.url}/api/docs`);
  await expect(page).toHaveURL(/\/login\?next=%2Fapi%2Fdocs$/);
});
