import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import type { AxeResults } from "axe-core";
import { JobPage } from "../pages/job-page.ts";
import { PeoplePage } from "../pages/people-page.ts";
import { RedactionPage } from "../pages/redaction-page.ts";
import { SecretsPage } from "../pages/secrets-page.ts";
import { SeveralJobsPage } from "../pages/several-jobs-page.ts";
import { WorkersPage } from "../pages/workers-page.ts";
import { type Api, expect, type Server, test } from "../server.ts";

const axe = await readFile(join(import.meta.dirname, "../../node_modules/axe-core/axe.min.js"), "utf8");

/** Returns the violations that axe finds on the page, one string for each element. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  // Wait until animations have finished, because text that is fading in has less contrast.
  await page.evaluate(() => Promise.all(document.getAnimations().map((animation) => animation.finished)));
  const { violations } = await page.evaluate(() => Reflect.get(window, "axe").run() as Promise<AxeResults>);
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map((node) => `${id}: ${help}: ${node.html} ${node.any.map((check) => check.message).join("; ")}`),
  );
}

const COLOURS = "for i in $(seq 30 37) $(seq 90 97); do printf \"\\033[${i}mcolour $i\\033[0m \"; done; echo; echo 'error: broken'; echo 'warning: odd'; echo see https://example.com/";

/** The pages in the states that are checked, each with a function that opens the page in that state. */
const PAGES: Record<string, (page: Page, server: Server, api: Api) => Promise<void>> = {
  "the login page": async (page, server) => {
    await page.context().clearCookies();
    await page.goto(`${server.url}/login`);
  },
  "an empty queue": async (page, server) => {
    await page.goto(`${server.url}/tasks/queue`);
    await new JobPage(page).hydrated();
  },
  "a queue with jobs": async (page, server, api) => {
    for (const run of ["true", "exit 1"]) await api.ended(await api.submit({ run }));
    await api.submit({ run: "sleep 600" });
    await page.goto(`${server.url}/tasks/queue?user=admin`);
    await new JobPage(page).hydrated();
    await expect(page.locator('[data-testid="job-row"][data-status="running"]')).toHaveCount(1);
  },
  "the form of a new job": async (page, server) => {
    await page.goto(`${server.url}/tasks/queue/new`);
    await new JobPage(page).hydrated();
  },
  "the form of an edited job": async (page, server, api) => {
    const id = await api.submit({ env: { TOKEN: "a-secret-value" }, steps: [{ run: "true" }, { name: "Second", run: "exit 1" }] });
    await api.ended(id);
    await page.goto(`${server.url}/tasks/queue/new?from=${id}`);
    await new JobPage(page).hydrated();
  },
  "a running job": async (page, server, api) => {
    const id = await api.submit({ run: `${COLOURS}; sleep 600` });
    const job = new JobPage(page);
    await job.open(server, id);
    await expect(job.line(4)).toBeVisible();
  },
  "a failed job with a search, a filter and chosen lines": async (page, server, api) => {
    const id = await api.submit({ steps: [{ name: "First", run: COLOURS }, { name: "Second", run: "echo again; exit 3" }] });
    await api.ended(id);
    const job = new JobPage(page);
    await job.open(server, id);
    await job.numberOf(3).click();
    await job.openSearch.click();
    await job.search.fill("e");
    await expect(job.searchSummary).toContainText("of");
    await job.openFilterBar();
    await expect(job.chosen).toBeVisible();
  },
  "several jobs side by side": async (page, server, api) => {
    const ids = [await api.submit({ run: COLOURS }), await api.submit({ run: "echo one; exit 1" }), await api.submit({ run: "sleep 600" })];
    await api.ended(ids[1]!);
    const several = new SeveralJobsPage(page);
    await several.openJobs(server, ids, "&q=e");
    await expect(several.searchSummary).toContainText(/match|of/);
  },
  "merged jobs": async (page, server, api) => {
    const ids = [await api.submit({ run: COLOURS }), await api.submit({ run: "echo one; exit 1" })];
    for (const id of ids) await api.ended(id);
    const several = new SeveralJobsPage(page);
    await several.openJobs(server, ids, "&layout=merged");
    await expect(several.mergedLines.first()).toBeVisible();
  },
  "selected jobs": async (page, server, api) => {
    await api.ended(await api.submit({ run: "true" }));
    await page.goto(`${server.url}/tasks/queue`);
    await new JobPage(page).hydrated();
    await page.getByTestId("job-select").first().check();
    await expect(page.getByTestId("selection")).toBeVisible();
  },
  "groups of lines": async (page, server, api) => {
    const id = await api.submit({ run: "echo ::group::One; echo 'error: x'; echo ::endgroup::; echo ::group::Two; echo y" });
    await api.ended(id);
    const job = new JobPage(page);
    await job.open(server, id);
    await job.title("One").click();
    await expect(job.title("One")).toContainText("with errors");
  },
  "the preview of a text": async (page, server, api) => {
    const id = await api.submit({ run: "seq 1000 > numbers.txt; : > index.html", artifacts: ["*"] });
    await api.ended(id);
    const job = new JobPage(page);
    await job.open(server, id);
    await job.openAside();
    await page.getByLabel("Preview numbers.txt").click();
    await expect(page.getByTestId("preview").locator("pre")).toBeVisible();
  },
  "the list of shortcuts": async (page, server, api) => {
    const id = await api.submit({ run: "echo one" });
    await api.ended(id);
    await new JobPage(page).open(server, id);
    await page.keyboard.press("?");
    await expect(page.getByRole("dialog")).toBeVisible();
  },
  "an open menu": async (page, server, api) => {
    const id = await api.submit({ run: "echo one" });
    await api.ended(id);
    const job = new JobPage(page);
    await job.open(server, id);
    await job.openDisplayMenu();
    await expect(page.getByLabel("UTC")).toBeVisible();
  },
  "the secrets": async (page, server) => {
    const secrets = new SecretsPage(page);
    await secrets.open(server);
    await secrets.set("PIN", "1234");
    await secrets.unfold("PIN");
  },
  "a test of redaction": async (page, server) => {
    const redaction = new RedactionPage(page);
    await redaction.open(server);
    await redaction.text.fill("Authorization: Bearer aB3dE5gH7jK9mN2pQ4rS6tU8vW1xY0z\nnothing secret");
    await redaction.test.click();
    await expect(redaction.masked).toBeVisible();
    await redaction.rules.locator("summary").click();
  },
  "the page of the API": async (page, server) => {
    await page.goto(`${server.url}/api/docs`);
    await expect(page.getByRole("heading", { name: "API", exact: true })).toBeVisible();
  },
  "the audit log": async (page, server, api) => {
    await api.submit({ run: "true" });
    await page.goto(`${server.url}/audit`);
  },
  "the list of workers with a pause": async (page, server, api) => {
    const workers = new WorkersPage(page);
    await workers.open(server);
    await workers.pause("replacing the disk");
    await expect(workers.done).toBeVisible();
    await api.submit({ run: "true" });
  },
  "the question whether several jobs are cancelled": async (page, server, api) => {
    await api.submit({ run: "sleep 600" });
    await page.goto(`${server.url}/tasks/queue/bulk?action=cancel`);
    await expect(page.getByTestId("bulk-question")).toBeVisible();
  },
  "the page for people without users": async (page, server) => {
    await new PeoplePage(page).open(server);
  },
  "the page for people": async (page, server, api) => {
    await api.addUser("ada", "operator");
    await api.addUser("grace", "viewer");
    await api.createToken("website-ci");
    const people = new PeoplePage(page);
    await people.open(server);
    await people.unfold("ada");
  },
  "one's own account with a new token": async (page, server, api) => {
    await api.addUser("ada", "operator");
    const people = new PeoplePage(page);
    await people.logIn(server, "ada");
    await people.openAccount(server);
    await people.createToken("laptop");
    await expect(people.newToken).toBeVisible();
  },
  "a page that the role does not permit": async (page, server, api) => {
    await api.addUser("ada", "viewer");
    await new PeoplePage(page).logIn(server, "ada");
    await page.goto(`${server.url}/people`);
    await expect(page.getByTestId("not-allowed")).toBeVisible();
  },
  "the menu of a person": async (page, server) => {
    await page.goto(`${server.url}/tasks/queue`);
    await new JobPage(page).hydrated();
    await page.getByTestId("person-menu").click();
    await expect(page.getByRole("link", { name: "People" })).toBeVisible();
  },
  "a failed login with the token": async (page, server) => {
    await page.context().clearCookies();
    await page.goto(`${server.url}/login?error=invalid`);
  },
  "an unknown page": async (page, server) => {
    await page.goto(`${server.url}/no/such/page`);
  },
};

