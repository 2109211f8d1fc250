import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium, type BrowserContextOptions, type Page } from 'playwright-core';

/**
 * Makes the pictures of the page that the README and docs/monitoring.md show: `pincex demo --serve` runs a day, and Chromium looks at
 * it. It takes two minutes. Usage: npm run build && npm run pictures
 */

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = path.join(root, 'docs/pictures');
/** Until the charts have something to show. */
const WARM_UP_MS = 60_000;

const PICTURES: Readonly<Record<string, BrowserContextOptions>> = {
  light: { viewport: { width: 1280, height: 900 }, colorScheme: 'light' },
  dark: { viewport: { width: 1280, height: 900 }, colorScheme: 'dark' },
  phone: { viewport: { width: 375, height: 760 }, colorScheme: 'light', deviceScaleFactor: 2 },
};

interface Listening {
  readonly event: 'listening';
  readonly url: string;
  readonly key: string;
}

mkdirSync(folder, { recursive: true });
const demo = spawn(process.execPath, ['dist/cli/main.js', 'demo', '--serve', '--json', '--events', '10000'], {
  cwd: root,
  env: { ...process.env, PINCEX_SERVICE_PORT: '0' },
  stdio: ['ignore', 'pipe', 'inherit'],
});
try {
  const { url, key } = await listening();
  await new Promise((resolve) => setTimeout(resolve, WARM_UP_MS));
  const browser = await chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    args: ['--no-sandbox'],
  });
  for (const [name, options] of Object.entries(PICTURES)) {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    await signIn(page, url, key);
    await page.locator('.tile').first().waitFor();
    // Two more pictures of the live view, so that nothing is still loading.
    await page.waitForTimeout(5_000);
    await page.screenshot({ path: path.join(folder, `live-${name}.png`) });
    if (name === 'light') await pictureOfUser(page, url);
    await context.close();
  }
  await browser.close();
} finally {
  demo.kill('SIGTERM');
  await once(demo, 'exit');
}

async function listening(): Promise<Listening> {
  for await (const line of createInterface(demo.stdout)) {
    const said = JSON.parse(line) as Partial<Listening>;
    if (said.event === 'listening') return said as Listening;
  }
  throw new Error('The demo ended before it listened');
}

async function signIn(page: Page, url: string, key: string): Promise<void> {
  await page.goto(url);
  await page.getByLabel('API key').fill(key);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

async function pictureOfUser(page: Page, url: string): Promise<void> {
  await page.goto(`${url}/#/user/user-075`);
  await page.getByRole('region', { name: 'Transactions' }).first().waitFor();
  await page.waitForTimeout(1_000);
  await page.screenshot({ path: path.join(folder, 'user-light.png') });
}
