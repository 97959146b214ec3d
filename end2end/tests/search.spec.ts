import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { JobPage } from "../pages/job-page.ts";
import { expect, test } from "../server.ts";

test("a search of the whole log counts the matches and moves between them", async ({ page, server, api }) => {
  const id = await api.submit({ run: "seq -f 'line %.0f' 200000; echo the only Needle; seq -f 'line %.0f' 100" });
  await api.ended(id);
  const job = new JobPage(page);
  await job.open(server, id);
  await page.keyboard.press("/");
  await expect(job.search).toBeFocused();

  // The matching line is far outside the part of the log that the browser has loaded.
  await job.search.fill("needle");
  await expect(job.searchSummary).toHaveText("1 of 1");
  await expect(job.line(200_001)).toBeInViewport();
  await expect(job.marks).toHaveText(["Needle"]);
  await page.getByTestId("search-case").click();
  await expect(job.searchSummary).toHaveText("No matches");
  await expect(job.marks).toHaveCount(0);
  await page.getByTestId("search-case").click();

  await job.search.fill("line 77777");
  await expect(job.searchSummary).toHaveText("1 of 1");
  await expect(job.line(77_777)).toBeInViewport();
  await job.search.fill("99999");
  await expect(job.searchSummary).toHaveText("1 of 2");
  await expect(job.line(99_999)).toBeInViewport();
  await page.keyboard.press("Enter");
  await expect(job.searchSummary).toHaveText("2 of 2");
  await expect(job.line(199_999)).toBeInViewport();
  await page.keyboard.press("Enter");
  await expect(job.searchSummary).toHaveText("1 of 2");
  await page.keyboard.press("Shift+Enter");
  await expect(job.searchSummary).toHaveText("2 of 2");
  await expect(page.locator(".live-ticks path:not(.errors)")).toHaveAttribute("d", /^M0 \d+h1M0 \d+h1$/);

  await page.keyboard.press("Escape");
  await expect(job.search).toHaveCount(0);
  await expect(job.marks).toHaveCount(0);
  await expect(page).toHaveURL(new RegExp(`/${id}$`));
});

test("beyond the 100,000 matches whose numbers a search reports, moves miss none, ranks are exact, and ticks continue", async ({ page, server, api }) => {
  const id = await api.submit({ run: "seq -f 'line %.0f' 300000; echo between; seq -f 'line %.0f' 300000; seq 1000" });
  await api.ended(id);
  const job = new JobPage(page);
  await job.open(server, id);
  // The page shows the end of the log, where the search begins. The last match is before it, so the first one follows.
  await page.keyboard.press("/");
  await job.search.fill("line");
  await expect(job.searchSummary).toHaveText("1 of 600,000");
  await page.keyboard.press("Shift+Enter");
  await expect(job.searchSummary).toHaveText("600,000 of 600,000");
  await expect(job.line(600_001)).toBeInViewport();
  await page.keyboard.press("Shift+Enter");
  await expect(job.searchSummary).toHaveText("599,999 of 600,000");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Enter");
  await expect(job.searchSummary).toHaveText("1 of 600,000");

  // A search that begins in the middle of the matches.
  await page.keyboard.press("Escape");
  await page.goto(`${server.url}/tasks/queue/${id}#L400000`);
  await job.hydrated();
  await expect(job.line(400_000)).toBeInViewport();
  await page.keyboard.press("/");
  await job.search.fill("line");
  await expect(job.searchSummary).toHaveText(/^(399,\d\d\d|400,000) of 600,000$/);
  await expect(job.line(400_000)).toBeInViewport();
  const before = Number((await job.searchSummary.textContent())!.split(" ")[0]!.replace(",", ""));
  await page.keyboard.press("Enter");
  await expect(job.searchSummary).toHaveText(`${(before + 1).toLocaleString("en")} of 600,000`);

  const ticks = await page.locator(".live-ticks path:not(.errors)").getAttribute("d");
  const places = ticks!.match(/\d+(?=h)/g)!.map(Number);
  expect([places[0], places.at(-1)], "all of the log but its last lines has matches").toEqual([0, 499]);
  expect(places.length).toBe(500);
});

