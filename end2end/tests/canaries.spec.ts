import type { Page } from "@playwright/test";
import { type Api, expect, test, type Server } from "../server.ts";
import { JobPage } from "../pages/job-page.ts";
import { RedactionPage } from "../pages/redaction-page.ts";
import { SeveralJobsPage } from "../pages/several-jobs-page.ts";

/**
 * Returns texts that call `canary` if they are inserted into a page, an attribute, a script or a URL without escaping.
 */
function canaries(): string[] {
  const call = (index: number) => `canary(${index})`;
  const shapes: ((call: string) => string)[] = [
    (call) => `<script>${call}</script>`,
    (call) => `</script><script>${call}</script>`,
    (call) => `</title><script>${call}</script>`,
    (call) => `</textarea><script>${call}</script>`,
    (call) => `</style><script>${call}</script>`,
    (call) => `--><script>${call}</script>`,
    (call) => `]]><script>${call}</script>`,
    (call) => `<img src=x onerror=${call}>`,
    (call) => `<img/src=x/onerror=${call}>`,
    (call) => `"><svg onload=${call}>`,
    (call) => `'><svg/onload=${call}>`,
    (call) => `" autofocus onfocus="${call}`,
    (call) => `' onmouseover='${call}`,
    (call) => `javascript:${call}`,
    (call) => `<a href="javascript:${call}">x</a>`,
    (call) => `<iframe srcdoc="<script>parent.${call}</script>">`,
    (call) => `<iframe src="javascript:parent.${call}">`,
    (call) => `<details open ontoggle=${call}>`,
    (call) => `<body onload=${call}>`,
    (call) => `<math><mtext></mtext><mglyph><style><img src=x onerror=${call}>`,
    (call) => `";${call};"`,
    (call) => `';${call};'`,
    (call) => `\`;${call};\``,
    (call) => `\${${call}}`,
    (call) => `{{constructor.constructor('${call}')()}}`,
  ];
  const wrap = [
    (text: string) => text,
    (text: string) => text.toUpperCase().replaceAll("CANARY", "canary"),
    (text: string) => `\u001b]8;;javascript:${text}\u001b\\link\u001b]8;;\u001b\\`,
    (text: string) => `\u001b[31m${text}\u001b[0m`,
    (text: string) => `\u202e${text}\u2066`,
    (text: string) => text.replaceAll("<", "&lt;").replaceAll(">", "&gt;"),
    (text: string) => text.replaceAll("<", "\u001b[1m<\u001b[0m"),
    (text: string) => encodeURIComponent(text),
  ];
  return wrap.flatMap((wrap, group) => shapes.map((shape, index) => wrap(shape(call(group * shapes.length + index)))));
}

const all = canaries();

/**
 * The texts that are valid as names. A name has at most 100 characters, and no control characters. Texts with escape
 * sequences are therefore not valid. The reasons of pauses and of cancellations may be longer, but cannot contain
 * control characters either.
 */
const names = all.filter((text) => !/[\u0000-\u001f]/.test(text) && text.length <= 100);

/** Opens pages. After each page, checks that no injected script has run, and that no element would run one later. */
class Visitor {
  private constructor(
    private readonly page: Page,
    private readonly server: Server,
    private readonly ran: number[],
  ) {}

  static async of(page: Page, server: Server): Promise<Visitor> {
    const ran: number[] = [];
    await page.exposeFunction("canary", (index: number) => ran.push(index));
    page.on("dialog", () => ran.push(-1));
    return new Visitor(page, server, ran);
  }

  /** Opens a page. Waits for its scripts, unless it has none. */
  async open(path: string) {
    await this.page.goto(this.server.url + path);
    if (!/^\/(login|api)/.test(path)) await new JobPage(this.page).hydrated();
    await this.check(path);
  }

  /** Opens all pages of the audit log. */
  async openAudit() {
    await this.open("/audit");
    for (const older = this.page.getByTestId("older-entries"); await older.isVisible(); await this.check("/audit")) {
      const url = this.page.url();
      await older.click();
      await this.page.waitForURL((now) => now.href !== url);
    }
  }

  async check(place: string) {
    const active = await this.page.evaluate(() => {
      const runs = (attribute: Attr) => /^on|^srcdoc$/.test(attribute.name) || /^\s*javascript:/i.test(attribute.value);
      // These attributes, such as the value of a field or a tooltip, are only displayed, so they may contain any text.
      const isText = (attribute: Attr) => ["value", "title", "aria-label", "content"].includes(attribute.name) || attribute.name.startsWith("data-");
      return [...document.querySelectorAll("*")].flatMap((element) =>
        [...element.attributes].filter((attribute) => runs(attribute) && !isText(attribute)).map((attribute) => `<${element.tagName} ${attribute.name}>`),
      );
    });
    expect(active, `elements of ${place} that run scripts`).toEqual([]);
    expect(this.ran, `scripts that have run on ${place}`).toEqual([]);
  }
}

