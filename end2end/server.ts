import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { test as base, expect, type APIRequestContext } from "@playwright/test";

const token = "end2end-token-0123456789abcdef0123456789";
/** The password of every user in the tests. */
export const password = "correct horse battery";
const root = resolve(import.meta.dirname, "..");

/** The server of one test. It can be killed, and restarted on the same port with the same data. */
export class Server {
  private child?: ChildProcess;
  url = "http://127.0.0.1:0";
  loginLink = "";
  /** Additional environment variables, which take effect at the next start. */
  env: Record<string, string> = {};

  private constructor(
    /** A directory for the test's files and the server's data directory. Jobs can access this directory. */
    readonly data: string,
    private readonly program: string,
    private readonly cwd: string,
  ) {}

  /** Starts the release server, or another program, in the given working directory. */
  static async start(program = process.env.TAILWATER_BIN!, cwd = root): Promise<Server> {
    const server = new Server(await mkdtemp(join(tmpdir(), "tailwater-")), program, cwd);
    await server.up();
    return server;
  }

  async up() {
    const listen = new URL(this.url).host;
    const child = spawn(this.program, ["serve", "--listen", listen, "--data-dir", join(this.data, "data")], {
      cwd: this.cwd,
      env: { ...process.env, TAILWATER_ADMIN_TOKEN: token, ...this.env },
      stdio: ["ignore", "pipe", "ignore"],
    });
    this.child = child;
    const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
    this.url = String((await lines.next()).value).replace("Listening on ", "");
    this.loginLink = String((await lines.next()).value).replace("Log in with this one-time link: ", "");
    expect(this.url).toContain("http://127.0.0.1:");
  }

  /** Stops the server with a signal, by default SIGKILL. */
  async down(signal: NodeJS.Signals = "SIGKILL") {
    const child = this.child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    await exited;
  }

  async stop() {
    await this.down("SIGTERM");
    await rm(this.data, { recursive: true, force: true });
  }
}

/** A client for the API. */
export class Api {
  constructor(
    private readonly request: APIRequestContext,
    private readonly server: Server,
  ) {}

  private options(data?: unknown) {
    return { headers: { authorization: `Bearer ${token}` }, data };
  }

  /** Sends a request with a JSON body, by default with the admin token. Returns the status and the body of the reply. */
  async send(method: string, path: string, data: unknown, bearer = token): Promise<{ status: number; body: any }> {
    const headers = { authorization: `Bearer ${bearer}` };
    const reply = await this.request.fetch(`${this.server.url}/api/queue${path}`, { method, headers, data });
    const text = await reply.text();
    return { status: reply.status(), body: text === "" ? null : JSON.parse(text) };
  }

  async submit(payload: unknown, more: object = {}): Promise<string> {
    const job = { type: "command", payload, ...more };
    const reply = await this.request.post(`${this.server.url}/api/queue/jobs`, this.options(job));
    expect(reply.status(), await reply.text()).toBe(201);
    return (await reply.json()).id;
  }

  async cancel(id: string, reason: string) {
    const reply = await this.request.post(`${this.server.url}/api/queue/jobs/${id}/cancel`, this.options({ reason }));
    expect(reply.status()).toBe(200);
  }

  /** Pauses `queue`, `type:NAME` or `worker:ID`. */
  async pause(target: string, reason: string) {
    const reply = await this.request.put(`${this.server.url}/api/queue/pauses/${target}`, this.options({ reason }));
    expect(reply.status()).toBe(201);
  }

  async resume(target: string) {
    const reply = await this.request.delete(`${this.server.url}/api/queue/pauses/${target}`, this.options());
    expect(reply.status()).toBe(204);
  }

  /** Cancels all jobs that have not finished. */
  async cancelAll() {
    const body = { action: "cancel", filter: {} };
    const reply = await this.request.post(`${this.server.url}/api/queue/jobs/bulk`, this.options(body));
    expect(reply.status()).toBe(200);
  }

  async job(id: string) {
    return (await this.request.get(`${this.server.url}/api/queue/jobs/${id}`, this.options())).json();
  }

  async ended(id: string) {
    await expect.poll(async () => (await this.job(id)).finishedAt, { timeout: 60_000 }).not.toBeNull();
    return this.job(id);
  }

