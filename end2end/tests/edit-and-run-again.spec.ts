import { JobForm } from "../pages/job-form.ts";
import { JobPage } from "../pages/job-page.ts";
import { expect, test } from "../server.ts";

const secret = "hunter2hunter2";

/** A payload that uses every field. */
const payload = {
  title: "Nightly",
  env: { API_TOKEN: secret, LINES: "one\ntwo", MODE: "fast" },
  workingDirectory: "/tmp",
  timeoutSeconds: 60,
  artifacts: ["no-such-file/**"],
  prepare: [{ name: "Get ready", run: "true" }],
  steps: [
    { id: "check", name: "Check", run: `test "$API_TOKEN" = ${secret} && echo it is kept`, shell: "bash", timeoutSeconds: 50 },
    { run: "\n  echo </textarea> &amp;", shell: "bash", continueOnError: true, env: { DB_PASSWORD: "swordfish-swordfish" } },
  ],
};

const edits: { what: string; edit: (form: JobForm) => Promise<void>; expected: (shown: any) => void }[] = [
  { what: "nothing", edit: async () => {}, expected: () => {} },
  {
    what: "the title",
    edit: (form) => form.title.fill("Daily"),
    expected: (shown) => (shown.title = "Daily"),
  },
  {
    what: "the script of one step",
    edit: (form) => form.command.nth(1).fill("echo a\necho b"),
    expected: (shown) => (shown.steps[1].run = "echo a\necho b"),
  },
  {
    what: "the working directory",
    edit: (form) => form.workingDirectory.fill("/"),
    expected: (shown) => (shown.workingDirectory = "/"),
  },
  {
    what: "variables that are changed, removed and added",
    edit: async (form) => {
      await form.values.nth(1).fill("one\ntwo\nthree");
      await form.page.getByRole("button", { name: "Remove variable MODE" }).click();
      await form.page.getByTestId("add-variable").click();
      await form.names.nth(2).fill("NEW");
      await form.values.nth(2).fill("x");
    },
    expected: (shown) => (shown.env = { API_TOKEN: "[REDACTED]", LINES: "one\ntwo\nthree", NEW: "x" }),
  },
  {
    what: "the shell",
    edit: async (form) => void (await form.shell.selectOption("")),
    expected: (shown) => shown.steps.forEach((step: any) => delete step.shell),
  },
  {
    what: "a removed step and an added one",
    edit: async (form) => {
      await form.page.getByRole("button", { name: "Remove step 2" }).click();
      await form.page.getByTestId("add-step").click();
      await form.command.nth(1).fill("echo new");
    },
    expected: (shown) => (shown.steps[1] = { run: "echo new", shell: "bash" }),
  },
];

for (const { what, edit, expected } of edits) {
  test(`a job is run again with only the edited fields changed: ${what}`, async ({ page, server, api }) => {
    const id = await api.submit(payload);
    await api.ended(id);
    await new JobPage(page).open(server, id);
    await page.getByTestId("edit-and-run-again").click();
    await expect(page).toHaveURL(`${server.url}/tasks/queue/new?from=${id}`);
    const form = new JobForm(page);
    await expect(form.title).toHaveValue("Nightly");
    await edit(form);
    const again = await form.send();
    expect(again).not.toBe(id);
    await new JobPage(page).expectEnded("succeeded");
    const shown = (await api.job(id)).payload;
    expected(shown);
    const job = await api.job(again);
    expect(job.payload).toEqual(shown);
    expect(job.resubmittedFrom).toBe(id);
    expect(String(await api.output(again))).toContain("it is kept");
  });
}

test("the prefilled form names its original job and the fields that it does not show, and its controls have labels", async ({ page, server, api }) => {
  const id = await api.submit(payload, { priority: 7, maxAttempts: 2 });
  const form = new JobForm(page);
  await form.open(server, id);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Edit and run again");
  await expect(page.getByTestId("made-from").getByRole("link", { name: "Nightly" })).toHaveAttribute("href", `/tasks/queue/${id}`);
  await expect(page.getByTestId("kept-of-job")).toContainText("Get ready");
  await expect(page.getByTestId("kept-of-job")).toContainText("no-such-file/**");
  await expect(page.getByTestId("kept-of-step")).toHaveText(["Unchanged from the original: id check \u00b7 timeout 50 s", "Unchanged from the original: variables DB_PASSWORD \u00b7 continues on error"]);
  await expect(page.getByLabel("Name of step 1")).toHaveValue("Check");
  await expect(page.getByLabel("Command of step 2")).toHaveValue("\n  echo </textarea> &amp;");
  await expect(page.getByLabel("Value of LINES")).toHaveValue("one\ntwo");
  await expect(form.shell).toHaveValue("bash");
  await expect(page.getByLabel("Timeout in seconds")).toHaveValue("60");
  await expect(page.getByLabel("Maximum attempts")).toHaveValue("2");
  await expect(page.getByLabel("Priority")).toHaveValue("7");
});

