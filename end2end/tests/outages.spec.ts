import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { JobPage } from "../pages/job-page.ts";
import { Proxy } from "../proxy.ts";
import { expect, test } from "../server.ts";

const SECONDS = 120;
const RESTARTS = [40, 80];
const JOBS = 4;
const TABS = 20;

// Usually, a browser draws only the selected tab of a window. In this test it draws all 20 tabs, and a trace with
// screenshots would make it draw each frame again. Small tabs without screenshots leave the CPU cores free to process
// the lines. The size of the tabs does not affect the number of lines that the pages process.
test.use({
  viewport: { width: 640, height: 360 },
  trace: { mode: "retain-on-failure", screenshots: false, snapshots: false },
});

test("20 tabs are complete and verified after two minutes of cut connections and two kills of the server", async ({ context, server, api }) => {
  test.setTimeout((SECONDS + 360) * 1000);
  server.env = { TAILWATER_CONCURRENCY: String(JOBS) };
  await server.down("SIGTERM");
  await server.up();
  const proxy = await Proxy.start(server.url);
  const stop = join(server.data, "stop");
  // Each iteration prints 25 pairs of lines. In each pair, one line goes to standard error, and one line is longer than
  // a row.
  const line = "x".repeat(200);
  const run = `i=0; while [ ! -e ${stop} ]; do for n in $(seq 25); do i=$((i+1)); echo tick $i >&2; echo $i ${line}; done; sleep 0.5; done; echo last`;
  const ids: string[] = [];
  for (const _ of Array(JOBS)) ids.push(await api.submit({ run }, { maxAttempts: 4 }));
  const jobs: JobPage[] = [];
  for (let tab = 0; tab < TABS; tab++) {
    const job = new JobPage(await context.newPage());
    await job.page.goto(`${proxy.url}/tasks/queue/${ids[tab % ids.length]}`);
    await job.hydrated();
    jobs.push(job);
  }

  const begun = Date.now();
  const restarts = [...RESTARTS];
  let cuts = 0;
  while (Date.now() - begun < SECONDS * 1000) {
    await new Promise((resolve) => setTimeout(resolve, 500 + Math.random() * 3000));
    cuts += proxy.cut(0.5);
    if (Date.now() - begun > restarts[0]! * 1000) {
      restarts.shift();
      await server.down();
      await server.up();
    }
  }
  expect(restarts).toEqual([]);
  expect(cuts, "streams and requests were cut").toBeGreaterThan(30);

  // After an interruption, the next attempt begins only after a delay.
  for (const id of ids) await expect.poll(async () => (await api.job(id)).status, { timeout: 60_000 }).toBe("running");
  await writeFile(stop, "");
  for (const [tab, job] of jobs.entries()) {
    await job.expectEnded("succeeded");
    const { attempt } = await api.job(ids[tab % ids.length]!);
    const lines = (await api.output(ids[tab % ids.length]!, attempt)).toString().trimEnd().split("\n");
    await expect(job.lines.last()).toHaveAttribute("data-line", String(lines.length));
    const shown = await job.lines.evaluateAll((rows) => rows.map((row) => [Number((row as HTMLElement).dataset.line), row.querySelector(".live-text")!.textContent]));
    const first = shown[0]![0] as number;
    expect(shown, "each line once, with its text").toEqual(lines.slice(first - 1).map((text, at) => [first + at, text]));
  }
  await proxy.stop();
});
