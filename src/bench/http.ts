import { Agent, request, type OutgoingHttpHeaders, type RequestOptions } from 'node:http';
import { v4 as uuidv4 } from 'uuid';
import type { Config } from '../config/load.ts';
import { Pincex, type AuditReport, type LockFunds } from '../index.ts';
import { startService } from '../http/service.ts';
import { applied } from './books/applied.ts';
import { HISTORIED, lockItems } from './books/accounts.ts';
import { drawFrom, type Draw } from './books/draw.ts';
import { seed } from './books/seed.ts';
import { withoutCache } from './books/stores.ts';
import { interleave, median, medianRatio, percentile, rounded, timed } from './timing.ts';

/** The output of `pincex bench --http`. */
export interface HttpReport {
  /** A batch of locks, by the library and over HTTP, in turn. */
  readonly batches: readonly BatchCalls[];
  /** Calls of one item each, over many concurrent connections. */
  readonly single: readonly SingleCalls[];
  readonly audit: AuditReport;
}

export interface BatchCalls {
  readonly items: number;
  /** Whether the calls have idempotency keys: then the row of a call is inserted before its batch, otherwise with it. */
  readonly idempotencyKey: 'none' | 'one a call';
  readonly libraryMs: number;
  readonly httpMs: number;
  /** The ratio to the time of the library: the median of the rounds. */
  readonly ratio: number;
}

export interface SingleCalls {
  readonly accounts: 'uniform' | 'one';
  readonly connections: number;
  readonly callsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Calls with another status than 200. */
  readonly refused: number;
}

const BATCH = 100;
const CONNECTIONS = 256;
/** The parts of a run; the rest goes into seeding and the audit. */
const SHARES = { batch: 0.4, single: 0.3 };

/** Measures the service on a loopback address: client, service and library share this process. */
export async function measureHttp(config: Config, durationMs: number): Promise<HttpReport> {
  // The bounds allow all connections, which have one key: refused calls are cheap and would distort the figures.
  const service = {
    ...config.service,
    host: '127.0.0.1',
    port: 0,
    maxWaiting: 2 * CONNECTIONS,
    itemsPerSecond: null,
    queueTimeoutMs: 60_000,
  };
  const uncached = withoutCache({ ...config, service });
  await seed(uncached);
  const pincex = await Pincex.open({ config: uncached });
  const served = await startService(pincex);
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const { key } = await pincex.apiKeys.create({ name: 'bench', scopes: ['funds:write'] });
  const { hostname: host, port } = new URL(served.url);
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` };
  const to = { host, port, path: '/v1/funds/batch-lock', method: 'POST', agent };
  const send = (items: readonly LockFunds[], more: OutgoingHttpHeaders = {}) =>
    post({ ...to, headers: { ...headers, ...more } }, items);
  try {
    const draw = drawFrom(HISTORIED, 'uniform', 1);
    const overHttp = (more: () => OutgoingHttpHeaders) => () => {
      const locks = lockItems(BATCH, draw);
      return timed(async () => {
        if ((await send(locks, more())) !== 200) throw new RangeError('A batch was refused');
      });
    };
    const { library, ...http } = await interleave(
      {
        library: () => {
          const locks = lockItems(BATCH, draw);
          return timed(() => applied(pincex.bookkeeper.batchLockFunds(locks)));
        },
        none: overHttp(() => ({})),
        'one a call': overHttp(() => ({ 'idempotency-key': `"${uuidv4()}"` })),
      },
      durationMs * SHARES.batch,
    );
    const batches = (['none', 'one a call'] as const).map((idempotencyKey) => ({
      items: BATCH,
      idempotencyKey,
      libraryMs: rounded(median(library)),
      httpMs: rounded(median(http[idempotencyKey])),
      ratio: rounded(medianRatio(http[idempotencyKey], library)),
    }));
    const single: SingleCalls[] = [];
    for (const [accounts, draw] of [
      ['uniform', drawFrom(HISTORIED, 'uniform', 2)],
      ['one', () => 0],
    ] as const) {
      single.push({ accounts, ...(await measureSingle(send, draw, durationMs * SHARES.single)) });
    }
    return { batches, single, audit: await pincex.audit() };
  } finally {
    agent.destroy();
    await served.stop();
    await pincex.close();
  }
}

async function measureSingle(
  send: (items: readonly LockFunds[]) => Promise<number>,
  draw: Draw,
  durationMs: number,
): Promise<Omit<SingleCalls, 'accounts'>> {
  const times: number[] = [];
  let refused = 0;
  const began = performance.now();
  const caller = async (): Promise<void> => {
    while (performance.now() - began < durationMs) {
      const locks = lockItems(1, draw);
      times.push(
        await timed(async () => {
          if ((await send(locks)) !== 200) refused++;
        }),
      );
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, caller));
  const seconds = (performance.now() - began) / 1_000;
  return {
    connections: CONNECTIONS,
    callsPerSecond: rounded(times.length / seconds),
    p50Ms: rounded(median(times)),
    p99Ms: rounded(percentile(times, 0.99)),
    refused,
  };
}

/** Sends a batch as a client would, and reads the whole answer. */
function post(to: RequestOptions, items: readonly LockFunds[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(to, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (piece: string) => (text += piece));
      response.on('error', reject);
      response.on('end', () => {
        JSON.parse(text);
        resolve(response.statusCode ?? 0);
      });
    });
    sent.on('error', reject);
    sent.end(JSON.stringify({ items }));
  });
}