test("a secret value stays unchanged until another one is typed, and is never sent to the page", async ({ page, server, api }) => {
  const id = await api.submit({ run: `echo "is \${#API_TOKEN} long"`, env: { API_TOKEN: secret } });
  await api.ended(id);
  const replies: Promise<string>[] = [];
  page.on("response", (reply) => {
    if (!reply.url().includes("/pkg/") && !reply.url().includes("/fonts/")) replies.push(reply.text().catch(() => ""));
  });
  const form = new JobForm(page);
  await form.open(server, id);
  const value = page.getByLabel("Value of API_TOKEN");
  await expect(value).toHaveAttribute("type", "password");
  await expect(value).toHaveAttribute("placeholder", "[REDACTED]");
  await expect(value).toHaveValue("");
  await expect(page.getByText("The secret value stays unchanged.")).toBeVisible();
  await form.title.fill("kept");
  const kept = await form.send();
  await new JobPage(page).expectEnded("succeeded");
  expect(String(await api.output(kept))).toBe("is 14 long\n");

  await form.open(server, kept);
  await value.fill("another");
  await expect(page.getByText("The secret value stays unchanged.")).toHaveCount(0);
  const replaced = await form.send();
  await new JobPage(page).expectEnded("succeeded");
  expect(String(await api.output(replaced))).toBe("is 7 long\n");
  const seen = (await Promise.all(replies)).join("") + (await page.content());
  expect(seen).toContain("API_TOKEN");
  expect(seen).not.toContain(secret);
});

test("an error is shown at its field, which receives the focus", async ({ page, server, api }) => {
  const id = await api.submit({ steps: [{ run: "true", shell: "bash" }, { run: "true", shell: "sh" }], env: { API_TOKEN: secret } });
  await api.ended(id);
  const form = new JobForm(page);
  await form.open(server, id);
  const check = async (field: typeof form.title, error: RegExp) => {
    await form.submit.click();
    await expect(form.errors).toHaveCount(1);
    await expect(form.errors).toHaveText(error);
    await expect(field).toBeFocused();
    await expect(field).toHaveAttribute("aria-invalid", "true");
    await expect(field).toHaveAccessibleDescription(error);
    await expect(page.getByTestId("form-error")).toBeEmpty();
  };
  await form.command.nth(1).fill(" ");
  await check(page.getByLabel("Command of step 2"), /must not be empty/);
  await form.command.nth(1).fill("true");
  await form.names.fill("OTHER_TOKEN");
  await check(form.names, /no secret with this name/);
  await form.names.fill("API_TOKEN");
  await form.workingDirectory.fill("../x");
  await check(form.workingDirectory, /absolute path/);
  await form.workingDirectory.fill("");
  await form.unfold();
  await page.getByLabel("Timeout in seconds").fill("soon");
  await page.locator("details.further summary").click();
  await check(page.getByLabel("Timeout in seconds"), /whole number/);
  await page.getByLabel("Timeout in seconds").fill("5");
  await form.send();
});

test("a job is edited and run again with the keyboard alone", async ({ page, server, api }) => {
  const id = await api.submit({ run: "echo one" });
  await api.ended(id);
  await new JobPage(page).open(server, id);
  await page.getByTestId("edit-and-run-again").focus();
  await page.keyboard.press("Enter");
  const form = new JobForm(page);
  await expect(form.command).toHaveValue("echo one");
  await form.command.focus();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.type("echo two");
  await page.keyboard.press("Control+Enter");
  const again = await form.led();
  await new JobPage(page).expectEnded("succeeded");
  expect(String(await api.output(again))).toBe("two\n");
});

test("on a phone the form, its errors and the job's page fit the width, and the job's title is complete", async ({ page, server, api }) => {
  await page.setViewportSize({ width: 360, height: 740 });
  const id = await api.submit(payload);
  await api.ended(id);
  const width = () => page.evaluate(() => document.documentElement.scrollWidth);
  await new JobPage(page).open(server, id);
  expect(await width()).toBe(360);
  expect(await page.getByTestId("job-title").evaluate((title) => title.scrollWidth - title.clientWidth)).toBe(0);
  await page.getByRole("link", { name: "Edit" }).click();
  const form = new JobForm(page);
  await expect(form.title).toHaveValue("Nightly");
  await form.names.first().fill("A_LONG_NAME_OF_A_TOKEN");
  await form.submit.click();
  await expect(form.errors).toHaveCount(1);
  expect(await width()).toBe(360);
});

test("the checkbox of the form makes the command run in a terminal, and is kept when the job is edited", async ({ page, server, api }) => {
  const form = new JobForm(page);
  await form.open(server);
  await form.command.fill("if [ -t 1 ]; then echo a terminal; else echo a pipe; fi");
  await form.unfold();
  await form.terminal.check();
  const id = await form.send();
  await api.ended(id);
  expect((await api.output(id)).toString()).toBe("a terminal\n");
  await form.open(server, id);
  await form.unfold();
  await expect(form.terminal).toBeChecked();
  await form.terminal.uncheck();
  const again = await form.send();
  await api.ended(again);
  expect((await api.output(again)).toString()).toBe("a pipe\n");
});