/** Splits a list into lists of at most `size` elements. */
function chunks<T>(list: T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, index) => list.slice(index * size, (index + 1) * size));
}

/** Sends a request, and checks the status of the reply. */
async function sent(api: Api, status: number, method: string, path: string, data: unknown, bearer?: string): Promise<any> {
  const reply = await api.send(method, path, data, bearer);
  expect(reply.status, `${method} ${path} ${JSON.stringify(data)}: ${JSON.stringify(reply.body)}`).toBe(status);
  return reply.body;
}

test("there are 200 scripts, most of which fit into a name", () => {
  expect(new Set(all).size).toBe(200);
  expect(names.length).toBe(131);
});

test("of 200 scripts in the output, the steps, the files and the errors of jobs, none runs", async ({ page, server, api }) => {
  test.setTimeout(600_000);
  const visitor = await Visitor.of(page, server);
  // A file's name cannot contain a slash.
  const files = all.map((text) => text.replaceAll("/", "\u2215"));
  const id = await api.submit({
    env: { ALL: all.join("\n"), FILES: files.join("\n") },
    steps: [
      { name: "prints", run: `printf '%s\\n' "$ALL"; printf '%s\\n' "$ALL" >&2` },
      ...names.map((name) => ({ name, run: `: '${name.replaceAll("'", "")}'` })),
      { name: "files", run: `printf '%s\\n' "$FILES" | while IFS= read -r name; do echo "$name" > "$name"; done` },
      { name: "fails", run: `printf 'error: %s\\n' "$ALL"; exit 3` },
    ],
    artifacts: ["**"],
    title: names[3],
  });
  await api.ended(id);
  const job = new JobPage(page);
  await visitor.open(`/tasks/queue/${id}`);
  await job.expectEnded("failed");
  await expect(job.rows.first()).toBeVisible();
  for (const filter of ["stages", "logs", "warnings", "all"] as const) {
    await job.filter(filter).click();
    await visitor.check(`the job's page, ${filter}`);
  }
  await job.openAside();
  await visitor.check("the job's artifacts");
  // The panel displays only the rows that are in view.
  for (let top = 0, last = -1; top !== last; ) {
    last = top;
    await job.panel.evaluate((panel) => panel.scrollBy(0, panel.clientHeight));
    await visitor.check("the job's rows");
    top = await job.scrollTop();
  }
  await job.openSearch.click();
  for (const text of all) await job.search.fill(text);
  await visitor.check("the job's search");
  await visitor.open(`/tasks/queue/new?from=${id}`);
});

test("of 200 scripts in titles, reasons and errors, none runs", async ({ page, server, api }) => {
  test.setTimeout(600_000);
  const visitor = await Visitor.of(page, server);
  const { token } = await sent(api, 201, "POST", "/tokens", { name: "worker", role: "worker" });
  const ids: string[] = [];
  // Titles of jobs of other types may contain control characters, which are then replaced.
  for (const text of all) {
    ids.push(await api.submit({ title: text, text }, { type: "canary" }));
    const { job } = await sent(api, 200, "POST", "/jobs/claim", { workerId: "one", leaseSeconds: 3600, allowedTypes: ["canary"] }, token);
    const report = { workerId: "one", leaseEpoch: job.leaseEpoch };
    await sent(api, 201, "POST", `/jobs/${job.id}/events`, { ...report, message: text, level: "error" }, token);
    await sent(api, 200, "POST", `/jobs/${job.id}/fail`, { ...report, errorMessage: text }, token);
    const cancelled = await api.submit({ title: "cancelled" }, { type: "canary" });
    const takesReason = !/[\u0000-\u001f]/.test(text);
    await sent(api, takesReason ? 200 : 422, "POST", `/jobs/${cancelled}/cancel`, { reason: text });
    ids.push(cancelled);
  }
  for (let offset = 0; offset < ids.length; offset += 50) await visitor.open(`/tasks/queue?offset=${offset}`);
  const several = new SeveralJobsPage(page);
  for (const shown of chunks(ids, 6)) {
    await visitor.open(`/tasks/queue/view?${shown.map((id) => `job=${id}`).join("&")}`);
    await expect(several.columns).toHaveCount(shown.length);
    await visitor.check("jobs side by side");
  }
  for (const id of ids.slice(0, 40)) await visitor.open(`/tasks/queue/${id}`);
  await visitor.openAudit();
});

