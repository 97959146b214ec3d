import { JobPage } from "../pages/job-page.ts";
import { expect, test } from "../server.ts";

test("a failed job opens at the first error of its failed step, and a key leads to the end of its log", async ({ page, server, api }) => {
  const steps = [
    { id: "lint", run: "echo 'error: only a lint'; seq 500" },
    { id: "test", run: "seq -f 'test %.0f ok' 5000; echo 'error: test 17 failed'; seq -f 'cleanup %.0f' 2000; echo 'error: 1 test failed' >&2; exit 1" },
  ];
  const id = await api.submit({ steps });
  await api.ended(id);
  const job = new JobPage(page);
  await job.open(server, id);
  await expect(job.line(5502)).toBeInViewport();
  await expect(job.line(5502).locator(".live-text")).toHaveText("error: test 17 failed");
  await expect(job.follow).toHaveAttribute("aria-pressed", "false");
  await page.keyboard.press("End");
  await expect(job.line(7503)).toBeInViewport();
  await expect(job.follow).toHaveAttribute("aria-pressed", "true");
});

test("keys and buttons move between the errors of the whole log", async ({ page, server, api }) => {
  const id = await api.submit({ run: "for i in 1 2 3; do echo \"error: number $i\"; seq 3000; done" });
  await api.ended(id);
  const job = new JobPage(page);
  await job.open(server, id);
  await expect(job.errorCount).toHaveText("3 errors");
  await page.keyboard.press("e");
  await expect(job.errorCount).toHaveText("1 of 3 errors");
  await expect(job.line(1)).toBeInViewport();
  await page.getByTestId("error-next").click();
  await expect(job.errorCount).toHaveText("2 of 3 errors");
  await expect(job.line(3002)).toBeInViewport();
  await page.keyboard.press("E");
  await page.keyboard.press("E");
  await expect(job.errorCount).toHaveText("3 of 3 errors");
  await expect(job.line(6003)).toBeInViewport();
});

test("ticks beside the scrollbar show where the errors are", async ({ page, server, api }) => {
  const id = await api.submit({ run: "echo 'error: first'; seq 9998; echo 'error: last'" });
  await api.ended(id);
  const job = new JobPage(page);
  await job.open(server, id);
  await expect(job.errorCount).toHaveText("2 errors");
  // The marks beside the scrollbar have 500 possible positions, numbered from 0.
  await expect(job.errorTicks).toHaveAttribute("d", "M0 0h1M0 499h1");
  expect(await job.errorTicks.evaluate((path) => getComputedStyle(path).stroke)).not.toBe("none");
});

test("a job opened at a line or with a search shows that instead of its first error", async ({ page, server, api }) => {
  const id = await api.submit({ run: "echo 'error: first'; seq 3000; exit 1" });
  await api.ended(id);
  const job = new JobPage(page);
  await page.goto(`${server.url}/tasks/queue/${id}#L2000`);
  await job.hydrated();
  await expect(job.line(2000)).toBeInViewport();
  await expect(job.errorCount).toHaveText("1 error");
  await expect(job.line(2000)).toBeInViewport();
  await page.goto(`${server.url}/tasks/queue/${id}?q=2500`);
  await job.hydrated();
  await expect(job.line(2501)).toBeInViewport();
});

test("a job without errors has no error buttons", async ({ page, server, api }) => {
  const id = await api.submit({ run: "echo fine; exit 1" });
  await api.ended(id);
  const job = new JobPage(page);
  await job.open(server, id);
  await expect(job.line(1)).toBeInViewport();
  await page.keyboard.press("e");
  await expect(job.errorCount).toHaveCount(0);
});

test("the timeline shows the number of errors of each step and links to the first one", async ({ page, server, api }) => {
  const failing = "seq 3000; echo 'error: one'; seq 3000; printf 'Traceback (most recent call last):\\n  File \"a.py\", line 1\\n    f()\\nValueError: two\\n'; seq 3000";
  const id = await api.submit({
    steps: [
      { id: "first", run: failing },
      { id: "second", run: "echo fine" },
      { id: "third", run: "echo 'error: three' >&2; exit 1" },
    ],
  });
  await api.ended(id);
  const job = new JobPage(page);
  await job.open(server, id);
  const errorsOf = (step: string) => page.locator(`[data-testid=timeline-step][data-step=${step}]`).getByTestId("step-errors");
  await expect(errorsOf("first")).toHaveText("2 errors");
  await expect(errorsOf("third")).toHaveText("1 error");
  await expect(errorsOf("second")).toHaveCount(0);
  await errorsOf("first").click();
  await expect(job.line(3_001)).toBeInViewport();
  // All lines of a traceback together count as one error.
  await page.keyboard.press("e");
  await expect(job.line(6_002)).toBeInViewport();
  await expect(job.line(6_005)).toHaveAttribute("data-level", "error");
  await page.keyboard.press("e");
  await expect(job.errorCount).toHaveText("3 of 3 errors");
});
