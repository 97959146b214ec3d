import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";

/** The data that the attacks try to read or change. */
export interface Prey {
  /** The address of the server. */
  target: string;
  /** A running job, which has printed `private-output`. */
  running: string;
  /** A finished job, which can be run again. */
  ended: string;
  /** The paths of a script and of a style sheet of the server's pages. */
  script: string;
  style: string;
}

/** The evidence that an attack has succeeded. */
export type Success =
  /** The audit log contains these actions. */
  | { actions: string[] }
  /** The page has read this text. */
  | { read: string }
  /** The reason why the attack cannot succeed, even if the page belongs to the server itself. */
  | { impossible: string };

/** The results of the attacks by one page. */
export interface Outcome {
  /** All attacks, by their names. */
  attacks: Record<string, Success>;
  /** The data that the page could read. Each text begins with the name of the attack. */
  read: string[];
  /** The names of the attacks that were attempted. */
  attempted: string[];
}

/**
 * Attempts to read and change the data of a server from a page. If `wanted` is omitted, all attacks are attempted. If
 * it is empty, none is attempted. Otherwise, it is the name of the only attack to attempt. This function runs in the
 * browser, so it must not use anything that is declared outside of it.
 */
async function attack(prey: Prey, wanted?: string): Promise<Outcome> {
  const { target, running, ended, script, style } = prey;
  const outcome: Outcome = { attacks: {}, read: [], attempted: [] };
  const attempts: [string, () => Promise<string>][] = [];
  const add = (name: string, success: Success, attempt: () => Promise<string>) => {
    if (name in outcome.attacks) throw new Error(`two attacks have the name ${name}`);
    outcome.attacks[name] = success;
    attempts.push([name, attempt]);
  };
  const submission = JSON.stringify({ type: "command", payload: { run: "echo attacked" } });
  const api = `${target}/api/queue`;
  const patiently = <T>(attempt: Promise<T>) =>
    Promise.race([attempt, new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 3000))]);
  const does = (...actions: string[]): Success => ({ actions });
  const reads = (read: string): Success => ({ read });
  const impossible = (why: string): Success => ({ impossible: why });
  const onlyJson = impossible("the API accepts only application/json, which the browser sends only after a preflight request");
  const noGet = impossible("GET requests change nothing");
  const wrongType = impossible("the response is nosniff and has another content type");

  // Browsers submit forms to other origins without asking the server for permission first.
  const encoded = "application/x-www-form-urlencoded";
  let frames = 0;
  const form = (path: string, success: Success, fields: Record<string, string>, enctype = encoded) =>
    add(`form ${enctype} ${path}${fields.action ? ` ${fields.action}` : ""}`, success, async () => {
      const frame = document.createElement("iframe");
      frame.name = `frame-${frames++}`;
      document.body.append(frame);
      const form = Object.assign(document.createElement("form"), { method: "post", action: target + path, target: frame.name, enctype });
      for (const [name, value] of Object.entries(fields)) {
        form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
      }
      document.body.append(form);
      const loaded = new Promise((resolve) => frame.addEventListener("load", resolve));
      form.submit();
      await patiently(loaded);
      try {
        return frame.contentDocument!.body.innerText;
      } catch {
        // This page cannot read the frame's content, because it belongs to another origin.
        return "";
      }
    });
  // With `text/plain`, the body of a form is `name=value`. The name and the value are chosen so that the body is valid
  // JSON.
  const half = submission.indexOf(":");
  form("/api/queue/jobs", onlyJson, { [`${submission.slice(0, half)}:"`]: `",${submission.slice(half)}` }, "text/plain");
  form("/tasks/queue/new", does("job.submit"), { run: "echo attacked" });
  const all = { status: "", q: "", user: "", createdAfter: "", createdBefore: "" };
  for (const action of ["cancel", "resubmit", "remove"]) form("/tasks/queue/bulk", does(`job.${action}`), { action, ...all });
  form("/secrets", does("secret.set"), { name: "ATTACKED", value: "by a form" });
  form("/people", does("user.add"), { action: "add-user", name: "attacker", role: "admin", password: "correct horse battery" });
  form("/account", does("token.create"), { action: "create-token", name: "attacker", role: "admin", expiresInDays: "30" });
  form("/workers", does("queue.pause"), { action: "pause", kind: "attacked", reason: "by a form" });
  form(`/api/queue/jobs/${running}/cancel`, does("job.cancel"), {});
  form(`/api/queue/jobs/${ended}/resubmit`, does("job.resubmit"), {});
  form(`/api/queue/jobs/${ended}/resubmit`, onlyJson, {}, "multipart/form-data");
  form("/rpc/cancel_job", does("job.cancel"), { id: running });
  form("/logout", does("logout"), {});
  // If this attack succeeded, the user would act as the attacker without noticing.
  form("/login", does("login"), { name: "mallory", password: "correct horse battery" });

  // Streamed responses are read only up to the end of their first chunk.
  const request = (name: string, success: Success, path: string, options: RequestInit) =>
    add(`${name} ${options.method ?? "GET"} ${path}`, success, async () => {
      const reply = await patiently(fetch(target + path, { credentials: "include", ...options }).catch(() => undefined));
      const chunk = await patiently(reply?.body?.getReader().read() ?? Promise.resolve(undefined));
      return chunk?.value ? new TextDecoder().decode(chunk.value) : "";
    });
  for (const mode of ["no-cors", "cors"] as const) {
    request(mode, onlyJson, "/api/queue/jobs", { mode, method: "POST", body: submission });
    request(mode, does("job.cancel"), `/api/queue/jobs/${running}/cancel`, { mode, method: "POST" });
    request(mode, does("job.cancel"), "/rpc/cancel_job", { mode, method: "POST", body: new URLSearchParams({ id: running }) });
    request(mode, does("logout"), "/logout", { mode, method: "POST" });
    request(mode, reads("private-title"), "/tasks/queue", { mode });
    request(mode, reads("private-title"), "/api/queue/jobs", { mode });
    request(mode, reads("private-output"), `/api/queue/jobs/${running}/log`, { mode });
    request(mode, reads("tailwater_"), "/metrics", { mode });
    request(mode, reads("Tailwater"), "/nothing", { mode });
  }
  const headers = { "content-type": "application/json" };
  request("JSON", does("job.submit"), "/api/queue/jobs", { method: "POST", body: submission, headers });
  request("JSON", does("secret.set"), "/api/queue/secrets/ATTACKED", { method: "PUT", body: `{"value":"by fetch"}`, headers });
  request("JSON", does("secret.remove"), "/api/queue/secrets/KEPT", { method: "DELETE" });

  const beacon = (name: string, success: Success, path: string, body?: Blob) =>
    add(`beacon ${name}`, success, async () => {
      navigator.sendBeacon(api + path, body);
      return "";
    });
  beacon("without a body", does("job.cancel"), `/jobs/${running}/cancel`);
  beacon("text/plain", onlyJson, "/jobs", new Blob([submission], { type: "text/plain" }));

  // The browser loads the URL of such an element with the user's cookies.
  const load = (tag: "img" | "script" | "link", path: string, success: Success) =>
    add(`<${tag}> ${path}`, success, async () => {
      const element = document.createElement(tag);
      const ended = new Promise<string>((resolve) => {
        element.addEventListener("load", () => resolve("loaded"));
        element.addEventListener("error", () => resolve("refused"));
      });
      if (tag === "link") element.setAttribute("rel", "stylesheet");
      element.setAttribute(tag === "link" ? "href" : "src", target + path);
      document.body.append(element);
      return (await patiently(ended)) === "loaded" ? "loaded" : "";
    });
  for (const tag of ["img", "script"] as const) {
    for (const path of ["/logout", `/api/queue/jobs/${running}/cancel`]) load(tag, path, noGet);
    for (const path of ["/api/queue/jobs", `/api/queue/jobs/${running}/log`]) load(tag, path, wrongType);
  }
  load("img", "/favicon.svg", reads("loaded"));
  load("script", script, reads("loaded"));
  load("link", style, reads("loaded"));
  load("link", "/tasks/queue", wrongType);

  // Browsers also open event streams of other origins without asking the server for permission first.
  for (const path of [`/jobs/${running}/events/stream`, "/jobs/stream", `/events/stream?jobs=${running}:0`]) {
    add(`stream ${path}`, reads("open"), async () => {
      const source = new EventSource(api + path, { withCredentials: true });
      const event = new Promise<string>((resolve) => {
        for (const name of ["message", "log", "job", "open", "end"]) source.addEventListener(name, () => resolve(name));
        source.addEventListener("error", () => resolve(""));
      });
      const received = await patiently(event);
      source.close();
      return received ?? "";
    });
  }
  request("fetch", reads("private-output"), `/api/queue/jobs/${running}/log?follow=true`, {});

  // The origin of a sandboxed frame is opaque, so the browser sends `Origin: null`. If the page belongs to the server
  // itself, the frame keeps the page's origin. The attack then succeeds, which shows that the frame's script works.
  add("sandboxed frame", does("job.cancel", "job.resubmit"), async () => {
    const sandbox = document.createElement("iframe");
    const keeps = location.origin === target ? " allow-same-origin" : "";
    sandbox.setAttribute("sandbox", `allow-scripts allow-forms${keeps}`);
    sandbox.srcdoc = `<form method=post action="${api}/jobs/${running}/cancel"></form><script>
      fetch(${JSON.stringify(`${api}/jobs/${ended}/resubmit`)}, { method: "POST", credentials: "include", mode: "no-cors" })
        .catch(() => {}).finally(() => document.forms[0].submit());</script>`;
    // The first `load` event is for the frame's own content, and the second `load` event is for the response to the
    // form.
    let loads = 0;
    const done = new Promise<void>((resolve) => sandbox.addEventListener("load", () => ++loads === 2 && resolve()));
    document.body.append(sandbox);
    await patiently(done);
    return "";
  });

  // An attacker could place the server's page in a frame under other content, and trick the user into clicking on it.
  add("frame", impossible("no page may be displayed in a frame, not even in one of the server itself"), async () => {
    const frame = document.createElement("iframe");
    frame.src = `${target}/tasks/queue`;
    document.body.append(frame);
    await patiently(new Promise((resolve) => frame.addEventListener("load", resolve)));
    try {
      return frame.contentDocument!.body.innerText;
    } catch {
      // The browser refused to embed the page, and the frame displays the browser's own error page.
      return "";
    }
  });

  for (const [name, attempt] of attempts) {
    if (wanted !== undefined && wanted !== name) continue;
    outcome.attempted.push(name);
    const text = await attempt();
    if (text !== "") outcome.read.push(`${name}: ${text}`);
  }
  return outcome;
}

/**
 * The attacker's web server, which serves one empty page. In the browser, every name ending in `.test` resolves to its
 * address.
 */
export class Attacker {
  private constructor(private readonly server: HttpServer) {}

  static async start(): Promise<Attacker> {
    const server = createServer((_, reply) => reply.setHeader("content-type", "text/html").end("<!doctype html><title>x</title><body>"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new Attacker(server);
  }

  /** Returns the URL of the page at the given host name. */
  url(host: string): string {
    return `http://${host}:${(this.server.address() as AddressInfo).port}/`;
  }

  stop() {
    this.server.closeAllConnections();
    this.server.close();
  }
}

export { attack };
