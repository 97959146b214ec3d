import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { JobPage } from "../pages/job-page.ts";
import { expect, test } from "../server.ts";

/** A command that prints 6 lines: a title, a display of two rows, the same two rows redrawn, and a last line. */
const DISPLAY = "printf 'pulling\\nlayer 1: wait\\nlayer 2: wait\\n\\033[2A\\033[2Klayer 1: done\\n\\033[2Klayer 2: done\\nfinished\\n'";
const SHOWN = ["pulling", "layer 1: done", "layer 2: done", "finished"];

test.beforeEach(async ({ context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
});

test("lines that are loaded by number are redrawn, and copied as shown or as printed", async ({ page, server, api }) => {
  const id = await api.submit({ run: `${DISPLAY}; seq -f 'line %.0f' 20000` });
  await api.ended(id);
  const job = new JobPage(page);
  // Line 4 was drawn on the row of line 2, so the link to line 4 leads to that row.
  await page.goto(`${server.url}/tasks/queue/${id}#L4`);
  await job.hydrated();
  await expect(job.line(2)).toBeInViewport();
  await expect(job.line(2)).toHaveAttribute("data-marked", "true");
  await expect.poll(async () => (await job.texts()).slice(0, 4)).toEqual(SHOWN);
  await expect(job.line(4)).toHaveCount(0);
  await expect(job.line(6)).toHaveText(/finished$/);

  const clipboard = () => page.evaluate(() => navigator.clipboard.readText());
  await job.numberOf(1).click();
  await job.numberOf(6).click({ modifiers: ["Shift"] });
  await page.keyboard.press("c");
  await expect(job.chosen).toContainText("Copied 4 lines");
  expect(await clipboard()).toBe(SHOWN.map((line) => `${line}\n`).join(""));
  await page.getByTestId("chosen-printed").click();
  await expect(job.chosen).toContainText("Copied 6 lines");
  expect(await clipboard()).toBe("pulling\nlayer 1: wait\nlayer 2: wait\nlayer 1: done\nlayer 2: done\nfinished\n");
});

test("a page that is opened while lines are being redrawn shows them like one that was open before", async ({ page, server, api }) => {
  const gate = join(server.data, "gate");
  const wait = (name: string) => `until [ -e "${gate}-${name}" ]; do sleep 0.05; done`;
  const many = "i=0; while [ $i -lt 900 ]; do i=$((i+1)); printf '\\033[2A\\033[2Kfirst %s\\n\\033[2Ksecond %s\\n' $i $i; done";
  const id = await api.submit({ run: `seq 3000; printf 'first\\nsecond\\n'; ${many}; ${wait("a")}; printf '\\033[2A\\033[2KFIRST\\n\\nend\\n'` });
  const job = new JobPage(page);
  await job.open(server, id);
  await expect(job.line(3_001)).toHaveText(/first 900$/);
  await expect(job.line(3_002)).toHaveText(/second 900$/);
  await page.reload();
  await job.hydrated();
  await expect(job.line(3_001)).toHaveText(/first 900$/);
  await writeFile(`${gate}-a`, "");
  await expect(job.line(3_001)).toHaveText(/FIRST$/);
  await expect.poll(async () => (await job.texts()).slice(-3)).toEqual(["FIRST", "second 900", "end"]);
});

test("a search finds what was printed, and lists it as it was printed", async ({ page, server, api }) => {
  const id = await api.submit({ run: DISPLAY });
  await api.ended(id);
  const job = new JobPage(page);
  await job.open(server, id);
  await page.keyboard.press("/");
  await job.search.fill("wait");
  await expect(job.searchSummary).toContainText("of 2");
  await expect(job.line(2)).toHaveAttribute("data-marked", "true");
  await expect(job.marks).toHaveCount(0);
  await job.onlyMatches.click();
  await expect.poll(() => job.texts()).toEqual(["layer 1: wait", "layer 2: wait"]);
  await expect(job.marks).toHaveCount(2);
});

test("the end of a section and the start of the next one may be in the same line", async ({ page, server, api }) => {
  const marker = (edge: string, name: string) => `\\033[0Ksection_${edge}:1:${name}\\r\\033[0K`;
  const run =
    `printf '${marker("start", "one")}First\\n'; seq 3; printf '${marker("end", "one")}${marker("start", "two")}Second\\n'; ` +
    `seq 4; printf '${marker("end", "two")}\\n'; echo after`;
  const id = await api.submit({ run });
  await api.ended(id);
  const job = new JobPage(page);
  await job.open(server, id);
  await expect(job.title("First")).toContainText("3 lines");
  await expect(job.title("Second")).toContainText("4 lines");
});