for (const [name, show] of Object.entries(PAGES)) {
  for (const [size, viewport] of Object.entries({ desktop: { width: 1400, height: 900 }, phone: { width: 390, height: 844 } })) {
    test(`axe finds no violations on ${name}, in light and dark mode, ${size}`, async ({ page, server, api }) => {
      await page.setViewportSize(viewport);
      await show(page, server, api);
      const found: Record<string, string[]> = {};
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme });
        found[colorScheme] = await violations(page);
      }
      expect(found).toEqual({ light: [], dark: [] });
    });
  }
}

test("with reduced motion, nothing on the page is animated", async ({ page, server, api }) => {
  const id = await api.submit({ run: "seq 500; sleep 600" });
  const job = new JobPage(page);
  const animations = async () => {
    await job.open(server, id);
    await expect(job.line(500)).toBeInViewport();
    await page.evaluate(() => {
      Reflect.set(window, "animations", 0);
      for (const name of ["animationstart", "transitionrun"]) {
        addEventListener(name, () => Reflect.set(window, "animations", Reflect.get(window, "animations") + 1), true);
      }
    });
    await job.numberOf(500).click();
    await expect(job.chosen).toBeVisible();
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
    return page.evaluate(() => Reflect.get(window, "animations") as number);
  };
  await page.emulateMedia({ reducedMotion: "no-preference" });
  expect(await animations(), "the bar for selected lines fades in").toBeGreaterThan(0);
  await page.emulateMedia({ reducedMotion: "reduce" });
  expect(await animations()).toBe(0);
});

