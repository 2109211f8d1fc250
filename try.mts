import { chromium } from 'playwright-core';
import { loadConfig, Pincex, startService } from './src/index.ts';
import { generateDay } from './src/demo/generator.ts';
import { replay } from './src/replay/replay.ts';
const base = loadConfig({ env: {}, cwd: '/tmp' });
const config = { ...base, dataDir: '/tmp/pg16', service: { ...base.service, port: 0, drainDelayMs: 0 } };
const pincex = await Pincex.open({ config });
const service = await startService(pincex);
const { key } = await pincex.apiKeys.create({ name: 'page', scopes: ['read', 'admin'] });
let stop = false;
const load = (async () => {
  for (let seed = 1; !stop; seed++)
    await replay(pincex, generateDay({ events: 4000, seed, messy: 0.01 }), { batch: 100, users: 200, funding: 'tight', symbol: 'BTC/USD', statements: () => 0, onProgress: () => undefined }).catch((e) => { console.error(String(e)); stop = true; });
})();
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
const shots = async (name: string, options: object) => {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.on('console', (m) => { if (m.type() === 'error') console.log(name, 'console', m.text()); });
  page.on('pageerror', (e) => console.log(name, 'error', e.message));
  await page.goto(service.url);
  await page.fill('input', key);
  await page.keyboard.press('Enter');
  await page.waitForTimeout(9000);
  await page.screenshot({ path: `/tmp/shot-${name}-live.png`, fullPage: true });
  const { rows } = { rows: await pincex.trading.batchGetOpenOrders(['BTC/USD']) };
  const user = rows[0]?.bids[0]?.userId ?? rows[0]?.asks[0]?.userId ?? '@outside';
  await page.fill('input[type=search]', user);
  await page.keyboard.press('Enter');
  await page.waitForTimeout(1500);
  await page.click('.hits a');
  await page.waitForTimeout(1500);
  await page.screenshot({ path: `/tmp/shot-${name}-user.png`, fullPage: true });
  await page.click('text=USD');
  await page.waitForTimeout(1000);
  await page.screenshot({ path: `/tmp/shot-${name}-account.png`, fullPage: true });
  await page.goto(`${service.url}/#/totals`); await page.waitForTimeout(800);
  await page.screenshot({ path: `/tmp/shot-${name}-totals.png` });
  const trades = await pincex.lookup.listTrades(user);
  const order = trades.rows[0];
  if (order) {
    await page.goto(`${service.url}/#/order/${encodeURIComponent(user)}/${encodeURIComponent(order.orderId)}`); await page.waitForTimeout(800);
    await page.screenshot({ path: `/tmp/shot-${name}-order.png`, fullPage: true });
    const op = (await pincex.lookup.getTrade(order.id)).operations[0];
    await page.goto(`${service.url}/#/batch/${op!.batchId}`); await page.waitForTimeout(800);
    await page.screenshot({ path: `/tmp/shot-${name}-batch.png`, fullPage: true });
  }
  await context.close();
};
await shots('light', { viewport: { width: 1400, height: 900 }, colorScheme: 'light' });
await shots('phone', { viewport: { width: 375, height: 760 }, colorScheme: 'dark' });
stop = true;
await load;
await browser.close();
await service.stop();
await pincex.close();
