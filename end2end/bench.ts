import { readFileSync } from "node:fs";
import type { Browser, Page } from "@playwright/test";

/** Returns a percentile of the values, which are sorted in place. */
export function percentile(values: number[], part: number): number {
  return values.sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))]!;
}

/**
 * Returns the memory usage of the browser's largest renderer process in KiB. Memory that the process shares with others
 * is divided equally among them.
 */
export async function memoryOfTab(browser: Browser, page: Page): Promise<number> {
  const tab = await page.context().newCDPSession(page);
  // Free the memory of pages that were open earlier.
  await tab.send("HeapProfiler.collectGarbage");
  await tab.detach();
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  await session.detach();
  const renderers = processInfo.filter(({ type }) => type === "renderer");
  const sizes = renderers.map(({ id }) => Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${id}/smaps_rollup`, "utf8"))![1]));
  return Math.max(...sizes);
}

/** A frame drawn by the browser: the time since the previous frame, and whether the middle of the log shows a row. */
export interface Frame {
  millis: number;
  shown: boolean;
}

/** Records the frames that are drawn while `during` runs. */
export async function recordFrames(page: Page, during: () => Promise<void>): Promise<Frame[]> {
  await page.getByRole("log").evaluate((panel) => {
    const { x, y, width, height } = panel.getBoundingClientRect();
    const frames: Frame[] = [];
    Object.assign(window, { frames });
    let last = performance.now();
    requestAnimationFrame(function frame(now) {
      const row = document.elementFromPoint(x + width / 2, y + height / 2)?.closest('[data-testid="live-row"]');
      frames.push({ millis: now - last, shown: Boolean(row) });
      last = now;
      // Stop if another recording has replaced this one.
      if ((window as unknown as { frames: Frame[] }).frames === frames) requestAnimationFrame(frame);
    });
  });
  await during();
  return page.evaluate(() => (window as unknown as { frames: Frame[] }).frames);
}