test("only command jobs can be edited", async ({ page, server, api }) => {
  const id = await api.submit({ run: "true" }, { type: "elsewhere" });
  await page.request.post(`${server.url}/rpc/cancel_job`, { form: { id }, headers: { origin: server.url } });
  await new JobPage(page).open(server, id);
  await expect(page.getByTestId("run-again")).toBeVisible();
  await expect(page.getByTestId("edit-and-run-again")).toHaveCount(0);
  await page.goto(`${server.url}/tasks/queue/new?from=${id}`);
  await expect(page.getByRole("alert")).toContainText("Only command jobs can be edited here");
});

test("the form suggests recent settings, and stores no title, command or variable value", async ({ page, server }) => {
  const form = new JobForm(page);
  await form.open(server);
  await expect(form.shell).toHaveValue("");
  await form.title.fill("a-title");
  await form.command.fill("echo a-command");
  await form.workingDirectory.fill("/tmp");
  await form.unfold();
  await form.shell.selectOption("bash");
  for (const [position, name] of ["DEPLOY_TOKEN", "MODE"].entries()) {
    await page.getByTestId("add-variable").click();
    await form.names.nth(position).fill(name);
    await form.values.nth(position).fill(`a-value-${position}`);
  }
  await form.send();
  await form.open(server);
  await expect(form.shell).toHaveValue("bash");
  await expect(form.shell).toBeVisible();
  await expect(form.workingDirectory).toHaveValue("");
  expect(await form.suggestions(form.workingDirectory)).toEqual(["/tmp"]);
  await page.getByTestId("add-variable").click();
  expect(await form.suggestions(form.names)).toEqual(["DEPLOY_TOKEN", "MODE"]);
  const stored = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }));
  expect(stored).toContain("DEPLOY_TOKEN");
  expect(stored).not.toMatch(/a-value|a-title|a-command/);
  // The edited job ran with the default shell. The form must not replace it with the most recently used shell.
  const id = page.url();
  await form.command.fill("true");
  await form.shell.selectOption("");
  const plain = await form.send();
  expect(id).not.toBe(page.url());
  await form.open(server, plain);
  await expect(form.shell).toHaveValue("");
});

test("the edit form of a job has that job's shell, not the most recently used one", async ({ page, server, api }) => {
  const form = new JobForm(page);
  await form.open(server);
  await form.command.fill("true");
  await form.unfold();
  await form.shell.selectOption("bash");
  await form.send();
  const id = await api.submit({ run: "true" });
  await form.open(server, id);
  await form.unfold();
  await expect(form.shell).toHaveValue("");
});

for (const [what, script] of [
  ["is forbidden", "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('denied', 'SecurityError'); } })"],
  ["is disabled", "Object.defineProperty(window, 'localStorage', { get: () => null })"],
  ["is full", "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); }"],
  ["contains invalid data", "localStorage.setItem('tailwater.new-job', '{\"names\":7}')"],
]) {
  test(`the form works if the browser's storage ${what}`, async ({ page, server }) => {
    const complaints: string[] = [];
    page.on("pageerror", (error) => complaints.push(String(error)));
    await page.addInitScript(script!);
    const form = new JobForm(page);
    await form.open(server);
    await form.command.fill("echo works");
    await form.workingDirectory.fill("/tmp");
    await form.send();
    await new JobPage(page).expectEnded("succeeded");
    await form.open(server);
    await expect(form.command).toHaveValue("");
    expect(complaints).toEqual([]);
  });
}

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("a job is edited and run again, and its secrets stay unchanged", async ({ page, server, api }) => {
    const id = await api.submit(payload);
    await api.ended(id);
    await page.goto(`${server.url}/tasks/queue/${id}`);
    await page.getByTestId("edit-and-run-again").click();
    const form = new JobForm(page);
    await expect(form.command).toHaveCount(2);
    await expect(page.getByTestId("add-variable")).toBeHidden();
    await expect(page.getByRole("button", { name: /Remove/ })).toHaveCount(0);
    await expect(form.command.nth(1)).toHaveValue("\n  echo </textarea> &amp;");
    await form.command.nth(1).fill("echo a\necho b");
    await form.values.nth(2).fill("slow");
    const again = await form.send();
    await api.ended(again);
    const shown = (await api.job(id)).payload;
    shown.steps[1].run = "echo a\necho b";
    shown.env.MODE = "slow";
    const job = await api.job(again);
    expect(job.payload).toEqual(shown);
    expect(job.resubmittedFrom).toBe(id);
    expect(String(await api.output(again))).toBe("it is kept\na\nb\n");
  });

  test("a job with one command is edited and run again", async ({ page, server, api }) => {
    const id = await api.submit({ run: "echo one" });
    await api.ended(id);
    await page.goto(`${server.url}/tasks/queue/new?from=${id}`);
    const form = new JobForm(page);
    await form.command.fill("echo two");
    const again = await form.send();
    await api.ended(again);
    const job = await api.job(again);
    expect(job.payload).toEqual({ run: "echo two" });
    expect(job.resubmittedFrom).toBe(id);
    expect(String(await api.output(again))).toBe("two\n");
  });
});
