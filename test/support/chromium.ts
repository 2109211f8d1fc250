import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import type { AxeResults } from 'axe-core';
import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest';
import { findProgram } from './programs.ts';

const program = findProgram('chromium');

/** A page takes longer while other programs keep the machine busy. */
const TIMEOUT_MS = 120_000;

/** Describes tests in Chromium, which are skipped on a machine that has none. */
export function describeInChromium(name: string, tests: () => void): void {
  describe.skipIf(program === null)(name, tests);
}

/** What a page did that it must not do: errors on its console, errors that nobody caught, requests to other hosts. */
interface Watched {
  readonly page: Page;
  readonly problems: string[];
  /** Statuses that the test provokes: the console has an error of each such answer. */
  readonly expected: Set<number>;
}

export interface Pages {
  /** Opens an address of a service in a tab with storage of its own. */
  open(url: string, options?: BrowserContextOptions): Promise<Page>;
  /** Says that the service will answer a call of the page with these statuses, or not at all (0). */
  expectStatuses(page: Page, ...statuses: number[]): void;
}

/** A browser for the tests of a file. After each test its pages must have done nothing that they must not do. */
export function usePages(): Pages {
  let browser: Browser | undefined;
  let watched: Watched[] = [];
  beforeAll(async () => {
    // Root may not use the sandbox, and small machines have little shared memory.
    const args = ['--no-sandbox', '--disable-dev-shm-usage'];
    browser = await chromium.launch({ ...(program !== null && { executablePath: program }), args });
  });
  afterEach(async () => {
    const ended = watched;
    watched = [];
    for (const { page } of ended) await page.context().close();
    expect(ended.flatMap(({ problems }) => problems)).toEqual([]);
  });
  afterAll(() => browser?.close());
  return {
    async open(url, options = {}) {
      if (browser === undefined) throw new Error('The browser has not been started yet');
      const context = await browser.newContext({ locale: 'en-US', ...options });
      context.setDefaultTimeout(TIMEOUT_MS);
      const page = await context.newPage();
      watched.push(watch(page, new URL(url).origin));
      await page.goto(url);
      return page;
    },
    expectStatuses(page, ...statuses) {
      const one = watched.find((candidate) => candidate.page === page);
      for (const status of statuses) one?.expected.add(status);
    },
  };
}

function watch(page: Page, origin: string): Watched {
  const problems: string[] = [];
  const expected = new Set<number>();
  page.on('console', (message) => {
    if (message.type() !== 'error' && message.type() !== 'warning') return;
    const text = message.text();
    const [, status = '0'] = /status of (\d+)/.exec(text) ?? [];
    if (text.startsWith('Failed to load resource') && expected.has(Number(status))) return;
    problems.push(`${message.type()} on the console: ${text}`);
  });
  page.on('pageerror', (error) => problems.push(`uncaught: ${error.message}`));
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(origin) && !url.startsWith('blob:') && !url.startsWith('data:'))
      problems.push(`request to another host: ${url}`);
  });
  return { page, problems, expected };
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** The serious problems of accessibility that axe finds. It comes by the debugging protocol, which no policy of the page binds. */
export async function seriousProblems(page: Page): Promise<string[]> {
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate<AxeResults>('axe.run()');
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`);
}

/** Keeps a picture of the page, for people to look at; git ignores the folder. */
export async function keepPicture(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: `test/page/pictures/${name}.png`, fullPage: true });
}
