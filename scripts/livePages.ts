/**
 * Measures how much of a processor open live pages cost the service: `npm run live-pages`. The service runs under a steady load of
 * batches and reads, with no page, with one and with 100 in turn; the processor time is that of the service's process. Load and
 * readers are processes of their own.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadConfig, Pincex, startService } from '../src/index.ts';

const ROUNDS = 6;
const MEASURED_MS = 16_000;
/** The code gets warm before the first round. */
const WARM_MS = 60_000;
const PAGES = [0, 1, 100];
/** Milliseconds between two calls of the load. */
const PAUSE_MS = 50;

const [role, url = '', key = '', count = '0'] = process.argv.slice(2);
const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
if (role === 'load') await load();
else if (role === 'pages') await openPages(Number(count));
else await measure();

async function measure(): Promise<void> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'pincex-live-pages-'));
  const { service, ...config } = loadConfig({ env: {} });
  const pincex = await Pincex.open({
    config: { ...config, dataDir, service: { ...service, port: 0, drainDelayMs: 0, itemsPerSecond: null } },
  });
  const started = await startService(pincex);
  const { key } = await pincex.apiKeys.create({ name: 'measured', scopes: ['admin'] });
  await pincex.catalog.addCurrency('USD', 2);
  const working = start('load', started.url, key);
  try {
    const shares = new Map<number, number[]>(PAGES.map((pages) => [pages, []]));
    await sleep(WARM_MS);
    for (let round = 0; round < ROUNDS; round++) {
      for (const pages of round % 2 === 0 ? PAGES : PAGES.toReversed()) {
        const readers = start('pages', started.url, key, String(pages));
        await once(readers, 'message');
        const before = process.cpuUsage();
        await sleep(MEASURED_MS);
        const { user, system } = process.cpuUsage(before);
        shares.get(pages)?.push((user + system) / 1_000 / MEASURED_MS);
        readers.kill();
      }
      console.log(PAGES.map((pages) => `${pages} pages: ${percent(shares.get(pages)?.at(-1))}`).join(', '));
    }
    const quiet = shares.get(0) ?? [];
    for (const [pages, all] of shares) {
      const more = all.map((share, round) => share - (quiet[round] ?? NaN));
      console.log(
        `${pages} pages: ${percent(median(all))} of a core, ${percent(median(more))} more than none (${more.map(percent).join(', ')})`,
      );
    }
    const { operationsPerSecond } = pincex.monitor.getMetrics().windows.minute;
    console.log(`load: ${operationsPerSecond} operations a second`);
  } finally {
    working.kill();
    await started.stop();
    await pincex.close();
    await rm(dataDir, { recursive: true });
  }
}

function start(...args: string[]): ChildProcess {
  return spawn(process.execPath, [...process.execArgv, import.meta.filename, ...args], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
}

/** Writes and reads of 20 kinds of sizes at a steady pace, so that all rounds have the same work. */
async function load(): Promise<void> {
  const users = Array.from({ length: 100 }, (_, n) => `user-${n}`);
  await post('/v1/accounts/batch-create', {
    items: users.map((userId) => ({ id: userId, userId, currency: 'USD' })),
  });
  for (let n = 0; ; n++) {
    const some = users.slice(0, 1 + (n % 20) * 5);
    const items = some.map((userId) => ({ id: `d-${n}-${userId}`, userId, currency: 'USD', amount: '1' }));
    const withdrawn = items.map((item) => ({ ...item, id: `w-${item.id}`, amount: '1.5' }));
    await Promise.all([
      post('/v1/funds/batch-deposit', { items }),
      post('/v1/funds/batch-withdraw', { items: withdrawn }),
      post('/v1/accounts/batch-get', { userIds: some, currencies: ['USD'] }),
      sleep(PAUSE_MS),
    ]);
  }
}

async function post(route: string, body: object): Promise<void> {
  const response = await fetch(url + route, { method: 'POST', headers, body: JSON.stringify(body) });
  await response.text();
  if (!response.ok) throw new Error(`${route} was answered with ${response.status}`);
}

/** Opens pages, tells once all have their first events, and takes all that comes. */
async function openPages(count: number): Promise<void> {
  const bodies = await Promise.all(Array.from({ length: count }, () => openPage()));
  process.send?.('open');
  await Promise.all(bodies.map((body) => body.pipeTo(new WritableStream())));
}

async function openPage(): Promise<ReadableStream> {
  const response = await fetch(`${url}/v1/live`, { headers });
  if (!response.ok || response.body === null)
    throw new Error(`The stream was answered with ${response.status}`);
  return response.body;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN;
}

function percent(share = NaN): string {
  return `${(100 * share).toFixed(2)}%`;
}
