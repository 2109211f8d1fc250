/**
 * Measures how much one API key at its worst slows the calls of another down: `npm run fairness`. For each attack it
 * prints the median time of the other key's reads and writes, and how many times the quiet median that is.
 *
 * The service, the attacker and the other client are processes of their own, on one machine: part of what they take from
 * each other is its processors, which no service can share out.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
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

/** The batch of the attacks that send or ask for the same again and again. */
const batchId = randomUUID();
let batch: string | undefined;
const sameBatch = (): string => (batch ??= JSON.stringify({ items: locks(5_000), batchId }));

let sending: Promise<unknown> | undefined;
/** Sends the batch on one connection; the others wait for its answer. */
const sendOnce = (): Promise<unknown> =>
  (sending ??= post(WRITE, sameBatch()).finally(() => {
    sending = undefined;
  }));

/** The call that the attacker repeats on each connection. */
const ATTACKS: Readonly<Partial<Record<string, () => Promise<unknown>>>> = {
  'reads of one account': () => post(READ, JSON.stringify({ userIds: ['user-1'], currencies: ['USD'] })),
  'reads of 500 accounts': () => {
    const userIds = Array.from({ length: 500 }, (_, n) => `user-${n}`);
    return post(READ, JSON.stringify({ userIds, currencies: ['USD'] }));
  },
  'writes of 100 items': () => post(WRITE, JSON.stringify({ items: locks(100) })),
  'writes of 2,000 items': () => post(WRITE, JSON.stringify({ items: locks(2_000) })),
  'writes of 10,000 items': () => post(WRITE, JSON.stringify({ items: locks(10_000) })),
  'replays of 5,000 items': () => post(WRITE, sameBatch(), { 'idempotency-key': '"replayed"' }),
  'outcomes of 5,000 items': async () => {
    if ((await get(`/v1/batches/${batchId}`)) === 404) await sendOnce();
  },
  'refused bodies of 7 MB': () => post(WRITE, JSON.stringify({ items: 'x'.repeat(7_000_000) })),
  'refused bodies of 240,000 values': () => post(WRITE, `{"items":[${'[],'.repeat(240_000)}[]]}`),
  'refused items, 5,000 a body': () => post(WRITE, JSON.stringify({ items: locks(5_000, { unknown: 1 }) })),
  streams: () => get('/v1/stream/journal'),
  'bodies sent slowly': () => post(WRITE, slowBody()),
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
    for (const name of Object.keys(ATTACKS)) {
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

function post(path: string, body: string | ReadableStream, headers = {}): Promise<number> {
  return send(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
    duplex: 'half',
  });
}

function get(path: string): Promise<number> {
  return send(path);
}

/** Takes the whole answer, keeps none of it, and returns its status. */
async function send(
  path: string,
  { headers, ...init }: Omit<RequestInit, 'headers'> & { headers?: Record<string, string> } = {},
): Promise<number> {
  const response = await fetch(url + path, {
    ...init,
    headers: { authorization: `Bearer ${key}`, ...headers },
  });
  await response.body?.pipeTo(new WritableStream());
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
  const once = ATTACKS[name];
  if (once === undefined) throw new Error(`There is no attack ${name}`);
  for (let n = 0; n < CONNECTIONS; n++) void repeat(once);
}

async function repeat(once: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await once();
    } catch {
      // The service may cut a connection off: the attack goes on over another one.
    }
  }
}

function slowBody(): ReadableStream {
  return new ReadableStream({
    async pull(controller) {
      await sleep(20);
      controller.enqueue(new Uint8Array(1_000));
    },
  });
}
