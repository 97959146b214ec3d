import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { attack, Attacker } from "../attacker.ts";
import { JobPage } from "../pages/job-page.ts";
import { expect, test, type Server } from "../server.ts";

// The attacker's page embeds pages that refuse to be embedded.
test.use({ violationsExpected: true });

/**
 * The host name at which the browser reaches the server in these tests. Unlike `localhost`, it has to be configured.
 */
const HOST = "tailwater.test";

/** Restarts the server so that it accepts the name `HOST`, logs in, and returns the server's URL with this name. */
async function atHost(page: Page, server: Server): Promise<string> {
  await server.down("SIGTERM");
  server.env = { TAILWATER_ALLOWED_HOSTS: HOST };
  await server.up();
  await page.goto(server.loginLink.replace("127.0.0.1", HOST));
  await page.getByTestId("login-submit").click();
  // The first login leads to the page for adding a user.
  await page.waitForURL("**/people");
  return server.url.replace("127.0.0.1", HOST);
}

// Pages at the first two hosts belong to the same site as the server, so browsers send `SameSite=Lax` cookies with all
// of their requests. Requests from pages at the other two hosts carry no such cookies.
for (const host of [HOST, `sibling.${HOST}`, "evil.test", "localhost"]) {
  test(`a page at another port of ${host} can neither change nor read anything`, async ({ page, server, api }) => {
    test.slow();
    const target = await atHost(page, server);
    const job = await api.submit({ run: "echo private-output; until test -e go; do sleep 0.1; done" });
    await expect.poll(async () => (await api.job(job)).status).toBe("running");
    await api.setSecret("KEPT", "a-value-to-keep");

    const attacker = await Attacker.start();
    const statuses = new Map<string, number>();
    page.on("response", (reply) => {
      if (reply.url().startsWith(target) && reply.request().method() === "POST") statuses.set(reply.url().slice(target.length), reply.status());
    });
    await page.goto(attacker.url(host));
    const outcome = await page.evaluate(
      ([source, target, job]) => (0, eval)(`(${source})`)(target, job) as ReturnType<typeof attack>,
      [attack.toString(), target, job] as const,
    );
    expect(outcome.read).toEqual([]);
    expect(outcome.attempted).toBeGreaterThan(40);
    expect([...statuses.values()].length, "the requests reached the server").toBeGreaterThan(5);
    expect([...statuses].filter(([, status]) => status !== 403)).toEqual([]);
    attacker.stop();

    expect((await api.job(job)).status).toBe("running");
    expect((await api.job(job)).cancelRequestedAt).toBeNull();
    expect((await api.jobs()).map((job) => job.id)).toEqual([job]);
    expect(await api.secrets()).toEqual(["KEPT"]);
    await page.goto(`${target}/tasks/queue`);
    await expect(page.getByRole("heading", { level: 1 }), "the reader is still logged in").not.toHaveText("Tailwater");
  });
}

test("the attacks succeed if the page belongs to the server itself", async ({ page, server, api }) => {
  test.slow();
  const target = await atHost(page, server);
  const job = await api.submit({ run: "echo private-output; until test -e go; do sleep 0.1; done" });
  await page.goto(`${target}/favicon.svg`);
  const outcome = await page.evaluate(
    async ([target, job]) => {
      const reply = await fetch(`${target}/api/queue/jobs/${job}/cancel`, { method: "POST" });
      const log = await fetch(`${target}/api/queue/jobs/${job}/log`);
      return [reply.status, await log.text()];
    },
    [target, job] as const,
  );
  expect(outcome[0]).toBe(200);
  expect((await api.ended(job)).status).toBe("cancelled");
});

test("a server that is reached under a foreign name shows nothing", async ({ page, server, api }) => {
  const target = await atHost(page, server);
  await api.submit({ run: "true", title: "private-title" });
  for (const path of ["/tasks/queue", "/api/queue/jobs", "/login", "/pkg/"]) {
    const reply = await page.goto(`${target.replace(HOST, "rebound.test")}${path}`);
    expect(reply!.status()).toBe(403);
    expect(await page.content()).not.toContain("private-title");
  }
});

test("over plain HTTP off loopback, pages are live although browsers send neither an origin nor a site", async ({ page, server, api }) => {
  const target = await atHost(page, server);
  const gate = join(await mkdtemp(join(tmpdir(), "gate-")), "open");
  const id = await api.submit({ run: `echo first; until [ -e '${gate}' ]; do sleep 0.05; done; echo second` });
  const job = new JobPage(page);
  const streams: Record<string, string>[] = [];
  page.context().on("request", async (request) => {
    if (request.url().includes("/stream")) streams.push(await request.allHeaders());
  });
  await page.goto(`${target}/tasks/queue/${id}`);
  await job.hydrated();
  expect(await page.evaluate(() => window.isSecureContext)).toBe(false);
  await expect(job.withText("first")).toBeVisible();
  await writeFile(gate, "");
  await expect(job.withText("second")).toBeVisible();
  await job.expectEnded("succeeded");
  await page.evaluate(async (path) => {
    const source = new EventSource(path);
    await new Promise((resolve, reject) => {
      source.addEventListener("open", resolve);
      source.addEventListener("error", reject);
    });
    source.close();
  }, `${target}/api/queue/jobs/${id}/events/stream`);
  await expect.poll(() => streams.length).toBeGreaterThan(0);
  for (const sent of streams) expect(Object.keys(sent).filter((name) => name === "origin" || name.startsWith("sec-fetch-"))).toEqual([]);
});
