import { expect, test } from "../server.ts";
import { JobPage } from "../pages/job-page.ts";

const TIME_OF_DAY = /^\d\d:\d\d:\d\d\.\d\d\d$/;

test("the displayed times of the lines can be chosen, and the choice is stored", async ({ page, server, api }) => {
  const id = await api.submit({ steps: [{ run: "echo one; sleep 1.2" }, { run: "echo two" }] });
  await api.ended(id);
  const job = new JobPage(page);
  await job.open(server, id);
  const times = async () => job.lines.locator(".live-time").allTextContents();
  const sinceAttempt = (await times())[1];
  expect(sinceAttempt).toMatch(/^00:0[1-9]\.\d$/);
  await job.openDisplayMenu();
  await page.getByLabel("Since the step began").check();
  await expect.poll(async () => (await times())[1]).not.toBe(sinceAttempt);
  expect((await times())[1]! < sinceAttempt!, "the second step began later").toBe(true);
  await page.getByLabel("UTC").check();
  const utc = new Date().toISOString().slice(11, 16);
  await expect.poll(async () => (await times())[0]).toMatch(TIME_OF_DAY);
  expect([utc, new Date(Date.now() - 60_000).toISOString().slice(11, 16)]).toContain((await times())[0]!.slice(0, 5));
  await page.keyboard.press("Escape");
  await expect(page.getByLabel("UTC")).toBeHidden();

  await page.reload();
  await job.hydrated();
  await expect.poll(async () => (await times())[0]).toMatch(TIME_OF_DAY);
  await page.keyboard.press("t");
  await expect.poll(times).toEqual(["", ""]);
});

test.describe("in another time zone", () => {
  test.use({ timezoneId: "Asia/Kolkata" });

  test("local times are those of the reader's time zone", async ({ page, server, api }) => {
    const id = await api.submit({ run: "date -u +%H:%M:%S; sleep 0.1" });
    await api.ended(id);
    const job = new JobPage(page);
    await job.open(server, id);
    await job.openDisplayMenu();
    await page.getByLabel("Local time").check();
    const time = job.line(1).locator(".live-time");
    await expect(time).toHaveText(TIME_OF_DAY);
    const [printed] = await job.texts();
    const minutes = (text: string) => Number(text.slice(0, 2)) * 60 + Number(text.slice(3, 5));
    const ahead = (minutes((await time.textContent())!) - minutes(printed!) + 1440) % 1440;
    // A minute may have ended after the command printed its time and before the worker captured its output.
    expect([330, 331]).toContain(ahead);
  });
});

test("the streams of errors can be told apart without colour, and screen readers are told the stream where it changes", async ({ page, server, api }) => {
  // Without the pauses, the lines of the two streams might arrive in another order.
  const run = "echo 'error: a'; sleep 0.3; echo 'error: b' >&2; echo 'error: c' >&2; sleep 0.3; echo d";
  const id = await api.submit({ run });
  await api.ended(id);
  const job = new JobPage(page);
  await job.open(server, id);
  await expect(job.line(4)).toBeVisible();
  const edge = (number: number) =>
    job.line(number).locator(".live-text").evaluate((text) => {
      const { borderLeftColor, backgroundImage } = getComputedStyle(text);
      return { isSolid: borderLeftColor !== "rgba(0, 0, 0, 0)", isDashed: backgroundImage.includes("gradient") };
    });
  expect(await edge(1)).toEqual({ isSolid: true, isDashed: false });
  expect(await edge(2)).toEqual({ isSolid: false, isDashed: true });
  expect(await edge(4)).toEqual({ isSolid: false, isDashed: false });
  const spoken = job.lines.locator(".visually-hidden");
  await expect(spoken).toHaveText(["stderr: ", "stdout: "]);
  await expect(job.line(2).locator(".visually-hidden")).toHaveText("stderr: ");
  await expect(job.line(4).locator(".visually-hidden")).toHaveText("stdout: ");
});

test("a link in the output (OSC 8) shows its target, and only web addresses become links", async ({ page, server, api }) => {
  const link = (target: string, text: string) => `\\033]8;;${target}\\033\\\\${text}\\033]8;;\\033\\\\`;
  const run = `printf '${link("https://example.com/docs", "the docs")} and ${link("javascript:alert(1)", "a script")}\\n'`;
  const id = await api.submit({ run });
  await api.ended(id);
  const job = new JobPage(page);
  await job.open(server, id);
  await expect(job.line(1).locator(".live-text")).toHaveText("the docs and a script");
  const links = job.line(1).getByRole("link");
  await expect(links).toHaveCount(1);
  await expect(links).toHaveText("the docs");
  await expect(links).toHaveAttribute("href", "https://example.com/docs");
  await expect(links).toHaveAttribute("title", /https:\/\/example\.com\/docs/);
  await expect(links).toHaveAttribute("rel", /noopener/);
});

test("long lines can be shown in one row, and the list scrolls horizontally", async ({ page, server, api }) => {
  const id = await api.submit({ run: "for i in $(seq 200); do printf '%s ' $i; seq -s ' ' 300; done" });
  await api.ended(id);
  const job = new JobPage(page);
  await job.open(server, id);
  await expect(job.line(200)).toBeInViewport();
  const height = async () => (await job.line(200).boundingBox())!.height;
  expect(await height()).toBeGreaterThan(40);
  await page.keyboard.press("w");
  await expect.poll(height).toBe(20);
  await expect(job.line(200)).toBeInViewport();
  await job.panel.evaluate((panel) => (panel.scrollLeft = panel.scrollWidth));
  expect(await job.panel.evaluate((panel) => panel.scrollLeft)).toBeGreaterThan(1000);
  await page.keyboard.press("Home");
  await expect(job.line(1)).toBeInViewport();
  await job.panel.evaluate((panel) => (panel.scrollTop = panel.scrollHeight));
  await expect(job.follow, "following resumes at the end, at any horizontal scroll position").toHaveAttribute("aria-pressed", "true");

  await page.reload();
  await job.hydrated();
  await expect.poll(height).toBe(20);
  await page.keyboard.press("w");
  await expect.poll(height).toBeGreaterThan(40);
  expect(await job.panel.evaluate((panel) => panel.scrollWidth - panel.clientWidth)).toBe(0);
});
