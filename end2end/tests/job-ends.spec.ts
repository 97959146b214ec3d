import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { JobPage } from "../pages/job-page.ts";
import { expect, test } from "../server.ts";

const icon = "link[rel=icon]";

test("the tab's icon shows the job's status, and a notification is shown when the job ends, if the user requested it", async ({ page, context, server, api }) => {
  await context.grantPermissions(["notifications"]);
  await page.addInitScript(() => {
    const shown: string[] = [];
    const Fake = Object.assign(
      class {
        constructor(title: string, options: NotificationOptions) {
          shown.push(`${title}: ${options.body}`);
        }
      },
      { requestPermission: () => Promise.resolve("granted"), permission: "granted" },
    );
    Object.assign(window, { Notification: Fake, shown });
  });
  const gate = join(server.data, "gate");
  const id = await api.submit({ title: "Long one", run: `echo one; until [ -e '${gate}' ]; do sleep 0.05; done; exit 3` });
  const job = new JobPage(page);
  await job.open(server, id);
  await expect(page.locator(icon)).toHaveAttribute("href", "/favicon-running.svg");
  const notify = page.getByTestId("notify");
  await expect(notify).toHaveAttribute("aria-pressed", "false");
  await notify.click();
  await expect(notify).toHaveAttribute("aria-pressed", "true");
  await writeFile(gate, "");
  await job.expectEnded("failed");
  await expect(page.locator(icon)).toHaveAttribute("href", "/favicon-failed.svg");
  await expect(notify).toHaveCount(0);
  await expect.poll(() => page.evaluate(() => Reflect.get(window, "shown"))).toEqual(["Long one: Failed"]);
  for (const name of ["running", "succeeded", "failed", "cancelled"]) {
    const reply = await page.request.get(`${server.url}/favicon-${name}.svg`);
    expect([reply.status(), reply.headers()["content-type"]]).toEqual([200, "image/svg+xml"]);
  }

  await page.getByRole("link", { name: "Queue" }).click();
  await expect(page.locator(icon)).toHaveAttribute("href", "/favicon.svg");
});

test("a message is shown if the browser blocks notifications", async ({ page, server, api }) => {
  await page.addInitScript(() => {
    Notification.requestPermission = () => Promise.resolve("denied");
  });
  const id = await api.submit({ run: "sleep 600" });
  const job = new JobPage(page);
  await job.open(server, id);
  await page.getByTestId("notify").click();
  await expect(page.getByRole("button", { name: "Your browser blocks notifications. Allow them for this site and reload the page." })).toBeDisabled();
  await page.getByTestId("cancel-job").click();
  await job.expectEnded("cancelled");
});
