import type { Reporter, TestCase, TestResult } from "@playwright/test/reporter";

// Prints a final summary line that CI can parse: `playwright: 5 passed, 0 failed`.
export default class Summary implements Reporter {
  private readonly outcomes = new Map<TestCase, TestResult["status"]>();

  onTestEnd(test: TestCase, result: TestResult) {
    this.outcomes.set(test, result.status);
  }

  async onExit() {
    const all = [...this.outcomes.keys()];
    const passed = all.filter((test) => test.ok() && this.outcomes.get(test) !== "skipped").length;
    const skipped = all.filter((test) => this.outcomes.get(test) === "skipped").length;
    const failed = all.length - passed - skipped;
    console.log(`playwright: ${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ""}`);
  }

  printsToStdio() {
    return false;
  }
}
