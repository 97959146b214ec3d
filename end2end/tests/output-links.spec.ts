import type { Locator } from "@playwright/test";
import { JobPage } from "../pages/job-page.ts";
import { type Api, expect, test } from "../server.ts";

const target = "https://elsewhere.example/path?a=1";
const text = "https://bank.example/login";

/** Submits a job that prints a link whose text names another address, and links with other schemes. */
async function linksOf(api: Api): Promise<string> {
  const link = (url: string, text: string) => `printf '\\033]8;;%s\\033\\\\%s\\033]8;;\\033\\\\\\n' '${url}' '${text}'`;
  const refused = ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "ftp://files.example/", "mailto:a@b.example", "//elsewhere.example"];
  const id = await api.submit({ run: [link(target, text), ...refused.map((url) => link(url, `text of ${url.split(":")[0]}`))].join("; ") });
  await api.ended(id);
  return id;
}

/** Returns the text that the style sheet adds after a link, or `none`. */
const beside = (link: Locator) => link.evaluate((link) => getComputedStyle(link, "::after").content);

test("a link in the output shows its target before it is followed, and only web addresses are links", async ({ page, server, api }) => {
  const job = new JobPage(page);
  await job.open(server, await linksOf(api));
  await job.expectEnded("succeeded");
  await expect(job.lines).toHaveCount(7);
  await expect(job.lines.locator("a")).toHaveCount(1);
  const link = job.line(1).getByRole("link");
  await expect(link).toHaveText(text);
  await expect(link).toHaveAttribute("href", target);
  // Mouse users see the title as a tooltip.
  await expect(link).toHaveAttribute("title", target);
  await expect(link).toHaveAttribute("rel", /noopener/);
  await expect(job.line(2)).toContainText("text of javascript");
});

test("a link in the output shows its target to those who use the keyboard or a finger", async ({ page, server, api }) => {
  const job = new JobPage(page);
  await job.open(server, await linksOf(api));
  await job.expectEnded("succeeded");
  const link = job.line(1).getByRole("link");
  expect(await beside(link)).toBe("none");
  for (let presses = 0; presses < 100 && !(await link.evaluate((link) => link === document.activeElement)); presses++) {
    await page.keyboard.press("Tab");
  }
  await expect(link).toBeFocused();
  expect(await beside(link)).toBe(JSON.stringify(target));
  await page.keyboard.press("Tab");
  expect(await beside(link)).toBe("none");

  // A link is `:active` while a finger touches it, and also while a mouse button is pressed on it. The test uses the
  // mouse.
  await link.hover();
  await page.mouse.down();
  expect(await beside(link)).toBe(JSON.stringify(target));
  await page.mouse.move(0, 0);
  await page.mouse.up();
  await expect(page).toHaveURL(/\/tasks\/queue\/[-0-9a-f]+$/);
});
