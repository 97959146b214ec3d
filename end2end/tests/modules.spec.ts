import type { Page } from "@playwright/test";
import { JobPage } from "../pages/job-page.ts";
import { type Api, expect, test } from "../server.ts";

/** Returns the path and the heading of each page whose code is in a module of its own. */
async function pages(api: Api): Promise<[path: string, heading: string][]> {
  const ids = [await api.submit({ title: "One", run: "echo first" }), await api.submit({ title: "Two", run: "echo second" })];
  for (const id of ids) await api.ended(id);
  return [
    [`/tasks/queue/${ids[0]}`, "One"],
    ["/tasks/queue", "Queue"],
    [`/tasks/queue/view?job=${ids[0]}&job=${ids[1]}`, "2 jobs"],
    ["/tasks/queue/new", "New job"],
    [`/tasks/queue/new?from=${ids[0]}`, "Edit and run again"],
    ["/secrets", "Secrets"],
    ["/redaction", "Test redaction"],
    ["/workers", "Workers"],
    ["/people", "People"],
    ["/audit", "Audit log"],
    ["/account", "Account"],
  ];
}

/** Collects the errors and warnings in the page's console. */
function complaints(page: Page): string[] {
  const texts: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") texts.push(message.text());
  });
  page.on("pageerror", (error) => texts.push(String(error)));
  return texts;
}

/** Marks the document, so that a test can tell whether the browser has loaded another document. */
async function mark(page: Page) {
  await page.evaluate(() => document.body.setAttribute("data-marked", ""));
}

/** Adds a link to the current page and clicks on it. The router handles all links in a document. */
async function follow(page: Page, path: string) {
  await page.evaluate((path) => {
    const link = document.createElement("a");
    link.href = path;
    document.body.append(link);
    link.click();
    link.remove();
  }, path);
}

/** Returns the paths of the WASM modules that the page has loaded, in alphabetical order and without duplicates. */
async function loadedModules(page: Page): Promise<string[]> {
  const names = await page.evaluate(() => performance.getEntriesByType("resource").map(({ name }) => new URL(name).pathname));
  return [...new Set(names.filter((name) => name.endsWith(".wasm")))].sort();
}

test("each page is interactive after a direct load, and its document names all modules that it loads", async ({ page, server, api }) => {
  test.setTimeout(180_000);
  const texts = complaints(page);
  for (const [path, heading] of await pages(api)) {
    await page.goto(`${server.url}${path}`);
    await new JobPage(page).hydrated();
    await expect(page.getByRole("heading", { level: 1 }), path).toHaveText(heading);
    const preloads = page.locator('link[rel="preload"][type="application/wasm"]');
    const named = await preloads.evaluateAll((links) => links.map((link) => new URL((link as HTMLLinkElement).href).pathname).sort());
    expect(await loadedModules(page), path).toEqual(named);
    expect(named.length, path).toBeGreaterThan(1);
  }
  expect(texts).toEqual([]);
});

test("each page is interactive after a link from another page", async ({ page, server, api }) => {
  test.setTimeout(180_000);
  const texts = complaints(page);
  await page.goto(`${server.url}/login`);
  await new JobPage(page).hydrated();
  await mark(page);
  for (const [path, heading] of await pages(api)) {
    await follow(page, path);
    await expect(page, path).toHaveURL(`${server.url}${path}`);
    await expect(page.getByRole("heading", { level: 1 }), path).toHaveText(heading);
  }
  await expect(page.locator("body[data-marked]"), "no page was loaded as a document").toBeAttached();
  // The job's page works in the same way as if the browser had loaded it directly.
  const id = await api.submit({ run: "echo begun; sleep 600" });
  await follow(page, `/tasks/queue/${id}`);
  const job = new JobPage(page);
  await expect(job.line(1)).toContainText("begun");
  await page.getByTestId("cancel-job").click();
  await job.expectEnded("cancelled");
  expect(texts).toEqual([]);
});

/** Makes all requests for modules fail until the browser requests another document. */
async function failModules(page: Page) {
  let failing = true;
  page.on("request", (request) => {
    if (request.isNavigationRequest()) failing = false;
  });
  await page.route("**/*.wasm", (route) => (failing ? route.abort() : route.continue()));
}

/**
 * Two ways of navigating to another page through the router. The second way goes back to a history entry that the
 * current document has added.
 */
const WAYS: Record<string, (page: Page, path: string) => Promise<void>> = {
  "a link": follow,
  "a step back": (page, path) =>
    page.evaluate((path) => {
      history.replaceState(null, "", path);
      history.pushState(null, "", "/login");
      history.back();
    }, path),
};

for (const [way, go] of Object.entries(WAYS)) {
  test(`if a module cannot be loaded, ${way} makes the browser load the page as a document`, async ({ page, server }) => {
    const path = "/tasks/queue/new#command";
    await page.goto(`${server.url}/login`);
    await new JobPage(page).hydrated();
    await mark(page);
    await failModules(page);
    await go(page, path);
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("New job");
    await expect(page).toHaveURL(`${server.url}${path}`);
    await expect(page.locator("body[data-marked]")).not.toBeAttached();
    await new JobPage(page).hydrated();
  });
}

test("if the modules of a page cannot be loaded, its document is readable and its links work", async ({ page, server, api }) => {
  const id = await api.submit({ title: "Readable", run: "echo printed" });
  await api.ended(id);
  await page.route(/\/(split|chunk)_[^/]*\.wasm$/, (route) => route.abort());
  await page.goto(`${server.url}/tasks/queue/${id}`);
  const job = new JobPage(page);
  await expect(page.getByTestId("job-title")).toHaveText("Readable");
  await expect(job.line(1)).toContainText("printed");
  await page.getByRole("link", { name: "Queue" }).click();
  await expect(page.locator(`[data-testid="job-row"][data-job="${id}"]`)).toBeVisible();
});
