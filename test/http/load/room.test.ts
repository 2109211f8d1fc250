import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { PincexError } from '../../../src/index.ts';
import { limits } from '../../../src/limits.ts';
import { newUser, useBooks } from '../../support/books.ts';
import { holdClock } from '../../support/clock.ts';
import { makeKey, serve, type TestService } from '../support.ts';
import { serveImpatiently } from '../wire.ts';

const books = useBooks();
// The usage that services of earlier tests have counted is not of this test.
beforeEach(() => books.sql('DELETE FROM request_usage'));

const CANCEL = '/v1/orders/batch-cancel';
const ITEMS = 200;

/** Cancels orders that do not exist, by random ids, which do not compress. */
const cancels = () =>
  Array.from({ length: ITEMS }, () => ({ id: randomUUID(), userId: randomUUID(), orderId: randomUUID() }));

const as = (key: string, more = {}) => ({ authorization: `Bearer ${key}`, ...more });
const idOf = (key: string) => key.split('_')[1]!;

const keptOf = async (key: string) => {
  const [row] = await books.sql<{ rows: number; bytes: number }>(
    `SELECT count(*)::int AS rows, sum(coalesce(pg_column_size(items), 0) + coalesce(pg_column_size(body), 0))::int AS bytes
     FROM requests WHERE caller = $1`,
    [idOf(key)],
  );
  return row!;
};

/** Sends batches until one is refused; returns that answer. */
async function fill({ post }: Pick<TestService, 'post'>, key: string) {
  for (let sent = 0; sent < 50; sent++) {
    const answer = await post<{ code?: string; detail: string; retryable: boolean }>(
      CANCEL,
      { items: cancels() },
      as(key),
    );
    if (answer.status !== 200) return { sent, ...answer };
  }
  throw new Error('Nothing was refused');
}

