import { readFile } from "node:fs/promises";
import { JobPage } from "../pages/job-page.ts";
import { expect, test } from "../server.ts";

test.beforeEach(async ({ context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
});

test("chosen lines stay chosen while the reader scrolls, and are copied as text, as Markdown and as a link", async ({ page, server, api }) => {
  const id = await api.submit({ title: "Copy [me]", run: "seq -f 'line %.0f' 20000; printf '\\033[31mred\\033[0m\\n'" });
  await api.ended(id);
  const job = new JobPage(page);
  await job.open(server, id);
  const clipboard = () => page.evaluate(() => navigator.clipboard.readText());

  await page.goto(`${server.url}/tasks/queue/${id}#L5000`);
  await job.hydrated();
  await expect(job.line(5_000)).toBeInViewport();
  await expect(job.chosen).toContainText("Line 5000");
  // When the last line is selected, the row of the first selected line is no longer in the document.
  await page.keyboard.press("End");
  await expect(job.line(20_001)).toBeInViewport();
  await job.numberOf(20_001).click({ modifiers: ["Shift"] });
  await expect(job.chosen).toContainText("15,002 lines: 5000\u201320001");
  await expect(page).toHaveURL(/#L5000-L20001$/);
  await page.keyboard.press("c");
  await expect(job.chosen).toContainText("Copied 15,002 lines");
  const numbers = Array.from({ length: 15_001 }, (_, i) => `line ${5_000 + i}\n`);
  expect(await clipboard()).toBe([...numbers, "red\n"].join(""));

  await job.numberOf(20_000).click();
  await expect(page).toHaveURL(/#L20000$/);
  await job.numberOf(19_999).click({ modifiers: ["Shift"] });
  await expect(page).toHaveURL(/#L19999-L20000$/);
  await page.getByTestId("chosen-link").click();
  await expect(job.chosen).toContainText("Copied the link");
  expect(await clipboard()).toBe(`${server.url}/tasks/queue/${id}#L19999-L20000`);
  await page.keyboard.press("m");
  await expect(job.chosen).toContainText("Copied 2 lines as Markdown");
  expect(await clipboard()).toBe(
    `[Copy \\[me\\], lines 19999\u201320000](${server.url}/tasks/queue/${id}#L19999-L20000) (succeeded)\n\n` +
      "```text\nline 19999\nline 20000\n```\n",
  );
  await page.keyboard.press("Escape");
  await expect(job.chosen).toHaveCount(0);
  await expect(page).toHaveURL(new RegExp(`/${id}$`));
});

test("lines are selected, extended, copied and linked by keys alone", async ({ page, server, api }) => {
  const id = await api.submit({ run: "seq -f 'line %.0f' 1000; echo oops >&2" });
  await api.ended(id);
  const job = new JobPage(page);
  await job.open(server, id);
  await expect(job.line(1001)).toBeInViewport();
  const clipboard = () => page.evaluate(() => navigator.clipboard.readText());
  await page.keyboard.press("k");
  await expect(job.chosen).toContainText("Line 1001");
  await expect(job.current).toHaveAttribute("data-line", "1001");
  await expect(job.announcer).toHaveText("stderr: oops");
  expect(await job.current.evaluate((row) => getComputedStyle(row).outlineStyle)).toBe("solid");
  await page.keyboard.press("k");
  await expect(job.announcer).toHaveText("line 1000");
  await page.keyboard.press("K");
  await page.keyboard.press("K");
  await expect(page).toHaveURL(/#L998-L1000$/);
  await expect(job.current).toHaveAttribute("data-line", "998");
  await page.keyboard.press("J");
  await page.keyboard.press("c");
  await expect(job.chosen).toContainText("Copied 2 lines");
  expect(await clipboard()).toBe("line 999\nline 1000\n");
  await page.keyboard.press("l");
  await expect(job.chosen).toContainText("Copied the link");
  expect(await clipboard()).toMatch(/#L999-L1000$/);

  // The list scrolls to keep the current line in view. After a click on a line number, keys continue from the clicked
  // line.
  await job.panel.focus();
  for (const _ of Array(60)) await page.keyboard.press("k");
  await expect(job.chosen).toContainText("Line 939");
  await expect(job.current).toBeInViewport();
  await expect(job.follow).toHaveAttribute("aria-pressed", "false");
  await job.numberOf(945).click();
  await expect(job.panel, "the list keeps the focus").toBeFocused();
  await page.keyboard.press("J");
  await expect(job.chosen).toContainText("2 lines: 945\u2013946");
  await page.keyboard.press("m");
  await expect(job.chosen).toContainText("Copied 2 lines as Markdown");
  await page.keyboard.press("Escape");
  await expect(job.chosen).toHaveCount(0);
  await page.keyboard.press("?");
  await expect(page.getByRole("dialog")).toContainText("Extend the selection to the next or previous line");
});

test("everything that the filter shows is copied, although only a part of it is in the browser", async ({ page, server, api }) => {
  const id = await api.submit({ run: "awk 'BEGIN { for (i = 1; i <= 30000; i++) print (i % 10 ? \"line\" : \"warning\") \": \" i }'" });
  await api.ended(id);
  const job = new JobPage(page);
  await job.open(server, id);
  await job.filter("warnings").click();
  await expect(job.filter("warnings")).toContainText("3,000");
  await job.copy.click();
  await expect(job.copy).toContainText("Copied 3,000 lines");
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  expect(copied).toBe(Array.from({ length: 3_000 }, (_, i) => `warning: ${(i + 1) * 10}\n`).join(""));
  await job.filter("logs").click();
  await job.copy.click();
  await expect(job.copy).toContainText("Copied 30,000 lines");
});

test("a link to a range of an earlier attempt marks its lines", async ({ page, server, api }) => {
  const id = await api.submit({ run: "seq -f \"$TAILWATER_ATTEMPT-%.0f\" 3000; exit 1" }, { maxAttempts: 2 });
  await api.ended(id);
  const job = new JobPage(page);
  await page.goto(`${server.url}/tasks/queue/${id}#1:L2000-L2002`);
  await job.hydrated();
  await expect(page.locator('[data-marked="true"] .live-text')).toHaveText(["1-2000", "1-2001", "1-2002"]);
  await expect(job.chosen).toContainText("3 lines: 2000\u20132002");
});

test("a message is shown if the browser does not allow copying", async ({ page, server, api }) => {
  const id = await api.submit({ run: "echo text" });
  await api.ended(id);
  const job = new JobPage(page);
  await page.addInitScript(() => {
    navigator.clipboard.writeText = () => Promise.reject(new Error("refused"));
    document.execCommand = () => false;
  });
  await job.open(server, id);
  await job.copy.click();
  await expect(job.copy).toContainText("The browser does not allow copying");
});

test("the log is downloaded while the job runs, complete, with timestamps, or as the filter shows it", async ({ page, server, api }) => {
  const id = await api.submit({ run: "seq 5000; echo 'error: \u001b[31mred\u001b[0m' >&2; sleep 600" });
  const job = new JobPage(page);
  await job.open(server, id);
  await expect(job.line(5_001)).toBeInViewport();
  await job.filter("warnings").click();
  const saved = async (testId: string) => {
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByTestId(testId).click()]);
    return { name: download.suggestedFilename(), text: await readFile(await download.path(), "utf8") };
  };
  const complete = await saved("download-log");
  expect(complete.name).toBe("output.log");
  expect(complete.text.split("\n").slice(-3)).toEqual(["5000", "error: \u001b[31mred\u001b[0m", ""]);
  await job.downloadMenu.click();
  const timed = await saved("download-timestamps");
  expect(timed.text).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z 1\n/);
  const filtered = await saved("download-filtered");
  expect(filtered.text).toBe("error: \u001b[31mred\u001b[0m\n");
  await page.request.post(`${server.url}/rpc/cancel_job`, { form: { id }, headers: { origin: server.url } });
});
