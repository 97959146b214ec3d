import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { JobPage } from "../pages/job-page.ts";
import { expect, test } from "../server.ts";

test("FR-001: the first line is on the page before the second is printed", async ({ page, server, api }) => {
  const go = join(server.data, "go");
  const id = await api.submit({ run: `echo first; while [ ! -e ${go} ]; do sleep 0.01; done; echo second` });
  const job = new JobPage(page);
  await job.open(server, id);
  await expect(job.line(1)).toContainText("first");
  await expect(job.line(2)).toHaveCount(0);
  await writeFile(go, "");
  await expect(job.line(2)).toContainText("second");
  await job.expectEnded("succeeded");
});

test("FR-003: a secret appears neither in the page nor in its source", async ({ page, server, api }) => {
  const secret = "hunter2-correct-horse-battery";
  const run = `printf hunter2-corr; sleep 0.3; printf 'ect-horse-battery\\n'; echo "again $DEPLOY_TOKEN"`;
  const id = await api.submit({ title: `with ${secret}`, env: { DEPLOY_TOKEN: secret }, run });
  const job = new JobPage(page);
  await job.open(server, id);
  await job.expectEnded("succeeded");
  await expect(job.line(2)).toContainText("again [REDACTED]");
  expect(await page.content()).not.toContain(secret);
  const source = await (await page.request.get(page.url())).text();
  expect(source).toContain("[REDACTED]");
  expect(source).not.toContain(secret);
});

test("FR-007: stages and lines are shown in one list, in colour, as text and not as markup", async ({ page, server, api }) => {
  const go = join(server.data, "go");
  const run = [
    `while [ ! -e ${go} ]; do sleep 0.01; done`,
    `printf '\\033[1;32mgreen\\033[0m plain\\n'`,
    `echo '<img src=x onerror="document.title=1"><b>bold</b>'`,
    `printf '10%%\\r50%%\\r100%%\\n'`,
    `echo oops >&2`,
  ].join("; ");
  const id = await api.submit({ steps: [{ id: "say", name: "Say things", run }] });
  const job = new JobPage(page);
  await job.open(server, id);
  await job.expectConnection("live");
  await writeFile(go, "");
  await job.expectEnded("succeeded");
  const shows = async () => {
    await expect(job.lifecycleEvents.filter({ hasText: "Say things" }).first()).toBeVisible();
    const green = job.line(1).locator(".live-text span").first();
    await expect(green).toHaveText("green");
    expect(await green.evaluate((span) => getComputedStyle(span).color)).not.toBe(
      await job.line(1).locator(".live-text").evaluate((text) => getComputedStyle(text).color),
    );
    await expect(job.line(2).locator(".live-text")).toHaveText('<img src=x onerror="document.title=1"><b>bold</b>');
    await expect(job.line(3).locator(".live-text")).toHaveText("100%");
    await expect(job.lines.filter({ hasText: "oops" })).toHaveAttribute("data-stream", "stderr");
    await expect(page.getByTestId("timeline-step")).toHaveCount(1);
  };
  // The browser renders the lines first, as they arrive. After the reload, the server renders them.
  await shows();
  await page.reload();
  await job.hydrated();
  await shows();
});

test("FR-008: each filter shows the matching rows and their number", async ({ page, server, api }) => {
  const id = await api.submit({ run: "echo one; echo 'error: two'; echo three >&2; echo '   Compiling serde v1.0.229' >&2" });
  const job = new JobPage(page);
  await job.open(server, id);
  await job.expectEnded("succeeded");
  await expect(job.lines).toHaveCount(4);
  const all = await job.rows.count();

  await job.filter("logs").click();
  await expect(job.filter("logs")).toHaveAttribute("aria-pressed", "true");
  await expect(job.lifecycleEvents).toHaveCount(0);
  await expect(job.lines).toHaveCount(4);
  await expect(job.filter("logs")).toContainText("4");

  await job.filter("stages").click();
  await expect(job.lines).toHaveCount(0);
  const stages = await job.lifecycleEvents.count();
  expect(stages).toBeGreaterThan(all - 4);
  await expect(job.filter("stages")).toContainText(String(stages));

  await job.filter("warnings").click();
  await expect(job.lines).toHaveCount(2);
  expect((await job.texts()).sort()).toEqual(["error: two", "three"]);
  await expect(job.filter("warnings")).toContainText("2");

  await job.filter("all").click();
  await expect(job.rows).toHaveCount(all);
});

test("FR-009: following pauses while the user reads, the text does not move, and following can be resumed", async ({ page, server, api }) => {
  const go = join(server.data, "go");
  const run = `seq -f 'line %.0f' 300; while [ ! -e ${go} ]; do sleep 0.01; done; seq -f 'late %.0f' 37; sleep 600`;
  const id = await api.submit({ run });
  const job = new JobPage(page);
  await job.open(server, id);
  await expect(job.line(300)).toBeInViewport();
  await expect(job.follow).toHaveAttribute("aria-pressed", "true");

  await job.panel.hover();
  await page.mouse.wheel(0, -2000);
  await expect(job.follow).toHaveAttribute("aria-pressed", "false");
  await expect(job.line(300)).not.toBeInViewport();
  const read = job.lines.filter({ hasText: "line 2" }).first();
  await expect(read).toBeVisible();
  const number = Number(await read.getAttribute("data-line"));
  const before = (await job.line(number).boundingBox())!.y;

  await writeFile(go, "");
  await expect(job.newLines).toContainText("37 new lines");
  const after = (await job.line(number).boundingBox())!.y;
  expect(Math.abs(after - before), "the line being read does not move").toBeLessThanOrEqual(1);
  expect(await page.evaluate(() => document.scrollingElement!.scrollTop), "the page itself does not scroll").toBe(0);

  await job.newLines.click();
  await expect(job.follow).toHaveAttribute("aria-pressed", "true");
  await expect(job.line(337)).toBeInViewport();

  for (const pause of [
    () => page.keyboard.press("PageUp"),
    () => job.line(337).locator(".live-text").selectText(),
  ]) {
    await job.panel.focus();
    await pause();
    await expect(job.follow).toHaveAttribute("aria-pressed", "false");
    await job.follow.click();
    await expect(job.follow).toHaveAttribute("aria-pressed", "true");
  }
});

