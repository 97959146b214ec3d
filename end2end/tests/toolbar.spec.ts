import { JobPage } from "../pages/job-page.ts";
import { expect, test } from "../server.ts";

const ALWAYS = ["Search", "Follow"];
const RARE = ["More filters", "Display options", "Copy", "Download", "Other downloads"];

for (const errors of [0, 1, 1500]) {
  test(`every tool is within the window at any width, with ${errors} errors`, async ({ page, server, api }) => {
    const id = await api.submit({ run: `seq 20000; for i in $(seq ${errors}); do echo "error: $i"; done` });
    await api.ended(id);
    const job = new JobPage(page);
    await page.setViewportSize({ width: 1400, height: 600 });
    await job.open(server, id);
    await expect(job.line(20_000 + errors)).toBeInViewport();
    await expect(job.errorCount).toHaveCount(errors > 0 ? 1 : 0);
    const rare = errors > 0 ? [...RARE, "Previous error", "Next error"] : RARE;
    for (let width = 761; width <= 1400; width += 13) {
      await page.setViewportSize({ width, height: 600 });
      expect(await job.unreachableTools(), `${width} px`).toEqual([]);
      const visible = await job.visibleTools();
      expect(visible, `${width} px`).toEqual(expect.arrayContaining(ALWAYS));
      if (!visible.includes("More tools")) expect(visible, `${width} px`).toEqual(expect.arrayContaining(rare));
    }
    // The other tools are in a menu. The items of this menu are also within the window.
    for (const width of [761, 900, 1040]) {
      await page.setViewportSize({ width, height: 600 });
      expect(await job.openTools(), `${width} px`).toBe(true);
      expect(await job.visibleTools(), `${width} px`).toEqual(expect.arrayContaining(rare));
      expect(await job.unreachableTools(), `${width} px`).toEqual([]);
      await page.getByLabel("More tools").click();
    }
  });
}

test("the buttons of the page's header stay within a narrow window", async ({ page, server, api }) => {
  const id = await api.submit({ title: "a long title ".repeat(15), run: "true" });
  await api.ended(id);
  const job = new JobPage(page);
  await page.setViewportSize({ width: 761, height: 600 });
  await job.open(server, id);
  await expect(page.getByRole("button", { name: "Run again", exact: true })).toBeInViewport({ ratio: 1 });
});

test("the result of copying does not move the tools", async ({ page, context, server, api }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const id = await api.submit({ run: "seq 3000" });
  await api.ended(id);
  const job = new JobPage(page);
  await job.open(server, id);
  const before = await job.download.boundingBox();
  expect((await job.copy.getByRole("status").boundingBox())!.height, "there is no result yet").toBe(0);
  await job.copy.click();
  await expect(job.copy.getByRole("status")).toContainText(/Copied 3,00\d lines/);
  await expect(job.copy.getByRole("status")).toBeInViewport({ ratio: 1 });
  expect(await job.download.boundingBox()).toEqual(before);
});

test.describe("on a phone", () => {
  test.use({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });

  test("the tools are in a menu, and can be used with a thumb", async ({ page, server, api }) => {
    const id = await api.submit({ run: "seq 300; echo 'error: one'" });
    await api.ended(id);
    const job = new JobPage(page);
    await job.open(server, id);
    await expect(job.errorCount).toBeAttached();
    expect(await job.openTools()).toBe(true);
    for (const testId of ["error-previous", "error-next", "copy-visible", "display-menu"]) {
      const { width, height } = (await page.getByTestId(testId).boundingBox())!;
      expect(width, testId).toBeGreaterThanOrEqual(44);
      // The group of error buttons is 44 px high. Its border leaves 42 px for the buttons.
      expect(height, testId).toBeGreaterThanOrEqual(42);
    }
  });

  test("nothing covers the bar for the selected lines", async ({ page, server, api }) => {
    const id = await api.submit({ run: "seq 300" });
    await api.ended(id);
    const job = new JobPage(page);
    await job.open(server, id);
    await job.numberOf(285).click();
    await expect(job.chosen).toContainText("Line 285");
    // Wait until the bar has faded in.
    await page.evaluate(() => Promise.all(document.getAnimations().map((animation) => animation.finished)));
    const covering = await job.chosen.evaluate((bar) => {
      const { left, top, width, height } = bar.getBoundingClientRect();
      const points = Array.from({ length: 400 }, (_, i) => [left + ((i % 20) + 0.5) * (width / 20), top + (Math.floor(i / 20) + 0.5) * (height / 20)]);
      return points.map(([x, y]) => document.elementFromPoint(x!, y!)!).filter((element) => !bar.contains(element)).map((element) => element.className);
    });
    // The corners of the bar are round, so the list is visible at its corners.
    expect(covering.filter((name) => name !== "live-rows" && name !== "live")).toEqual([]);
  });

  test("the checkbox of a job can be touched in an area of 44 pixels", async ({ page, server, api }) => {
    await api.ended(await api.submit({ run: "true" }));
    await api.submit({ run: "sleep 600" });
    await page.goto(`${server.url}/tasks/queue`);
    await new JobPage(page).hydrated();
    const checkbox = page.locator(".job-select:enabled").first();
    await expect(checkbox).toBeVisible();
    const size = await checkbox.evaluate((box) => {
      const { left, top, width, height } = box.getBoundingClientRect();
      const isHit = (x: number, y: number) => document.elementFromPoint(left + width / 2 + x, top + height / 2 + y) === box;
      const range = [...Array(81).keys()].map((i) => i - 40);
      return [range.filter((x) => isHit(x, 0)).length, range.filter((y) => isHit(0, y)).length];
    });
    expect(Math.min(...size), String(size)).toBeGreaterThanOrEqual(44);
  });
});