test("while a job prints, the number of lines is announced at most once in ten seconds, and its result at once", async ({ page, server, api }) => {
  const stop = join(server.data, "stop");
  const id = await api.submit({ run: `while [ ! -e ${stop} ]; do echo tick; sleep 0.01; done` });
  const job = new JobPage(page);
  await job.open(server, id);
  await job.expectConnection("live");
  await page.evaluate(() => {
    const announcer = document.querySelector(".live > .visually-hidden[role=status]")!;
    const spoken: [number, string][] = [];
    Reflect.set(window, "spoken", spoken);
    const note = () => spoken.push([performance.now(), announcer.textContent!]);
    new MutationObserver(note).observe(announcer, { subtree: true, childList: true, characterData: true });
  });
  const counts = async () => (await page.evaluate(() => Reflect.get(window, "spoken") as [number, string][])).filter(([, text]) => /^[\d,]+ lines?$/.test(text));
  await expect.poll(async () => (await counts()).length, { timeout: 60_000 }).toBeGreaterThan(1);
  const times = (await counts()).map(([time]) => time);
  // The clock of the page has a precision of a tenth of a millisecond.
  for (const [i, time] of times.slice(1).entries()) expect(time - times[i]!).toBeGreaterThan(9_990);
  await writeFile(stop, "");
  await expect(job.announcer).toHaveText(/succeeded/i);
});