test("FR-009: the filtered lines are copied without escape sequences", async ({ page, context, server, api }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const id = await api.submit({ run: "printf '\\033[31mred\\033[0m one\\n'; echo two" });
  const job = new JobPage(page);
  await job.open(server, id);
  await job.expectEnded("succeeded");
  await job.filter("logs").click();
  await expect(job.lifecycleEvents).toHaveCount(0);
  await job.copy.click();
  await expect(job.copy).toContainText("Copied 2 lines");
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe("red one\ntwo\n");
});

test("the page shows the command that runs the job again from a terminal", async ({ page, context, server, api }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const id = await api.submit({ run: "echo one" });
  await new JobPage(page).open(server, id);
  await expect(page.getByTestId("rerun-command")).toHaveText(`tailwater rerun ${id}`);
  await page.getByTestId("copy-rerun").click();
  await expect(page.getByTestId("copy-rerun")).toHaveText("Copied");
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(`tailwater rerun ${id}`);
});

test("FR-009: the complete log can be downloaded", async ({ page, server, api }) => {
  const id = await api.submit({ run: "seq 5000; printf 'no newline'" });
  const job = new JobPage(page);
  await job.open(server, id);
  await job.expectEnded("succeeded");
  const [download] = await Promise.all([page.waitForEvent("download"), job.download.click()]);
  expect(download.suggestedFilename()).toBe("output.log");
  const expected = [...Array(5000).keys()].map((i) => `${i + 1}\n`).join("") + "no newline";
  expect(await readFile(await download.path(), "utf8")).toBe(expected);
});

for (const [command, status, result] of [
  ["true", "succeeded", /^run ?succeeded in/],
  ["exit 7", "failed", /^run ?failed with exit code 7 after/],
] as const) {
  test(`FR-009: a job without output that ${status} shows its command and its result in one row each, and all lifecycle events under Stages`, async ({ page, server, api }) => {
    const id = await api.submit({ run: command });
    const job = new JobPage(page);
    await job.open(server, id);
    await job.expectEnded(status);
    await expect(job.lines).toHaveCount(0);
    await expect(job.lifecycleEvents).toHaveText([`run$ ${command}`, result]);
    await expect(job.filter("all")).toContainText("2");
    await job.filter("stages").click();
    await expect(job.lifecycleEvents.filter({ hasText: `Job ${status}` })).toHaveCount(1);
    expect(await job.lifecycleEvents.count()).toBeGreaterThan(8);
  });
}

test("100,000 lines are rendered as a window of rows, and earlier lines are loaded on demand", async ({ page, server, api }) => {
  const id = await api.submit({ run: "seq -f 'line %.0f' 100000" });
  const job = new JobPage(page);
  await job.open(server, id);
  await job.expectEnded("succeeded");
  await expect(job.line(100_000)).toBeInViewport();
  expect(await job.rows.count()).toBeLessThan(500);
  await job.panel.focus();
  // The page must react to the key at any time, so the test presses the key only once.
  await page.keyboard.press("Home");
  await expect(job.line(1)).toBeInViewport();
  expect(await job.rows.count()).toBeLessThan(500);
  const numbers = await job.lines.evaluateAll((rows) => rows.map((row) => Number((row as HTMLElement).dataset.line)));
  expect(numbers).toEqual(numbers.map((_, i) => numbers[0]! + i));
  await page.keyboard.press("End");
  await job.follow.click();
  await expect(job.line(100_000)).toBeInViewport();
});

test("a URL in the output is a link that shows its target", async ({ page, server, api }) => {
  const id = await api.submit({ run: "echo 'docs at https://example.com/a?b=c, javascript:alert(1)'" });
  await api.ended(id);
  const job = new JobPage(page);
  await job.open(server, id);
  const links = job.line(1).locator("a");
  await expect(links).toHaveText(["https://example.com/a?b=c"]);
  await expect(links).toHaveAttribute("href", "https://example.com/a?b=c");
  await expect(links).toHaveAttribute("title", "https://example.com/a?b=c");
  await expect(links).toHaveAttribute("rel", "noopener noreferrer");
});

test("lines that a program redraws are shown in place, and keep their numbers", async ({ page, server, api }) => {
  const gate = join(server.data, "gate");
  const wait = `until [ -e '${gate}' ]; do sleep 0.05; done`;
  const run = `printf 'pulling\\none: wait\\ntwo: wait\\n'; ${wait}; printf '\\033[2A\\033[2Kone: done\\n\\033[2Ktwo: done\\nfinished\\n'`;
  const id = await api.submit({ run, terminal: true });
  const job = new JobPage(page);
  await job.open(server, id);
  await expect.poll(() => job.texts()).toEqual(["pulling", "one: wait", "two: wait"]);
  await writeFile(gate, "");
  await job.expectEnded("succeeded");
  const expected = ["pulling", "one: done", "two: done", "finished"];
  await expect.poll(() => job.texts()).toEqual(expected);
  await expect(job.line(6)).toHaveText(/finished$/);
  await page.reload();
  await job.hydrated();
  await expect.poll(() => job.texts()).toEqual(expected);
});
