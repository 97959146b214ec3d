import { expect, test } from "../server.ts";
import { JobPage } from "../pages/job-page.ts";
import { RedactionPage } from "../pages/redaction-page.ts";

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

test("of 200 scripts in all texts of people and commands, none runs", async ({ page, server, api }) => {
  // The test loads about 60 pages.
  test.setTimeout(300_000);
  const all = canaries();
  expect(all).toHaveLength(200);
  const ran: number[] = [];
  await page.exposeFunction("canary", (index: number) => ran.push(index));
  page.on("dialog", () => ran.push(-1));
  const plain = all.filter((text) => !/[\u0000-\u001f]/.test(text));

  // Every text is printed as a line. Some are also titles, commands, reasons, and names of steps and artifacts.
  const names = plain.filter((text) => !text.includes("/") && text.length < 200).slice(0, 40);
  const id = await api.submit(
    {
      env: { ALL: all.join("\n"), NAMES: names.join("\n") },
      steps: [
        { name: plain[0], run: `printf '%s\\n' "$ALL"; printf '%s\\n' "$ALL" >&2` },
        ...plain.slice(1, 26).map((name) => ({ name, run: `: '${name.replaceAll("'", "")}'` })),
        { name: "files", run: `printf '%s\\n' "$NAMES" | while IFS= read -r name; do echo "$name" > "$name"; done` },
        { name: "fails", run: `printf 'error: %s\\n' "$ALL"; exit 3` },
      ],
      artifacts: ["**"],
      title: plain[3],
    },
  );
  await api.ended(id);
  const others: string[] = [];
  for (const title of plain.slice(0, 50)) others.push(await api.submit({ run: "sleep 600", title }));
  for (const [index, job] of others.entries()) await api.cancel(job, plain[(index + 50) % plain.length]!);

  const job = new JobPage(page);
  await job.open(server, id);
  await job.expectEnded("failed");
  await expect(job.rows.first()).toBeVisible();
  for (const filter of ["stages", "logs", "warnings", "all"] as const) await job.filter(filter).click();
  await job.openAside();
  for (const text of plain.slice(0, 12)) {
    const query = encodeURIComponent(text);
    await page.goto(`${server.url}/tasks/queue/${id}?q=${query}&step=${query}&levels=${query}`);
    await job.hydrated();
    await page.goto(`${server.url}/tasks/queue?q=${query}&status=${query}&type=${query}`);
    await job.hydrated();
    await page.goto(`${server.url}/login?error=${query}&next=${query}`);
    await page.goto(`${server.url}/tasks/queue/${query}`);
  }
  await page.goto(`${server.url}/tasks/queue`);
  await job.hydrated();
  await expect(page.locator("main")).toContainText(plain[1]!.slice(0, 12));
  for (const other of others.slice(0, 6)) await job.open(server, other);
  await page.goto(`${server.url}/tasks/queue/view?job=${id}&job=${others[0]}&job=${others[1]}`);
  await job.hydrated();
  await page.goto(`${server.url}/tasks/queue/new?from=${id}`);
  await job.hydrated();
  const redaction = new RedactionPage(page);
  await redaction.open(server);
  await redaction.text.fill(all.join("\n"));
  await redaction.test.click();
  await expect(redaction.masked).toContainText("canary(");
  expect(ran).toEqual([]);
  expect(await page.locator("[onerror], [onload], [onfocus], [onmouseover], [ontoggle]").count()).toBe(0);
});