test("Ctrl-F opens the search of the log, and a second Ctrl-F is left to the browser", async ({ page, server, api }) => {
  const id = await api.submit({ run: "echo text" });
  await api.ended(id);
  const job = new JobPage(page);
  await job.open(server, id);
  await page.evaluate(() => {
    Reflect.set(window, "prevented", []);
    // This listener is added last, so it runs after the page's listeners and sees whether they have prevented the
    // browser's default action.
    addEventListener("keydown", (event) => event.key === "f" && Reflect.get(window, "prevented").push(event.defaultPrevented));
  });
  await page.keyboard.press("Control+f");
  await expect(job.search).toBeFocused();
  await page.keyboard.press("Control+f");
  expect(await page.evaluate(() => Reflect.get(window, "prevented"))).toEqual([true, false]);
});

test("the matches of a regular expression are marked, and an error is shown for an invalid one", async ({ page, server, api }) => {
  const script = "printf '\\033[31mer\\033[0mror: \\033[1mfirst\\033[0m\\n'; echo '100 %'; printf 'old text\\rnew\\n'; echo 'error: second'";
  const id = await api.submit({ run: script });
  await api.ended(id);
  const job = new JobPage(page);
  await job.open(server, id);
  await job.openSearch.click();
  await page.getByTestId("search-regex").click();
  await job.search.fill("^error: \\w+$");
  await expect(job.searchSummary).toHaveText("1 of 2");
  // The match spans three differently coloured parts of the line.
  await expect(job.line(1).locator("mark.found")).toHaveText(["er", "ror: ", "first"]);
  await expect(job.line(4).locator("mark.found")).toHaveText(["error: second"]);
  await job.search.fill("^new");
  await expect(job.searchSummary).toHaveText("1 of 1");
  await job.search.fill("(");
  await expect(job.searchSummary).toContainText("Not a valid regular expression: unclosed group");
});

test("a search is part of the URL, and is shown again when the URL is opened", async ({ page, server, api }) => {
  const id = await api.submit({ run: "seq 50000" });
  await api.ended(id);
  const job = new JobPage(page);
  await job.open(server, id);
  await page.keyboard.press("Control+f");
  await expect(job.search).toBeFocused();
  await page.getByTestId("search-regex").click();
  await job.search.fill("^4242.$");
  await expect(job.searchSummary).toHaveText("1 of 10");
  await expect(page).toHaveURL(/\?q=%5E4242\.%24&regex=true&ignoreCase=true/);
  await page.reload();
  await job.hydrated();
  await expect(job.search).toHaveValue("^4242.$");
  await expect(job.searchSummary).toHaveText("1 of 10");
  await expect(job.line(42_420)).toBeInViewport();
  await expect(job.marks.first()).toHaveText("42420");
});

test("the search includes output that a running job prints later", async ({ page, server, api }) => {
  const gate = join(server.data, "gate");
  const id = await api.submit({ run: `echo one; until [ -e '${gate}' ]; do sleep 0.05; done; seq 3000; echo one more` });
  const job = new JobPage(page);
  await job.open(server, id);
  await expect(job.line(1)).toBeVisible();
  await job.openSearch.click();
  await job.search.fill("one");
  await expect(job.searchSummary).toHaveText("1 of 1");
  await expect(job.marks).toHaveText(["one"]);
  await writeFile(gate, "");
  await expect(job.searchSummary).toHaveText("1 of 2");
  await page.getByTestId("search-next").click();
  await expect(job.searchSummary).toHaveText("2 of 2");
  await expect(job.line(3002).locator("mark.found")).toHaveText("one");
});

test("a match is shown even if the filter hides its line", async ({ page, server, api }) => {
  const id = await api.submit({ run: "echo hidden; echo 'error: shown'" });
  await api.ended(id);
  const job = new JobPage(page);
  await job.open(server, id);
  await job.filter("warnings").click();
  await expect(job.line(1)).toHaveCount(0);
  await job.openSearch.click();
  await job.search.fill("hidden");
  await expect(job.line(1)).toBeInViewport();
  await expect(job.filter("all")).toHaveAttribute("aria-pressed", "true");
});