describe('batches of which nothing can be applied', () => {
  it.each([
    ['without an idempotency key', {}, () => ({})],
    ['with an idempotency key', {}, () => ({ 'idempotency-key': `"${randomUUID()}"` })],
    ['in atomic mode', { mode: 'atomic' }, () => ({})],
  ])(
    'batches of which nothing can be applied keep less than 100 bytes for each item: %s',
    async (_, body, headers) => {
      const service = await serve(books);
      const key = await makeKey(books.pincex, 'orders:write');
      for (let n = 0; n < 3; n++)
        await service.post(CANCEL, { items: cancels(), ...body }, as(key, headers()));
      const { rows, bytes } = await keptOf(key);
      expect(rows).toBe(3);
      expect(bytes / (rows * ITEMS)).toBeLessThan(100);
    },
  );

  it('batches of which nothing can be applied fill what one key may have, and nothing that others need', async () => {
    const clock = holdClock();
    const idempotencyRoom = 300_000;
    const service = await serve(books, { idempotencyRoom });
    const [attacker, other] = [
      await makeKey(books.pincex, 'orders:write', 'funds:write', 'read'),
      await makeKey(books.pincex, 'orders:write', 'funds:write'),
    ];
    const first = { items: cancels(), batchId: randomUUID() };
    const answered = await service.post(CANCEL, first, as(attacker));
    const refused = await fill(service, attacker);
    expect(refused).toMatchObject({ status: 429, body: { code: 'quota_exceeded', retryable: true } });
    const { detail } = refused.body;
    expect(detail).toMatch(/take \d+ bytes, and its limit is \d+ .* service\.idempotency_room, 300000;/);
    const hours = Number(refused.headers.get('retry-after')) / 3_600;
    expect(hours).toBeGreaterThan(23.9);
    expect(hours).toBeLessThanOrEqual(25);

    // A key may have a quarter of the room, and the call that reached it was kept, too.
    const kept = await keptOf(attacker);
    expect(kept.rows).toBe(refused.sent + 1);
    expect(kept.bytes).toBeLessThan(idempotencyRoom / 4 + 100 * ITEMS);
    const userId = await newUser(books.pincex);
    const deposit = { items: [{ id: 'd', userId, currency: 'USD', amount: '1' }] };
    const DEPOSIT = '/v1/funds/batch-deposit';
    for (const [body, headers] of [
      [deposit, {}],
      [{ ...deposit, batchId: randomUUID() }, {}],
      [deposit, { 'idempotency-key': '"k"' }],
      [deposit, { 'request-timeout': '60' }],
    ] as const) {
      expect(await service.post(DEPOSIT, body, as(attacker, headers))).toMatchObject({ status: 429 });
    }
    expect(await keptOf(attacker)).toEqual(kept);
    const accounts = () => books.sql('SELECT FROM accounts WHERE user_id = $1', [userId]);
    expect(await accounts()).toHaveLength(0);

    // The key still gets what it has: the answer to the same call, its outcome, and reads.
    const again = await service.post(CANCEL, first, as(attacker));
    expect([again.status, again.text, again.headers.get('idempotency-hit')]).toEqual([
      200,
      answered.text,
      'true',
    ]);
    expect((await service.get(`/v1/batches/${first.batchId}`, as(attacker))).text).toBe(answered.text);
    const read = { userIds: [userId], currencies: ['USD'] };
    expect((await service.post('/v1/accounts/batch-get', read, as(attacker))).status).toBe(200);

    expect((await service.post(DEPOSIT, deposit, as(other))).status).toBe(200);
    expect(await accounts()).toHaveLength(1);

    // The service reads the usage again after `roomMs`, and usage counts until it expires.
    clock.pass(limits.requests.roomMs);
    expect((await service.post(DEPOSIT, deposit, as(attacker))).status).toBe(429);
    await books.sql('UPDATE request_usage SET expires_at = now() WHERE caller = $1', [idOf(attacker)]);
    clock.pass(limits.requests.roomMs);
    expect((await service.post(DEPOSIT, deposit, as(attacker))).status).toBe(200);
  });

  it('the log warns of a key, by its id, before its batches are refused', async () => {
    const clock = holdClock();
    const lines: string[] = [];
    const logger = pino({}, { write: (line: string) => lines.push(line) });
    const { url } = await serveImpatiently(books, {}, { logger, idempotencyRoom: 300_000 });
    const key = await makeKey(books.pincex, 'orders:write');
    const post = async () => {
      const init = { method: 'POST', headers: as(key, { 'content-type': 'application/json' }) };
      const body = JSON.stringify({ items: cancels() });
      return (await fetch(`${url}${CANCEL}`, { ...init, body })).status;
    };
    const warned = () => lines.map((line) => JSON.parse(line) as object).filter((line) => 'keyId' in line);
    const statuses = [];
    while (warned().length === 0 && statuses.length < 50) {
      statuses.push(await post());
      clock.pass(limits.requests.roomMs);
    }
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(warned()).toMatchObject([
      {
        level: 40,
        keyId: idOf(key),
        msg: `the stored answers of key ${idOf(key)} come close to the limit of service.idempotency_room`,
      },
    ]);
  });
});

it('the room that was taken is written down when the service stops, also for calls that failed behind their batch', async () => {
  const service = await serve(books);
  const key = await makeKey(books.pincex, 'orders:write');
  const { run } = service.pincex;
  const cancel = vi.spyOn(service.pincex, 'run');
  onTestFinished(() => {
    cancel.mockRestore();
  });
  for (const behind of [false, true]) {
    for (const batchId of [undefined, randomUUID()]) {
      if (behind) {
        cancel.mockImplementationOnce(async (...batch) => {
          await run(...batch);
          throw new PincexError('outcome_unknown', 'It may be written');
        });
      }
      expect((await service.post(CANCEL, { items: cancels(), batchId }, as(key))).status).toBe(200);
    }
  }
  const usage = () => books.sql('SELECT bytes FROM request_usage WHERE caller = $1', [idOf(key)]);
  expect(await usage()).toEqual([]);
  await service.stop();
  const { bytes, rows } = await keptOf(key);
  expect(rows).toBe(4);
  const [row] = (await usage()) as [{ bytes: string }];
  // PostgreSQL writes the length of each value before it.
  expect(Math.abs(Number(row.bytes) - bytes - rows * limits.requests.rowBytes)).toBeLessThanOrEqual(4 * rows);
});