test("of 200 scripts in workers, tokens, keys and pauses, none runs", async ({ page, server, api }) => {
  test.setTimeout(600_000);
  const visitor = await Visitor.of(page, server);
  const waiting: string[] = [];
  for (const text of names) {
    const limits = { allowedJobTypes: [text], allowedRepositories: [text], capabilities: [text] };
    const { token } = await sent(api, 201, "POST", "/workers/tokens", { workerId: text, description: text, ...limits });
    const payload = { title: text, repository: text, concurrencyKey: text, requiredCapabilities: [text] };
    for (const _ of ["running", "waiting"]) waiting.push(await api.submit(payload, { type: text, affinityKey: text }));
    const about = { version: text, hostname: text, allowedTypes: [text], workerCapabilities: [text] };
    const { job } = await sent(api, 200, "POST", "/jobs/claim", { workerId: text, leaseSeconds: 3600, ...about }, token);
    expect(job.title).not.toBeNull();
  }
  // The server accepts at most 100 pauses at a time.
  const pause = (kind: string) => `/pauses/${encodeURIComponent(`type:${kind}`)}`;
  for (const paused of chunks(names, 100)) {
    for (const text of paused) await sent(api, 201, "PUT", pause(text), { reason: text });
    await visitor.open("/tasks/queue");
    await visitor.open("/workers");
    await expect(page.getByTestId("pause-row").filter({ hasText: "canary(" })).toHaveCount(paused.length);
    await visitor.open(`/tasks/queue/${waiting[2 * names.indexOf(paused[0]!) + 1]}`);
    for (const text of paused) await sent(api, 204, "DELETE", pause(text), undefined);
  }
  // None of the texts is valid as the name of a user or a secret.
  for (const name of all) {
    await sent(api, 422, "POST", "/users", { name, role: "viewer", password: "correct horse battery" });
    await sent(api, 422, "PUT", `/secrets/${encodeURIComponent(name)}`, { value: "a-value-to-keep" });
  }
  for (const path of ["/workers", "/people", "/account", "/secrets", "/redaction", "/tasks/queue", "/tasks/queue/bulk?action=cancel", "/api/docs"]) {
    await visitor.open(path);
  }
  await expect(page.locator("h1")).toHaveText("API");
  await visitor.open("/workers");
  await expect(page.getByTestId("worker-row").filter({ hasText: "canary(" })).toHaveCount(names.length);
  await visitor.open("/account");
  await expect(page.getByTestId("token-row").filter({ hasText: "canary(" })).toHaveCount(names.length);
  await visitor.openAudit();
  for (const shown of chunks(waiting, 6)) await visitor.open(`/tasks/queue/view?${shown.map((id) => `job=${id}`).join("&")}`);
  for (const id of waiting.slice(0, 40)) await visitor.open(`/tasks/queue/${id}`);
});

test("of 200 scripts in addresses, filters and posted texts, none runs", async ({ page, server, api }) => {
  test.setTimeout(600_000);
  const visitor = await Visitor.of(page, server);
  const id = await api.submit({ run: "echo one" });
  await api.ended(id);
  // The server accepts URLs of at most 8,192 bytes.
  for (const texts of chunks(all, 25)) {
    const query = encodeURIComponent(texts.join("\n"));
    expect(query.length).toBeLessThan(7_500);
    for (const path of [
      `/tasks/queue?q=${query}`,
      `/tasks/queue/${id}?q=${query}`,
      `/tasks/queue/view?job=${id}&q=${query}`,
      `/tasks/queue/bulk?action=cancel&q=${query}`,
      `/tasks/queue/new?title=${query}`,
      `/audit?user=${query}`,
      `/audit?action=${query}`,
      `/login?next=${query}`,
      `/api/docs?${query}`,
    ]) {
      await visitor.open(path);
    }
    for (const page of ["workers", "people", "account", "secrets", "redaction"]) {
      await visitor.open(`/${page}?done=${query}`);
      await visitor.open(`/${page}?error=${query}`);
    }
  }
  // A `javascript:` text acts as a URL only at the beginning of an attribute. These texts are therefore tried one by
  // one.
  for (const text of all.filter((text) => /^javascript/i.test(text))) {
    await visitor.open(`/login?next=${encodeURIComponent(text)}`);
    await visitor.open(`/tasks/queue/${encodeURIComponent(text)}`);
    await visitor.open(`/tasks/queue/view?job=${encodeURIComponent(text)}`);
  }
  await visitor.open("/tasks/queue");
  for (const text of all) await page.getByTestId("jobs-search").fill(text);
  await visitor.check("the search of the queue");
  const redaction = new RedactionPage(page);
  await visitor.open("/redaction");
  await redaction.text.fill(all.join("\n"));
  await redaction.test.click();
  await expect(redaction.masked).toContainText("canary(");
  await visitor.check("the tested text");
});