  /** Returns the jobs, newest first. */
  async jobs(): Promise<{ id: string }[]> {
    return (await (await this.request.get(`${this.server.url}/api/queue/jobs`, this.options())).json()).items;
  }

  async setSecret(name: string, value: string) {
    const reply = await this.request.put(`${this.server.url}/api/queue/secrets/${name}`, this.options({ value }));
    expect(reply.status()).toBe(201);
  }

  /** Returns the names of the secrets. */
  async secrets(): Promise<string[]> {
    const { items } = await (await this.request.get(`${this.server.url}/api/queue/secrets`, this.options())).json();
    return items.map((secret: { name: string }) => secret.name);
  }

  /** Returns the newest entries of the audit log, oldest first. */
  async audit(): Promise<{ action: string; status: number }[]> {
    const reply = await this.request.get(`${this.server.url}/api/queue/audit?limit=1000`, this.options());
    return (await reply.json()).items.reverse();
  }

  /** Returns the job's first event of the given kind. */
  async event(id: string, kind: string) {
    const events = await this.request.get(`${this.server.url}/api/queue/jobs/${id}/events?kind=${kind}&limit=1`, this.options());
    return (await events.json()).items[0];
  }

  /** Returns the value of one of the server's metrics. */
  async metric(name: string): Promise<number> {
    const text = await (await this.request.get(`${this.server.url}/metrics`, this.options())).text();
    return Number(text.split("\n").find((line) => line.startsWith(`${name} `))?.split(" ")[1]);
  }

  /** Adds a user whose password is `password`. */
  async addUser(name: string, role: "viewer" | "operator" | "admin") {
    const reply = await this.request.post(`${this.server.url}/api/queue/users`, this.options({ name, role, password }));
    expect(reply.status(), await reply.text()).toBe(201);
  }

  /** Creates an API token, authenticated with the admin token, and returns the text of the new token. */
  async createToken(name: string): Promise<string> {
    const reply = await this.request.post(`${this.server.url}/api/queue/tokens`, this.options({ name }));
    return (await reply.json()).token;
  }

  /** Changes a user. */
  async changeUser(name: string, changes: { role?: string; disabled?: boolean }) {
    const reply = await this.request.patch(`${this.server.url}/api/queue/users/${name}`, this.options(changes));
    expect(reply.status(), await reply.text()).toBe(200);
  }

  /** Returns the complete output of an attempt. */
  async output(id: string, attempt = 1): Promise<Buffer> {
    const list = `${this.server.url}/api/queue/jobs/${id}/artifacts`;
    const { items } = await (await this.request.get(list, this.options())).json();
    const log = items.find((item: { attempt: number; name: string }) => item.attempt === attempt && item.name === "logs/output.log");
    return (await this.request.get(`${list}/${log.id}/download`, this.options())).body();
  }
}

/** Logs a browser in with the admin token. */
export async function logIn(request: APIRequestContext, server: Server) {
  await request.post(`${server.url}/login`, { form: { token, next: "/tasks/queue" } });
}

interface Fixtures {
  server: Server;
  api: Api;
  loggedIn: void;
  /** Whether pages of the test may violate a Content-Security-Policy. */
  violationsExpected: boolean;
  policy: void;
}

/** A test with a server, a client for its API, and a logged-in browser. */
export const test = base.extend<Fixtures>({
  violationsExpected: [false, { option: true }],
  // In ordinary use, no page violates its policy. Previews are not checked, because they display arbitrary files.
  policy: [
    async ({ context, violationsExpected }, use) => {
      const violations: string[] = [];
      context.on("console", (message) => {
        const isViolation = /Content Security Policy/i.test(message.text()) && !message.location().url.includes("/previews/");
        if (isViolation) violations.push(message.text());
      });
      await use();
      if (!violationsExpected) expect(violations).toEqual([]);
    },
    { auto: true },
  ],
  server: async ({}, use) => {
    const server = await Server.start();
    await use(server);
    await server.stop();
  },
  api: async ({ playwright, server }, use) => {
    const request = await playwright.request.newContext();
    await use(new Api(request, server));
    await request.dispose();
  },
  loggedIn: [
    async ({ context, server }, use) => {
      await logIn(context.request, server);
      await use();
    },
    { auto: true },
  ],
});

export { expect };
