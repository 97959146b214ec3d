import { JobForm } from "../pages/job-form.ts";
import { JobPage } from "../pages/job-page.ts";
import { RedactionPage } from "../pages/redaction-page.ts";
import { SecretsPage } from "../pages/secrets-page.ts";
import { expect, test } from "../server.ts";

/**
 * An invented token in a format that a masking rule recognises. It is split so that secret scanners do not report it.
 */
const TOKEN = ["ghp", "aB3dE5gH7jK9mN2pQ4rS6tU8vW1xY0zC4fG6"].join("_");

test("a secret is added, replaced and removed, and its value is never shown", async ({ page, server }) => {
  const secrets = new SecretsPage(page);
  await page.goto(`${server.url}/tasks/queue`);
  await page.getByRole("link", { name: "Secrets" }).click();
  await expect(page.getByTestId("no-secrets")).toBeVisible();
  await secrets.set("DEPLOY_TOKEN", "the-value-of-it");
  await expect(secrets.done).toHaveText("DEPLOY_TOKEN was set.");
  await expect(secrets.row("DEPLOY_TOKEN")).toContainText("by admin");
  expect(await page.content()).not.toContain("the-value-of-it");
  await secrets.unfold("DEPLOY_TOKEN");
  await secrets.row("DEPLOY_TOKEN").getByLabel("New value").fill("1234");
  await secrets.row("DEPLOY_TOKEN").getByTestId("replace-secret").click();
  await expect(secrets.row("DEPLOY_TOKEN")).toContainText("masked only where it is a whole word");
  await secrets.unfold("DEPLOY_TOKEN");
  await secrets.row("DEPLOY_TOKEN").getByTestId("remove-secret").click();
  await expect(secrets.done).toHaveText("DEPLOY_TOKEN was removed.");
  await expect(secrets.rows).toHaveCount(0);
});

test("an invalid value is refused with an explanation, and a crafted URL cannot change the messages", async ({ page, server }) => {
  const secrets = new SecretsPage(page);
  await secrets.open(server);
  await secrets.set("DEPLOY_TOKEN", " ");
  await expect(secrets.error).toContainText("must not be empty");
  await page.goto(`${server.url}/secrets?set=Call%20this%20number&error=Your%20token%20has%20expired`);
  await expect(secrets.error).toContainText("The value was not accepted");
  await expect(page.locator("main")).not.toContainText("Call this number");
});

test("a job that is submitted with the form receives secrets as variables and files", async ({ page, server, api }) => {
  const secrets = new SecretsPage(page);
  await secrets.open(server);
  await secrets.set("DEPLOY_TOKEN", "the-value-of-it");
  await expect(secrets.done).toBeVisible();
  const form = new JobForm(page);
  await form.open(server);
  await form.command.fill('printf "%s" "$TOKEN" | wc -c; cat "$DEPLOY_TOKEN"; echo');
  await form.secrets.fill("TOKEN=DEPLOY_TOKEN, MISSING");
  await form.secretFiles.fill("DEPLOY_TOKEN");
  await form.submit.click();
  await expect(form.errors).toContainText("there is no secret MISSING");
  await form.secrets.fill("TOKEN=DEPLOY_TOKEN");
  const id = await form.send();
  await api.ended(id);
  expect((await api.output(id)).toString()).toBe("15\n[REDACTED]\n");
  await form.open(server, id);
  await expect(form.secrets).toHaveValue("TOKEN=DEPLOY_TOKEN");
  await expect(form.secretFiles).toHaveValue("DEPLOY_TOKEN");
});

test("a text is tested, and each mask names its rule", async ({ page, server }) => {
  const secrets = new SecretsPage(page);
  await secrets.open(server);
  await secrets.set("DEPLOY_TOKEN", "the-value-of-it");
  await expect(secrets.done).toBeVisible();
  const redaction = new RedactionPage(page);
  await redaction.open(server);
  await redaction.text.fill("nothing secret");
  await redaction.test.click();
  await expect(redaction.result).toHaveText(/Nothing would be masked/);
  await redaction.text.fill(`first line\nlogin the-value-of-it\npush ${TOKEN}`);
  await redaction.test.click();
  await expect(redaction.result).toContainText("2 values would be masked");
  await expect(redaction.masked.locator("mark")).toHaveText(["[REDACTED]", "[REDACTED:github-token]"]);
  await redaction.rules.locator("summary").click();
  await expect(redaction.rules).toContainText("github-token");
});

test("a job's page counts masks by rule", async ({ page, server, api }) => {
  const id = await api.submit({ env: { MY_TOKEN: "hunter2-hunter2" }, run: `echo $MY_TOKEN; echo ${TOKEN}; echo ${TOKEN}` });
  await api.ended(id);
  const job = new JobPage(page);
  await job.open(server, id);
  await expect(job.line(2)).toHaveText(/\[REDACTED:github-token\]/);
  await job.openAside();
  await expect(page.locator(".facts")).toContainText("1 secret value; 2 found by rule (github-token 2)");
});

test("on a phone, the pages for secrets and for testing redaction fit the width", async ({ page, server }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  const width = () => page.evaluate(() => document.documentElement.scrollWidth);
  const secrets = new SecretsPage(page);
  await secrets.open(server);
  await secrets.set("A_SECRET_WITH_A_VERY_LONG_NAME_THAT_DOES_NOT_FIT_INTO_ONE_LINE_OF_A_PHONE", "1234");
  await expect(secrets.done).toBeVisible();
  expect(await width()).toBe(390);
  const redaction = new RedactionPage(page);
  await redaction.open(server);
  await redaction.text.fill(`${"a long line without a secret ".repeat(20)}\n${TOKEN}`);
  await redaction.test.click();
  await expect(redaction.masked).toBeVisible();
  await redaction.rules.locator("summary").click();
  expect(await width()).toBe(390);
});
