import { expect, test } from "../server.ts";
import { JobPage } from "../pages/job-page.ts";

const BUILD = `
echo before
echo '::group::Install packages'
seq 100
echo 'error: one package is missing'
echo '::endgroup::'
echo between
printf '\\033[0Ksection_start:%s:tests[collapsed=true]\\r\\033[0KRun the tests\\n' $(date +%s)
seq 201 220
printf '\\033[0Ksection_end:%s:tests\\r\\033[0K\\n' $(date +%s)
echo '--- Upload'
echo uploaded
`;

test("groups are collapsed and expanded by click and by key", async ({ page, server, api }) => {
  const id = await api.submit({ steps: [{ id: "build", run: BUILD }, { id: "deploy", run: "seq 301 310" }] });
  await api.ended(id);
  const job = new JobPage(page);
  await job.open(server, id);
  await expect(job.title("Run the tests"), "the program requests a collapsed section").toContainText("20 lines");
  await expect(job.toggle("Run the tests")).toHaveAttribute("aria-expanded", "false");
  await expect(job.withText("210")).toHaveCount(0);
  await expect(job.lines.filter({ hasText: "endgroup" }), "the end of a group has no row").toHaveCount(0);
  await job.title("Run the tests").click();
  await expect(job.toggle("Run the tests")).toHaveAttribute("aria-expanded", "true");
  await expect(job.withText("210")).toHaveCount(1);

  await page.keyboard.press("Home");
  const title = job.title("Install packages");
  await expect(title).toBeInViewport();
  const top = (await title.boundingBox())!.y;
  await job.toggle("Install packages").click();
  await expect(title).toContainText("101 lines");
  await expect(title).toContainText("with errors");
  await expect(job.withText("between")).toBeInViewport();
  expect((await title.boundingBox())!.y, "the title stays where it is").toBe(top);

  await page.keyboard.press("Home");
  await page.keyboard.press("g");
  await expect(job.toggle("build"), "the step begins at the top").toHaveAttribute("aria-expanded", "false");
  await expect(job.lines).toHaveCount(10);
  await page.keyboard.press("g");
  await expect(job.title("Upload")).toBeVisible();
  await page.keyboard.press("G");
  for (const group of ["Install packages", "Run the tests", "Upload"]) {
    await expect(job.toggle(group)).toHaveAttribute("aria-expanded", "false");
  }
  await page.keyboard.press("G");
  await page.keyboard.press("Home");
  await expect(job.toggle("Install packages")).toHaveAttribute("aria-expanded", "true");
});

test("a found line, an error and a line in the URL are shown even if their group is collapsed", async ({ page, server, api }) => {
  const id = await api.submit({ run: BUILD });
  await api.ended(id);
  const job = new JobPage(page);
  await job.open(server, id);
  await page.keyboard.press("G");
  await expect(job.toggle("Install packages")).toHaveAttribute("aria-expanded", "false");
  await page.keyboard.press("e");
  await expect(job.withText("error: one package is missing")).toBeInViewport();
  await page.keyboard.press("G");
  await expect(job.withText("210")).toHaveCount(0);
  await page.keyboard.press("/");
  await job.search.fill("^210$");
  await page.getByTestId("search-regex").click();
  await expect(job.withText("210")).toBeInViewport();
  await page.goto(`${server.url}/tasks/queue/${id}#L112`);
  await page.reload();
  await expect(job.line(112)).toBeInViewport();
  await expect(job.toggle("Run the tests")).toHaveAttribute("aria-expanded", "true");
});

test("a group of a running job grows while it is collapsed", async ({ page, server, api }) => {
  const id = await api.submit({ run: "echo '::group::Compile'; for i in $(seq 30); do echo $i; sleep 0.1; done; echo ::endgroup::; echo done" });
  const job = new JobPage(page);
  await job.open(server, id);
  await job.toggle("Compile").click();
  await expect(job.withText("done")).toBeVisible();
  await expect(job.title("Compile")).toContainText("30 lines");
  await expect(job.lines).toHaveCount(2);
  await expect(job.follow).toHaveAttribute("aria-pressed", "true");
  await job.expectEnded("succeeded");
});
