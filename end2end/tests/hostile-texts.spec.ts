import { JobPage } from "../pages/job-page.ts";
import { expect, test } from "../server.ts";

/** Texts that would break out of a title, a script or an element if the page did not escape them. */
const texts = [
  `</title><meta http-equiv=refresh content="0;url=https://example.com">`,
  `echo '<title>x'`,
  `echo '</title>x'`,
  `</script><script>document.title = "taken"</script>`,
  `<!--<script>`,
  `&lt;b&gt; &amp;lt; &quot;`,
  `"><img src=x onerror="document.title = 'taken'">`,
  `${"\u2028"}line${"\u2029"}paragraph`,
];

for (const text of texts) {
  test(`a job titled ${JSON.stringify(text)} is shown as plain text`, async ({ page, server, api }) => {
    const problems: string[] = [];
    page.on("console", (message) => {
      if (message.type() === "error") problems.push(message.text());
    });
    page.on("pageerror", (error) => problems.push(String(error)));
    const navigations: string[] = [];
    page.on("framenavigated", (frame) => navigations.push(frame.url()));

    const id = await api.submit({ title: text, steps: [{ name: text, run: `printf '%s\\n' "$TEXT"`, env: { TEXT: text } }] });
    await api.ended(id);
    const job = new JobPage(page);
    await job.open(server, id);
    await job.expectEnded("succeeded");

    // The page replaces line and paragraph separators, which are invisible, with their code points.
    const shown = text.replace("\u2028", "<U+2028>").replace("\u2029", "<U+2029>");
    await expect(page.getByTestId("job-title")).toHaveText(shown);
    expect(await page.evaluate(() => document.title)).toMatch(/ · Tailwater$/);
    expect(await page.evaluate(() => document.title)).toContain(shown);
    expect(await page.locator("title").count()).toBe(1);
    expect(await job.texts()).toContain(shown);
    expect(navigations).toEqual([`${server.url}/tasks/queue/${id}`]);
    expect(problems).toEqual([]);
  });
}

test("a command without a title is shown as plain text in the window's title", async ({ page, server, api }) => {
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  const id = await api.submit({ run: "echo '</title><b>x'" });
  await api.ended(id);
  const job = new JobPage(page);
  await job.open(server, id);
  await job.expectEnded("succeeded");
  expect(await page.title()).toContain("echo '</title><b>x'");
  expect(problems).toEqual([]);
});
