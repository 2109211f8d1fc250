/**
 * Measures how much one API key at its worst slows the calls of another down: `npm run fairness`. For each attack it
 * prints the median time of the other key's reads and writes, and how many times the quiet median that is.
 *
 * The service, the attacker and the other client are processes of their own, on one machine: part of what they take from
 * each other is its processors, which no service can share out.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadConfig, Pincex, startService } from '../src/index.ts';

const CONNECTIONS = 118;
const MEASURED_MS = 10_000;
const READ = '/v1/accounts/batch-get';
const WRITE = '/v1/funds/batch-lock';

let n = 0;
const locks = (count: number, fields = {}) =>
  Array.from({ length: count }, () => ({
    id: `lock-${process.pid}-${n++}`,
    userId: `user-${n % 5_000}`,
    currency: 'USD',
    amount: '0.01',
    orderId: 'order',
    ...fields,
  }));

/** What the attacker sends, over and over on each connection. */
const ATTACKS: Readonly<Partial<Record<string, () => readonly [path: string, body: string]>>> = {
  'reads of one account': () => [READ, JSON.stringify({ userIds: ['user-1'], currencies: ['USD'] })],
  'reads of 500 accounts': () => [
    READ,
    JSON.stringify({ userIds: Array.from({ length: 500 }, (_, n) => `user-${n}`), currencies: ['USD'] }),
  ],
  'writes of 100 items': () => [WRITE, JSON.stringify({ items: locks(100) })],
  'writes of 2,000 items': () => [WRITE, JSON.stringify({ items: locks(2_000) })],
  'writes of 10,000 items': () => [WRITE, JSON.stringify({ items: locks(10_000) })],
  'refused bodies of 7 MB': () => [WRITE, JSON.stringify({ items: 'x'.repeat(7_000_000) })],
  'refused bodies of 240,000 values': () => [WRITE, `{"items":[${'[],'.repeat(240_000)}[]]}`],
  'refused items, 5,000 a body': () => [WRITE, JSON.stringify({ items: locks(5_000, { unknown: 1 }) })],
};

const [role, url = '', key = '', attack = ''] = process.argv.slice(2);
if (role === 'attack') attackFor(attack);
else if (role === 'call') await call();
else await measureAll();

async function measureAll(): Promise<void> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'pincex-fairness-'));
  const env = { PINCEX_DATA_DIR: dataDir, PINCEX_SERVICE_PORT: '0', PINCEX_SERVICE_DRAIN_DELAY: '0s' };
  const pincex = await Pincex.open({ config: loadConfig({ env }) });
  const service = await startService(pincex);
  try {
    const scopes = ['read', 'funds:write'] as const;
    const attacker = await pincex.apiKeys.create({ name: 'attacker', scopes });
    const other = await pincex.apiKeys.create({ name: 'other', scopes });
    const users = Array.from({ length: 5_000 }, (_, n) => `user-${n}`);
    await pincex.bookkeeper.batchDeposit(
      users.map((userId) => ({ id: 'deposit', userId, currency: 'USD', amount: '1000' })),
    );
    const measure = async (): Promise<Figures> =>
      JSON.parse(await outputOf(start('call', service.url, other.key))) as Figures;
    await measure();
    for (const name of [...Object.keys(ATTACKS), 'streams', 'bodies sent slowly']) {
      const quiet = await measure();
      const attacking = start('attack', service.url, attacker.key, name);
      await sleep(1_500);
      const { read, write, refused } = await measure();
      attacking.kill('SIGKILL');
      await sleep(1_500);
      console.log(
        `${name.padEnd(34)} read ${times(read, quiet.read)}  write ${times(write, quiet.write)}  refused ${refused}`,
      );
    }
  } finally {
    await service.stop();
    await pincex.close();
    await rm(dataDir, { recursive: true });
  }
}

/** Medians in milliseconds, and how many calls were not answered with 200. */
interface Figures {
  readonly read: number;
  readonly write: number;
  readonly refused: number;
}

function times(ms: number, quietMs: number): string {
  return `${ms.toFixed(1)} ms, ${(ms / quietMs).toFixed(1)} times the quiet ${quietMs.toFixed(1)} ms`.padEnd(
    42,
  );
}

function start(...args: string[]): ChildProcess {
  return spawn(process.execPath, [...process.execArgv, import.meta.filename, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

async function outputOf(child: ChildProcess): Promise<string> {
  let output = '';
  for await (const piece of child.stdout ?? []) output += String(piece);
  return output;
}

async function post(path: string, body: string | ReadableStream): Promise<number> {
  const response = await fetch(url + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body,
    duplex: 'half',
  });
  await response.text();
  return response.status;
}

/** Calls one after the other, as a client does that is in no hurry. */
async function call(): Promise<void> {
  const reads: number[] = [];
  const writes: number[] = [];
  let refused = 0;
  const timed = async (into: number[], path: string, body: object): Promise<void> => {
    const before = performance.now();
    if ((await post(path, JSON.stringify(body))) !== 200) refused++;
    into.push(performance.now() - before);
  };
  const end = performance.now() + MEASURED_MS;
  while (performance.now() < end) {
    await timed(reads, READ, { userIds: ['user-1'], currencies: ['USD'] });
    await timed(writes, WRITE, { items: locks(1) });
  }
  const median = (list: number[]) => list.sort((a, b) => a - b)[list.length >> 1];
  console.log(JSON.stringify({ read: median(reads), write: median(writes), refused }));
}

function attackFor(name: string): void {
  for (let n = 0; n < CONNECTIONS; n++) void sendForEver(name);
}

async function sendForEver(name: string): Promise<void> {
  for (;;) {
    try {
      const made = ATTACKS[name]?.();
      if (made !== undefined) await post(...made);
      else if (name === 'streams') await takeStream();
      else await post(WRITE, slowBody());
    } catch {
      // The service may cut a connection off: the attack goes on over another one.
    }
  }
}

async function takeStream(): Promise<void> {
  const response = await fetch(`${url}/v1/stream/journal`, { headers: { authorization: `Bearer ${key}` } });
  const reader = response.body?.getReader();
  while ((await reader?.read())?.done === false);
}

function slowBody(): ReadableStream {
  return new ReadableStream({
    async pull(controller) {
      await sleep(20);
      controller.enqueue(new Uint8Array(1_000));
    },
  });
}
