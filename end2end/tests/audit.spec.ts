import { expect, test } from "../server.ts";

test("the audit log shows who changed what, is filtered without scripts, and leads to the job", async ({ browser, page, server, api }) => {
  const id = await api.submit({ run: "true" });
  await api.setSecret("DEPLOY_KEY", "a-value-that-is-not-shown");
  await page.goto(`${server.url}/tasks/queue`);
  await page.getByTestId("person-menu").click();
  await page.getByRole("link", { name: "Audit log" }).click();
  const rows = page.getByTestId("audit-row");
  await expect(rows.filter({ hasText: "secret.set DEPLOY_KEY" })).toContainText("admin with the admin token from 127.0.0.1");
  await expect(rows.filter({ hasText: "login" })).toContainText("admin with the admin token from 127.0.0.1");
  expect(await page.content()).not.toContain("a-value-that-is-not-shown");
  await rows.getByRole("link", { name: id }).click();
  await expect(page.getByTestId("job-status")).toBeVisible();

  const plain = await browser.newContext({ javaScriptEnabled: false, storageState: await page.context().storageState() });
  const form = await plain.newPage();
  await form.goto(`${server.url}/audit`);
  await form.getByLabel("Action").fill("job");
  await form.getByRole("button", { name: "Filter" }).click();
  await expect(form.getByTestId("audit-row")).toHaveCount(1);
  await expect(form.getByTestId("audit-row")).toContainText(`job.submit ${id}`);
  await form.getByLabel("User").fill("nobody");
  await form.getByRole("button", { name: "Filter" }).click();
  await expect(form.getByTestId("no-entries")).toBeVisible();
  await plain.close();
});

test("on a narrow phone, the audit log and the header of the queue fit the width", async ({ page, server, api }) => {
  await page.setViewportSize({ width: 360, height: 740 });
  await api.submit({ run: "true" });
  for (const path of ["/audit", "/tasks/queue"]) {
    await page.goto(server.url + path);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
    const menu = (await page.getByTestId("person-menu").boundingBox())!;
    expect(menu.x + menu.width).toBeLessThanOrEqual(360);
  }
});
