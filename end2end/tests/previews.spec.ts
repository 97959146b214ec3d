import { expect, test } from "../server.ts";
import { JobPage } from "../pages/job-page.ts";

// A report whose script tries to reach the page, the session, the API and other hosts. The report shows which attempts
// succeeded.
const REPORT = `<!doctype html><link rel=stylesheet href="parts/style.css"><h1>Coverage</h1><img src="parts/dot.svg" width=10>
<a href="/tasks/queue" target="_top">leave</a><script src="parts/script.js"></script><script type="module" src="parts/module.js"></script>`;
const SCRIPT = `
const could = [];
const attempt = (name, run) => { try { run(); could.push(name); } catch {} };
attempt("read the page", () => parent.document.title);
attempt("read cookies", () => document.cookie);
attempt("use the storage", () => localStorage.length);
const requests = ["/api/queue/jobs", "https://example.com/"].map((url) => fetch(url).then(() => could.push("fetch " + url), () => {}));
Promise.all(requests).then(() => (document.title = document.body.dataset.could = "could: " + could.join(", ")));
`;

const ARTIFACTS = `
mkdir -p report/parts
cat > report/index.html <<'END'
${REPORT}
END
echo 'document.body.dataset.module = "loaded";' > report/parts/module.js
cat > report/parts/script.js <<'END'
${SCRIPT}
END
echo 'h1 { color: rgb(1, 2, 3); }' > report/parts/style.css
echo '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20"><circle r="9" cx="10" cy="10" fill="green"/></svg>' > report/parts/dot.svg
seq 100000 > numbers.txt
: > empty.txt
head -c 1000 /dev/zero > data.bin
`;

test("an HTML report is displayed with its parts, and isolated from the page", async ({ page, server, api }) => {
  const id = await api.submit({ run: ARTIFACTS, artifacts: ["report/**", "*.txt", "*.bin"] });
  await api.ended(id);
  const job = new JobPage(page);
  await job.open(server, id);
  await job.openAside();
  await page.getByLabel("Preview report/index.html").click();
  const report = page.frameLocator(".preview-frame");
  await expect(report.getByRole("heading")).toHaveCSS("color", "rgb(1, 2, 3)");
  await expect(report.locator("body")).toHaveAttribute("data-could", "could: ");
  await expect(report.locator("body")).toHaveAttribute("data-module", "loaded");
  expect(await report.locator("img").evaluate((image: HTMLImageElement) => image.naturalWidth)).toBeGreaterThan(0);
  await report.getByRole("link").click();
  await expect(report.getByRole("heading"), "the report cannot navigate the page").toBeVisible();
  expect(page.url()).toContain(id);
  await page.getByTestId("preview").getByRole("button", { name: "Close" }).click();
  await expect(page.getByTestId("preview")).toHaveCount(0);
});

test("text files and images are displayed, and other files are not", async ({ page, server, api }) => {
  const id = await api.submit({ run: ARTIFACTS, artifacts: ["report/**", "*.txt", "*.bin"] });
  await api.ended(id);
  const job = new JobPage(page);
  await job.open(server, id);
  await job.openAside();
  await page.getByLabel("Preview numbers.txt").click();
  const preview = page.getByTestId("preview");
  await expect(preview.locator("pre")).toContainText("1\n2\n3\n");
  await expect(preview).toContainText("Showing the first 128 kB of 588 kB.");
  await page.keyboard.press("Escape");
  await expect(preview).toHaveCount(0);

  await page.getByLabel("Preview empty.txt").click();
  await expect(preview).toContainText("The file is empty.");
  await preview.getByRole("button", { name: "Close" }).click();
  await expect(preview).toHaveCount(0);

  await page.getByLabel("Preview report/parts/dot.svg").click();
  await expect.poll(() => preview.getByRole("img").evaluate((image: HTMLImageElement) => image.naturalWidth)).toBe(20);
  await preview.getByRole("button", { name: "Close" }).click();

  await page.getByLabel("Preview report/parts/script.js").click();
  await expect(preview.locator("pre")).toContainText("could.push(name)");
  await page.keyboard.press("1");
  await expect(preview, "keys do not reach the log").toBeVisible();
  await preview.getByRole("button", { name: "Close" }).click();
  await expect(page.getByLabel("Preview data.bin")).toHaveCount(0);
  await expect(page.getByLabel("Preview logs/output.log")).toHaveCount(0);
});
