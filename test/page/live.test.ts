import { expect, it, onTestFinished } from 'vitest';
import type { Page } from 'playwright-core';
import { Alerting } from '../../src/background/alerting.ts';
import { startService } from '../../src/http/service.ts';
import { Pincex } from '../../src/index.ts';
import { generateDay } from '../../src/demo/generator.ts';
import { replay } from '../../src/replay/replay.ts';
import { recordingLog } from '../alerts/support.ts';
import { configOf, useBooks } from '../support/books.ts';
import { describeInChromium, keepPicture, seriousProblems, usePages } from '../support/chromium.ts';
import { makeKey, useService } from '../http/support.ts';
import { clientOf, phone, rowsOf, signedIn, themes, tile } from './support.ts';

const books = useBooks({}, { audited: false });

/** A short day of an exchange. */
const runDay = (pincex: Pincex, seed: number) =>
  replay(pincex, generateDay({ events: 1_000, seed, messy: 0 }), {
    batch: 50,
    users: 100,
    funding: 'ample',
    symbol: 'BTC/USD',
    statements: () => 0,
    onProgress: () => undefined,
  });

describeInChromium('the live view of the page', () => {
  const service = useService(books);
  const pages = usePages();

  it('it shows the figures of a replay as the API has them', async () => {
    await runDay(service.pincex, 1);
    const page = await signedIn(pages, service, { ...themes.light, at: '#/?window=start' });
    const { byOperation, applied: sum } = service.pincex.monitor.getMetrics();
    await expect
      .poll(async () => (await rowsOf(page, 'Operations')).map(([name]) => name))
      .toContain('execute');
    await expect.poll(() => tile(page, 'Operations a second')).not.toBe('0');
    const asked = Object.keys(byOperation).length;
    await expect.poll(async () => (await rowsOf(page, 'Operations')).length).toBe(asked);
    const applied = page.locator('.panel', { hasText: 'What became of items' });
    await expect.poll(() => applied.innerText()).toContain(sum.toLocaleString('en-US'));
    await page.locator('.panel', { hasText: 'N+1 avoided' }).getByText('fewer statements').waitFor();
    await keepPicture(page, 'live-light');
  });

  it('a rejection code leads to the batches that have it, and a batch to its items', async () => {
    const items = [{ id: 'poor', userId: 'nobody', currency: 'USD', amount: '1', orderId: 'o' }];
    await service.pincex.bookkeeper.batchLockFunds([
      ...items,
      { ...items[0]!, id: 'poor-2', userId: 'nobody-2' },
    ]);
    await service.pincex.bookkeeper.batchDeposit([
      { id: 'rich', userId: 'ann', currency: 'USD', amount: '1' },
    ]);
    const page = await signedIn(pages, service);
    await page.getByRole('button', { name: 'account_not_found' }).click();
    const rows = page.getByRole('region', { name: /batches/i }).locator('tbody tr');
    await expect.poll(() => rows.allInnerTexts()).toEqual([expect.stringContaining('account_not_found')]);
    expect(page.url()).toContain('account_not_found');
  });

  it('an alert fires, is acknowledged and is resolved before the eyes of the reader', async () => {
    await books.sql('TRUNCATE alerts, alert_deliveries, alert_lease, last_audit');
    const page = await signedIn(pages, service);
    await page.getByRole('heading', { name: 'No alert fires' }).waitFor();
    const alerting = new Alerting(books.pincex, recordingLog());
    onTestFinished(() => alerting.stop());
    const judge = async (findings: number): Promise<void> => {
      // The service judges too, every ten seconds: its lease must not keep this one from it.
      await books.sql(
        `TRUNCATE alert_lease;
         INSERT INTO last_audit VALUES (true, now(), ${findings}, '{fills_are_paid}')
         ON CONFLICT (only_one) DO UPDATE SET findings = ${findings}`,
      );
      await alerting.tick();
    };
    await judge(1);
    await page.getByRole('heading', { name: '1 alert fires' }).waitFor();
    await page.getByRole('button', { name: 'Acknowledge' }).click();
    await page.locator('.acknowledge').getByRole('textbox').fill('ann');
    await page.keyboard.press('Enter');
    await page.getByText(/seen by/).waitFor();
    expect((await clientOf(service).getAlerts())[0]).toMatchObject({ acknowledgedBy: 'ann' });
    await judge(0);
    await page.getByRole('heading', { name: 'No alert fires' }).waitFor();
    await page.getByText('Resolved alerts (1)').waitFor();
  });

  it('a paused view stands still, and goes on afterwards', async () => {
    const page = await signedIn(pages, service);
    const clock = page.locator('.standing .clock');
    await clock.waitFor();
    await page.getByRole('button', { name: 'Pause' }).click();
    const then = await clock.innerText();
    const other = await signedIn(pages, service);
    const running = other.locator('.standing .clock');
    await running.waitFor();
    const before = await running.innerText();
    await expect.poll(() => running.innerText()).not.toBe(before);
    expect(await clock.innerText()).toBe(then);
    await page.getByRole('button', { name: 'Go on' }).last().click();
    await expect.poll(() => clock.innerText()).not.toBe(then);
  });

  it('the clock of the browser may be wrong: times are those of the service', async () => {
    const page = await pages.open(service.url);
    await page.clock.setSystemTime(new Date('2001-01-01T00:00:00Z'));
    await page.getByLabel('API key').fill(service.key);
    await page.getByRole('button', { name: 'Sign in' }).click();
    const clock = page.locator('.standing .clock');
    await clock.waitFor();
    const hour = new Date().toISOString().slice(11, 13);
    expect([hour, new Date(Date.now() - 60_000).toISOString().slice(11, 13)]).toContain(
      (await clock.innerText()).slice(0, 2),
    );
  });

  it('a key that may not read, is bound or is made up is told why in a sentence', async () => {
    const { key: bound } = await service.pincex.apiKeys.create({
      name: 'b',
      scopes: ['read'],
      users: ['ann'],
    });
    const cases = [
      [await makeKey(service.pincex, 'metrics'), 'scope read'],
      [bound, 'bound to none of them'],
      ['pincex_0000000000000000_'.padEnd(88, '0'), 'does not take this key'],
      ['no key', 'has the form'],
    ];
    for (const [key = '', says = ''] of cases) {
      const page = await pages.open(service.url);
      pages.expectStatuses(page, 401, 403);
      await page.getByLabel('API key').fill(key);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await expect.poll(() => page.getByRole('alert').innerText()).toContain(says);
      expect(await page.evaluate('sessionStorage.length')).toBe(0);
    }
  });

  it('the key stays in its tab and goes with a sign-out', async () => {
    const page = await signedIn(pages, service);
    expect(page.url()).not.toContain('pincex_');
    expect(await page.evaluate('localStorage.length + document.cookie.length')).toBe(0);
    const other = await page.context().newPage();
    await other.goto(service.url);
    await other.getByLabel('API key').waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('API key').waitFor();
    expect(await page.evaluate('sessionStorage.length')).toBe(0);
  });

  it('everything is reached by the keyboard alone', async () => {
    const page = await pages.open(service.url);
    await page.keyboard.press('Tab');
    await page.keyboard.type(service.key);
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Sign out' }).waitFor();
    await page.locator('.tile').first().waitFor();
    const reached = new Set<string>();
    const focused = `(() => { const e = document.activeElement; return e === document.body ? '' : (e.getAttribute('aria-label') ?? e.textContent ?? '').trim() + '|' + e.tagName; })()`;
    for (let n = 0; n < 150; n++) {
      await page.keyboard.press('Tab');
      const name = await page.evaluate<string>(focused);
      if (name === '' || (n > 5 && name.startsWith('Skip to content'))) break;
      reached.add(name);
    }
    const wanted = await page.evaluate<string[]>(
      `[...document.querySelectorAll('a[href], button:not(:disabled), select, input, summary')].filter((e) => e.offsetParent !== null).map((e) => (e.getAttribute('aria-label') ?? e.textContent ?? '').trim() + '|' + e.tagName)`,
    );
    expect(wanted.filter((name) => !reached.has(name))).toEqual([]);
  });

  it.each([
    ['light', themes.light],
    ['dark', themes.dark],
    ['phone', { ...phone, ...themes.light }],
  ])('axe finds nothing serious, and nothing is wider than the screen, %s', async (name, options) => {
    const page = await signedIn(pages, service, options);
    await page.locator('.tile').first().waitFor();
    expect(await seriousProblems(page)).toEqual([]);
    await keepPicture(page, `live-${name}`);
    for (const at of ['#/book/BTC%2FUSD', '#/database', '#/book']) {
      await page.goto(`${service.url}/${at}`);
      await page.locator('.panel').first().waitFor();
      expect(await seriousProblems(page)).toEqual([]);
    }
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
  });
});

describeInChromium('a service that restarts', () => {
  const pages = usePages();

  it('a page whose service restarts finds its way back by itself', async () => {
    const config = configOf(books.url, { PINCEX_SERVICE_PORT: '0', PINCEX_SERVICE_DRAIN_DELAY: '0s' });
    const first = await Pincex.open({ config });
    const service = await startService(first);
    const key = await makeKey(first, 'read');
    const page: Page = await signedIn(pages, { url: service.url, key });
    await page.getByText('Live', { exact: true }).last().waitFor();
    pages.expectStatuses(page, 0, 503);
    await service.stop();
    await first.close();
    await page.getByText('Reconnecting').waitFor();
    const port = new URL(service.url).port;
    const second = await Pincex.open({
      config: { ...config, service: { ...config.service, port: Number(port) } },
    });
    onTestFinished(() => second.close());
    const again = await startService(second);
    onTestFinished(() => again.stop());
    await expect.poll(() => page.getByRole('status').first().innerText()).toBe('Live');
  });
});
