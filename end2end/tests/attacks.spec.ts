import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { attack, Attacker, type Outcome, type Prey } from "../attacker.ts";
import { JobPage } from "../pages/job-page.ts";
import { expect, logIn, test, type Api, type Server } from "../server.ts";

// The attacker's page embeds pages whose Content-Security-Policy forbids embedding.
test.use({ violationsExpected: true });

/**
 * The host name at which the browser reaches the server in these tests. Unlike `localhost`, this name has to be
 * configured in the server.
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

/** Creates the jobs and the other data that the attacks try to read or change. */
async function preyOf(page: Page, api: Api, server: Server, target: string): Promise<Prey> {
  const running = await api.submit({ title: "private-title", run: "echo private-output; until test -e go; do sleep 0.1; done" });
  const ended = await api.submit({ run: "true" });
  await api.ended(ended);
  await expect.poll(async () => JSON.stringify(await api.event(running, "log")) ?? "").toContain("private-output");
  const login = await (await page.request.get(`${server.url}/login`)).text();
  return { target, running, ended, script: login.match(/\/pkg\/[\w.]+\.js/)![0], style: login.match(/\/pkg\/[\w.]+\.css/)![0] };
}

/** Attempts the attacks from the page that is open in the browser. */
async function attackFrom(page: Page, prey: Prey, wanted?: string): Promise<Outcome> {
  return page.evaluate(
    ([source, prey, wanted]) => (0, eval)(`(${source})`)(prey, wanted) as ReturnType<typeof attack>,
    [attack.toString(), prey, wanted] as const,
  );
}

/** Returns the actions in the audit log that have succeeded, oldest first. */
async function succeeded(api: Api): Promise<string[]> {
  return (await api.audit()).filter((entry) => entry.status < 400).map((entry) => entry.action);
}

// Pages at the first two hosts belong to the same site as the server, so browsers send `SameSite=Lax` cookies with all
// of their requests. Requests from pages at the other two hosts carry no such cookies.
for (const host of [HOST, `sibling.${HOST}`, "evil.test", "localhost"]) {
  test(`a page at another port of ${host} can neither change nor read anything`, async ({ page, server, api }) => {
    test.slow();
    const target = await atHost(page, server);
    await api.setSecret("KEPT", "a-value-to-keep");
    await api.addUser("mallory", "viewer");
    const prey = await preyOf(page, api, server, target);
    const [jobs, actions] = [(await api.jobs()).map((job) => job.id), await succeeded(api)];

    const attacker = await Attacker.start();
    const statuses: [string, number][] = [];
    page.on("response", (reply) => {
      if (reply.url().startsWith(target) && reply.request().method() === "POST") statuses.push([reply.url().slice(target.length), reply.status()]);
    });
    await page.goto(attacker.url(host));
    const outcome = await attackFrom(page, prey);
    expect(outcome.read).toEqual([]);
    expect(outcome.attempted).toEqual(Object.keys(outcome.attacks));
    expect(outcome.attempted.length).toBeGreaterThan(50);
    const forms = outcome.attempted.filter((name) => name.startsWith("form "));
    expect(statuses.length, "the forms reached the server").toBeGreaterThanOrEqual(forms.length);
    expect(statuses.filter(([, status]) => status !== 403)).toEqual([]);
    attacker.stop();

    expect(await succeeded(api)).toEqual(actions);
    expect((await api.job(prey.running)).status).toBe("running");
    expect((await api.job(prey.running)).cancelRequestedAt).toBeNull();
    expect((await api.jobs()).map((job) => job.id)).toEqual(jobs);
    expect(await api.secrets()).toEqual(["KEPT"]);
    await page.goto(`${target}/tasks/queue`);
    await expect(page.getByRole("heading", { level: 1 }), "the reader is still logged in").not.toHaveText("Tailwater");
  });
}

test("each attack succeeds if the page belongs to the server itself, or states why it cannot", async ({ page, server, api }) => {
  // Each attack is attempted alone, on a page of its own.
  test.setTimeout(600_000);
  const ownPage = `${server.url}/attack`;
  // Unlike the server's own pages, this page has no Content-Security-Policy.
  await page.route(ownPage, (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html><title>x</title><body>" }));
  await api.addUser("mallory", "viewer");
  let prey = await preyOf(page, api, server, server.url);
  await page.goto(ownPage);
  const { attacks } = await attackFrom(page, prey, "");
  expect(Object.keys(attacks).length).toBeGreaterThan(50);
  const refused: string[] = [];
  page.on("response", (reply) => {
    if (reply.status() === 403) refused.push(`${reply.request().method()} ${reply.url()}`);
  });

  for (const [position, success] of Object.values(attacks).entries()) {
    await page.goto(ownPage);
    // An earlier attack may have ended or replaced the session, and may have changed the jobs and the secret.
    await page.context().clearCookies();
    await logIn(page.request, server);
    if ((await api.job(prey.running)).status !== "running" || (await api.job(prey.ended)).id !== prey.ended) {
      // Jobs that earlier attacks have resubmitted would occupy the worker.
      await api.cancelAll();
      prey = await preyOf(page, api, server, server.url);
    }
    if (!(await api.secrets()).includes("KEPT")) await api.setSecret("KEPT", "a-value-to-keep");
    const before = (await succeeded(api)).length;
    // The names of attacks contain the ids of jobs, which differ between runs. The attack is therefore identified by
    // its position.
    const name = Object.keys((await attackFrom(page, prey, "")).attacks)[position]!;
    const { read, attempted } = await attackFrom(page, prey, name);
    expect(attempted).toEqual([name]);
    const done = async () => (await succeeded(api)).slice(before);
    if ("actions" in success) {
      await expect.poll(async () => (await done()).sort(), `${name} succeeds`).toEqual([...success.actions].sort());
    } else if ("read" in success) {
      expect(read.join(), `${name} succeeds`).toContain(success.read);
    } else {
      expect(read.join(), `${name} is refused, because ${success.impossible}`).not.toMatch(/private-|loaded/);
      expect(await done(), `${name} is refused, because ${success.impossible}`).toEqual([]);
    }
  }
  expect(refused, "the server refuses no request because of its origin").toEqual([]);
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
