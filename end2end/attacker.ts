import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";

/** The results of the attacks by one page. */
export interface Outcome {
  /** The data that the page could read. */
  read: string[];
  /** The number of attacks that were attempted. */
  attempted: number;
}

/**
 * Attempts to read and change the data of a server from a page of another origin. This function runs in the browser, so
 * it must not use anything that is declared outside of it.
 */
async function attack(target: string, job: string): Promise<Outcome> {
  const outcome: Outcome = { read: [], attempted: 0 };
  const submission = JSON.stringify({ type: "command", payload: { run: "echo attacked" } });
  const api = `${target}/api/queue`;
  const patiently = <T>(attempt: Promise<T>) => Promise.race([attempt, new Promise((resolve) => setTimeout(resolve, 3000))]);

  // Browsers submit forms to other origins without asking the server for permission first.
  const form = async (path: string, fields: Record<string, string>, enctype: string) => {
    const frame = document.createElement("iframe");
    frame.name = `frame-${outcome.attempted++}`;
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
      outcome.read.push(`frame ${path}: ${frame.contentDocument!.body.innerText}`);
    } catch {
      // The frame's content belongs to another origin, so this page cannot read it.
    }
  };
  const encoded = "application/x-www-form-urlencoded";
  // With `text/plain`, the body is `name=value`. The name and the value are chosen so that the body is valid JSON.
  const half = submission.indexOf(":");
  await form("/api/queue/jobs", { [`${submission.slice(0, half)}:"`]: `",${submission.slice(half)}` }, "text/plain");
  await form("/tasks/queue/new", { run: "echo attacked", "steps[0][run]": "echo attacked" }, encoded);
  await form("/secrets", { action: "set", name: "ATTACKED", value: "by a form" }, encoded);
  await form("/logout", {}, encoded);
  await form(`/api/queue/jobs/${job}/cancel`, {}, encoded);
  await form(`/api/queue/jobs/${job}/resubmit`, {}, "multipart/form-data");

  const request = async (path: string, options: RequestInit) => {
    outcome.attempted++;
    const reply = await patiently(fetch(target + path, { credentials: "include", ...options }).catch(() => undefined));
    const text = reply instanceof Response ? await reply.text() : "";
    if (text !== "") outcome.read.push(`fetch ${path}: ${text}`);
  };
  for (const mode of ["no-cors", "cors"] as const) {
    await request("/api/queue/jobs", { mode, method: "POST", body: submission });
    await request(`/api/queue/jobs/${job}/cancel`, { mode, method: "POST" });
    await request("/rpc/cancel_job", { mode, method: "POST", body: JSON.stringify({ id: job }) });
    await request("/logout", { mode, method: "POST" });
    for (const path of ["/tasks/queue", "/api/queue/jobs", `/api/queue/jobs/${job}/log`, "/metrics", "/nothing"]) {
      await request(path, { mode });
    }
  }
  await request("/api/queue/jobs", { method: "POST", body: submission, headers: { "content-type": "application/json" } });
  await request("/api/queue/secrets/ATTACKED", { method: "PUT", body: `{"value":"by fetch"}`, headers: { "content-type": "application/json" } });
  await request("/api/queue/secrets/KEPT", { method: "DELETE" });

  outcome.attempted++;
  navigator.sendBeacon(`${api}/jobs/${job}/cancel`);
  navigator.sendBeacon(`${api}/jobs`, new Blob([submission], { type: "text/plain" }));

  // The browser loads the URL of such an element with the user's cookies.
  const load = async (element: HTMLElement, attribute: "src" | "href", path: string) => {
    outcome.attempted++;
    const ended = new Promise<string>((resolve) => {
      element.addEventListener("load", () => resolve("loaded"));
      element.addEventListener("error", () => resolve("refused"));
    });
    element.setAttribute(attribute, target + path);
    document.body.append(element);
    if ((await patiently(ended)) === "loaded") outcome.read.push(`<${element.tagName} ${attribute}=${path}>`);
  };
  for (const path of ["/logout", `/api/queue/jobs/${job}/cancel`, "/api/queue/jobs", `/api/queue/jobs/${job}/log`]) {
    await load(document.createElement("img"), "src", path);
    await load(document.createElement("script"), "src", path);
  }
  await load(document.createElement("img"), "src", "/favicon.svg");
  await load(Object.assign(document.createElement("link"), { rel: "stylesheet" }), "href", "/tasks/queue");

  // Browsers also open event streams of other origins without asking the server for permission first.
  for (const path of [`/jobs/${job}/events/stream`, "/jobs/stream", `/events/stream?job=${job}`]) {
    outcome.attempted++;
    const source = new EventSource(api + path, { withCredentials: true });
    const event = new Promise<string>((resolve) => {
      for (const name of ["message", "log", "job", "open", "end"]) source.addEventListener(name, () => resolve(name));
      source.addEventListener("error", () => resolve(""));
    });
    const received = await patiently(event);
    if (received) outcome.read.push(`stream ${path}: ${received}`);
    source.close();
  }
  await request(`/api/queue/jobs/${job}/log?follow=true`, {});

  // The origin of a sandboxed frame is opaque, so the browser sends `Origin: null`.
  outcome.attempted++;
  const sandbox = document.createElement("iframe");
  sandbox.setAttribute("sandbox", "allow-scripts allow-forms");
  sandbox.srcdoc = `<form method=post action="${api}/jobs/${job}/cancel"></form><script>
    fetch(${JSON.stringify(`${api}/jobs`)}, { method: "POST", credentials: "include", mode: "no-cors", body: ${JSON.stringify(submission)} })
      .finally(() => document.forms[0].submit());</script>`;
  document.body.append(sandbox);
  await patiently(new Promise((resolve) => sandbox.addEventListener("load", () => setTimeout(resolve, 500))));

  // An attacker could place the server's page in a frame under other content, and trick the user into clicking on it.
  outcome.attempted++;
  const frame = document.createElement("iframe");
  frame.src = `${target}/tasks/queue`;
  document.body.append(frame);
  await patiently(new Promise((resolve) => frame.addEventListener("load", resolve)));
  try {
    outcome.read.push(`frame: ${frame.contentDocument!.body.innerText}`);
  } catch {
    // The browser refused to embed the page, and the frame displays the browser's own error page.
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
