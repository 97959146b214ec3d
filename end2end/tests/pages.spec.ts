import { JobPage } from "../pages/job-page.ts";
import { expect, test } from "../server.ts";

test("the printed login link works once and leads to the page for people while there are no users", async ({ browser, server }) => {
  const stranger = await browser.newContext();
  const page = await stranger.newPage();
  await page.goto(`${server.url}/tasks/queue`);
  await expect(page).toHaveURL(/\/login\?next=/);
  // A GET request, such as one for a link preview, does not use up the one-time link.
  await page.request.get(server.loginLink);
  await page.goto(server.loginLink);
  await page.getByTestId("login-submit").click();
  await expect(page).toHaveURL(`${server.url}/people`);

  const second = await browser.newContext();
  const late = await second.newPage();
  await late.goto(server.loginLink);
  await late.getByTestId("login-submit").click();
  await expect(late).toHaveURL(/\/login\?error=expired/);
  await expect(late.getByRole("alert")).toBeVisible();
  await stranger.close();
  await second.close();
});

test("an empty queue explains what to do, and a new job can be followed until it has finished", async ({ page, server }) => {
  await page.goto(`${server.url}/tasks/queue`);
  await expect(page.getByTestId("job-row")).toHaveCount(0);
  await expect(page.getByRole("main")).toContainText(/first job|no jobs/i);
  await page.goto(`${server.url}/tasks/queue/new`);
  const job = new JobPage(page);
  await job.hydrated();
  await page.getByTestId("field-title").fill("My first job");
  await page.getByTestId("field-command").first().fill("echo hello from the form");
  await page.getByTestId("submit-job").click();
  await expect(page).toHaveURL(/\/tasks\/queue\/[0-9a-f-]{36}/);
  await job.expectEnded("succeeded");
  await expect(page.getByTestId("job-title")).toHaveText("My first job");
  await expect(job.line(1)).toContainText("hello from the form");
});

test("an error in a new job is shown at its field", async ({ page, server }) => {
  await page.goto(`${server.url}/tasks/queue/new`);
  await new JobPage(page).hydrated();
  await page.getByTestId("field-command").first().fill("   ");
  await page.getByTestId("submit-job").click();
  await expect(page.getByTestId("field-error").filter({ visible: true })).toHaveText("must not be empty");
  await expect(page).toHaveURL(/\/new$/);
});

test("the job list updates itself and can be searched", async ({ page, server, api }) => {
  const slow = await api.submit({ title: "slow one", run: "sleep 600" });
  await page.goto(`${server.url}/tasks/queue`);
  await new JobPage(page).hydrated();
  const row = (id: string) => page.locator(`[data-testid="job-row"][data-job="${id}"]`);
  await expect(row(slow)).toHaveAttribute("data-status", "running");
  const quick = await api.submit({ title: "quick one", run: "true" });
  await expect(row(quick)).toHaveAttribute("data-status", "succeeded");
  await expect(page.getByTestId("job-row").first()).toHaveAttribute("data-job", quick);
  await page.getByTestId("jobs-search").fill("slow");
  await expect(row(quick)).toHaveCount(0);
  await expect(row(slow)).toHaveCount(1);
});

test("the job list is filtered by status, period and user, with counts, and keeps its filters in the URL", async ({ page, server, api }) => {
  for (const run of ["true", "true", "exit 1"]) {
    await api.ended(await api.submit({ title: `ended: ${run}`, run }));
  }
  await page.goto(`${server.url}/tasks/queue`);
  await new JobPage(page).hydrated();
  const rows = page.getByTestId("job-row");
  const filter = (name: string) => page.getByTestId(`jobs-${name}`);
  await expect(filter("all")).toHaveText("All 3");
  await expect(filter("all")).toHaveAttribute("aria-current", "true");
  await expect(page.getByRole("button", { name: "Search" }), "the button is only for browsers without scripts").toBeHidden();
  await expect(filter("succeeded")).toHaveText("Succeeded 2");
  await filter("failed").click();
  await expect(page).toHaveURL(/\?status=failed$/);
  await expect(rows).toHaveCount(1);
  await expect(filter("failed")).toHaveAttribute("aria-current", "true");
  await api.ended(await api.submit({ run: "exit 2" }));
  await expect(filter("failed"), "the counts are updated").toHaveText("Failed 2");
  await expect(rows).toHaveCount(2);
  await page.getByTestId("jobs-within").selectOption("Last hour");
  await expect(page).toHaveURL(/\?status=failed&within=1h$/);
  await expect(rows).toHaveCount(2);
  await rows.first().getByRole("link", { name: "admin" }).click();
  await expect(page).toHaveURL(/\?status=failed&user=admin&within=1h$/);
  await page.reload();
  await new JobPage(page).hydrated();
  await expect(rows).toHaveCount(2);
  await expect(page.getByTestId("jobs-within")).toHaveValue("1h");
  await page.getByTestId("jobs-user").click();
  await expect(page).toHaveURL(/\?status=failed&within=1h$/);
  await page.goto(`${server.url}/tasks/queue?user=nobody`);
  await expect(filter("all")).toHaveText("All 0");
  await expect(page.getByText("No jobs match these filters.")).toBeVisible();
});

test("a running job is cancelled and run again from its page", async ({ page, server, api }) => {
  const id = await api.submit({ title: "long", run: "echo begun; sleep 600" });
  const job = new JobPage(page);
  await job.open(server, id);
  await expect(job.line(1)).toContainText("begun");
  await page.getByTestId("cancel-job").click();
  await job.expectEnded("cancelled");
  await page.getByTestId("run-again").click();
  await expect(page).not.toHaveURL(new RegExp(id));
  await expect(page.getByTestId("job-title")).toHaveText("long");
  await expect(job.status).toHaveAttribute("data-status", "running");
  await expect(job.line(1)).toContainText("begun");
});

test("unknown pages show an error and have status 404", async ({ page, server }) => {
  for (const path of ["/tasks/queue/00000000-0000-7000-8000-000000000000", "/tasks/queue/nonsense", "/no/such/page"]) {
    const reply = await page.goto(`${server.url}${path}`);
    expect(reply!.status(), path).toBe(404);
    await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  }
});

test("no page sends requests to other hosts or logs errors or warnings", async ({ page, server, api }) => {
  const id = await api.submit({ run: "echo hello" });
  await api.ended(id);
  const foreign: string[] = [];
  const complaints: string[] = [];
  page.on("request", (request) => {
    if (!request.url().startsWith(server.url) && !request.url().startsWith("data:")) foreign.push(request.url());
  });
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  for (const path of ["/tasks/queue", "/tasks/queue/new", `/tasks/queue/new?from=${id}`, `/tasks/queue/${id}`]) {
    await page.goto(`${server.url}${path}`);
    await new JobPage(page).hydrated();
  }
  expect(foreign).toEqual([]);
  expect(complaints).toEqual([]);
});
