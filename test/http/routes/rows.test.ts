import { once } from 'node:events';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseKey } from '../../../src/apiKeys/keySecrets.ts';
import { ApiKeys } from '../../../src/apiKeys/store.ts';
import { limits } from '../../../src/limits.ts';
import { useBooks } from '../../support/books.ts';
import { holdClock, holdWindows } from '../../support/clock.ts';
import { until } from '../../support/waiting.ts';
import { makeKey, serve, useService, type Answer } from '../support.ts';
import {
  dial,
  getOf,
  holdTable,
  losePatience,
  nextAnswer,
  openManyAccounts,
  serveImpatiently,
  type Wire,
} from '../wire.ts';

/** Rows that calls find are charged, ten as one item, once they are found. SQL puts the rows there, so no money moves. */

const books = useBooks({}, { audited: false });

const ROWS = 3_000;
const BOOK = { symbols: ['BTC/USD'], depth: 1 };
const BOOKS = '/v1/order-books/batch-get';

beforeAll(() =>
  books.sql(`
    INSERT INTO orders (user_id, id, symbol, side, type, status, quantity, price, time_in_force, placed, version,
      created_at, updated_at)
    SELECT 'u' || n % 10, n::text, 'BTC/USD', 'buy', 'limit', 'open', 1, 10, 'gtc', false, 1, now(), now()
    FROM generate_series(1, ${ROWS}) AS n;
    INSERT INTO trades SELECT 'u0', n::text, 'buy', '10', 'BTC/USD', 1, 1, 1, 0, 'maker', now()
    FROM generate_series(1, ${ROWS}) AS n;
    INSERT INTO journal (user_id, currency, version, available_delta, locked_delta, available, locked, operation_id,
      operation_type, created_at)
    SELECT 'u' || u, 'USD', n, 1, 0, n, 0, n::text, 'deposit', now()
    FROM generate_series(1, ${ROWS / 10}) AS n CROSS JOIN generate_series(0, 9) AS u`),
);

async function keyOf(rateLimit: number): Promise<string> {
  return (await new ApiKeys(books.pincex.session).create({ name: 'few', scopes: ['read'], rateLimit })).key;
}

/** The seconds until a key with an item a second has paid its debt, as the answer says: about one for each item. */
function owed({ headers }: Answer): number {
  const [, left, seconds] = /^"items";r=(\d+);t=(\d+)$/.exec(headers.get('RateLimit') ?? '') ?? [];
  expect(left).toBe('0');
  return Number(seconds);
}

/** One window is that of the call itself, and another may begin between the beginning and the end of the call. */
function expectAbout(seconds: number, items: number): void {
  expect(seconds).toBeGreaterThanOrEqual(items - 1);
  expect(seconds).toBeLessThanOrEqual(items + 1);
}

describe('a read', () => {
  const service = useService(books);
  const users = Array.from({ length: 10 }, (_, n) => `u${n}`);

  it.each([
    ['an order book (by the orders behind its levels)', BOOKS, BOOK, 0],
    ['users’ orders', '/v1/users/orders/batch-get', { userIds: users, limit: 1_000 }, 10],
    [
      'statements',
      '/v1/accounts/statements/batch-get',
      { accounts: users.map((userId) => ({ userId, currency: 'USD' })), limit: 1_000 },
      10,
    ],
    ['trades', '/v1/trades/batch-get', { orderIds: [{ userId: 'u0', id: '10' }] }, 0],
    ['orders that stand', '/v1/orders/open/batch-get', { symbols: ['BTC/USD'] }, 0],
  ])('a read of %s is charged once its rows are known', async (_, path, body, users) => {
    // The items that the call names have to be within the limit, and are paid for as such.
    const limit = Math.max(users, 1);
    const authorization = `Bearer ${await keyOf(limit)}`;
    const found = await service.post(path, body, { authorization });
    expect(found.status).toBe(200);
    expectAbout(owed(found), ROWS / limits.http.rowsOfItem / limit);
    const refused = await service.post<{ code: string; detail: string; retryable: boolean }>(path, body, {
      authorization,
    });
    expect(refused).toMatchObject({ status: 429, body: { code: 'rate_limited', retryable: true } });
    expect(refused.body.detail).toContain('more rows');
    const wait = Number(refused.headers.get('Retry-After'));
    expect(wait).toBeGreaterThan(1);
    expect(wait).toBeLessThanOrEqual(owed(found));
    expect((await service.post(BOOKS, BOOK)).status).toBe(200);
  });

  it('a read is charged nothing for rows that its items have paid for', async () => {
    const authorization = `Bearer ${await keyOf(300)}`;
    const userIds = Array.from({ length: 200 }, (_, n) => `u${n % 10}`);
    const found = await service.post('/v1/users/orders/batch-get', { userIds, limit: 10 }, { authorization });
    expect(found.headers.get('RateLimit')).toBe('"items";r=100;t=1');
  });

  it('a read is charged also where its rows are too many to be told', async () => {
    const authorization = `Bearer ${await keyOf(8)}`;
    const orderIds = Array.from({ length: 7 }, () => ({ userId: 'u0', id: '10' }));
    const refused = await service.post('/v1/trades/batch-get', { orderIds }, { authorization });
    expect(refused.status).toBe(413);
    expectAbout(owed(refused), (limits.http.readRows + 1) / limits.http.rowsOfItem / 8);
  });

  it('a read is charged nothing where its key has no limit', async () => {
    const found = await service.post(BOOKS, BOOK);
    expect(found.headers.get('RateLimit')).toBeNull();
  });

  it('a read that waited for its turn while its key ran into debt is refused', async () => {
    const narrow = await serve(books, { maxConcurrent: 1, maxWaiting: 3, queueTimeoutMs: 3_600_000 });
    const authorization = `Bearer ${await keyOf(100)}`;
    const accounts = [{ userId: 'u0', currency: 'USD' }];
    const held = await holdTable(books, 'journal');
    // The first read is held; no order book has been charged when all calls are let in.
    const first = narrow.post('/v1/accounts/statements/batch-get', { accounts }, { authorization });
    await held.awaited();
    const calls = Array.from({ length: 3 }, () => narrow.post(BOOKS, BOOK, { authorization }));
    await until('as many to wait as may', async () => {
      const another = await narrow.post(BOOKS, BOOK, { 'request-timeout': '0.05' });
      return another.status === 503;
    });
    await held.release();
    expect((await first).status).toBe(200);
    const statuses = (await Promise.all(calls)).map(({ status }) => status).sort();
    expect(statuses).toEqual([200, 429, 429]);
  });
});

describe('a stream', () => {
  const ACCOUNTS = '/v1/stream/accounts';
  /** More than the first piece, for which a key with an item a second pays many seconds long. */
  const PIECE = 64 * 1024;

  beforeAll(() => openManyAccounts(books));

  async function begun(url: string, key: string): Promise<Wire> {
    const wire = await dial(url);
    wire.send(getOf(ACCOUNTS, key));
    await until('the first piece', () => wire.received.length > PIECE);
    return wire;
  }

  /** A stream that owes as much as one that begins after it: while this one waits, the later one has not paid either. */
  async function debtor(): Promise<{ readonly waits: boolean }> {
    const { url } = await serve(books);
    const wire = await begun(url, await keyOf(1));
    return {
      get waits() {
        return wire.received.length < 2 * PIECE;
      },
    };
  }

  const statusOf = async (url: string, key: string, path = '/v1/limits'): Promise<number> => {
    const { status, body } = await fetch(url + path, { headers: { authorization: `Bearer ${key}` } });
    await body?.cancel();
    return status;
  };

  it('a stream waits until its key has paid for a piece before it reads the next, and comes whole', async () => {
    const service = await serve(books);
    const began = performance.now();
    const response = await service.get(ACCOUNTS, { authorization: `Bearer ${await keyOf(2_000)}` });
    expect(response.text.split('\n')).toHaveLength(50_000 + 2);
    expect(response.text.endsWith('{"end":true}\n')).toBe(true);
    // 5,000 items, of which the first window has 2,000.
    expect(performance.now() - began).toBeGreaterThan(1_000);
  });

  it('a stream that waits for its key to pay is not cut off as one that is read too slowly', async () => {
    const { app, url } = await serveImpatiently(books, {});
    const key = await keyOf(1);
    const beginning = nextAnswer(app);
    const wire = await begun(url, key);
    const answer = await beginning;
    losePatience(answer);
    await once(answer, 'timeout');
    const { destroyed, writableFinished } = answer;
    expect({ destroyed, writableFinished }).toEqual({ destroyed: false, writableFinished: false });
    // The stream has waited all the time, since it still does.
    expect(await statusOf(url, key)).toBe(429);
    expect(wire.isClosed).toBe(false);
  });

  it('a stream that waits for its key to pay gives its place back when its client hangs up', async () => {
    const { url, key: other } = await serve(books, { maxConcurrent: 1 });
    const still = await debtor();
    const wire = await begun(url, await keyOf(1));
    expect(await statusOf(url, other, ACCOUNTS)).toBe(503);
    wire.hangUp();
    await until('the place to be free', async () => (await statusOf(url, other, ACCOUNTS)) === 200);
    expect(still.waits).toBe(true);
  });

  it('a stream that waits for its key to pay does not keep a service from closing', async () => {
    const { app, url } = await serveImpatiently(books, { requestMs: 300 });
    const wire = await begun(url, await keyOf(1));
    await app.close();
    expect(wire.received).not.toContain('{"end":true}');
  });

  it('a stream that waits for its key to pay ends without its last line when the service closes', async () => {
    const { app, url } = await serveImpatiently(books, {});
    const key = await keyOf(1);
    // The debt is never paid.
    holdWindows();
    const wire = await begun(url, key);
    await app.close();
    expect(wire.received).not.toContain('{"end":true}');
  });

  it('a stream that waits for its key to pay is cut off once its key has ended', async () => {
    const { url } = await serve(books);
    const still = await debtor();
    const key = await keyOf(1);
    const wire = await begun(url, key);
    const clock = holdClock();
    await books.sql('UPDATE api_keys SET revoked_at = now() WHERE id = $1', [parseKey(key)!.id]);
    clock.pass(limits.apiKeys.rememberedMs + 1);
    await until('the connection to be cut', () => wire.isClosed);
    expect(wire.received).not.toContain('{"end":true}');
    expect(still.waits).toBe(true);
  });

  it('a stream waits for nothing where its key has no limit', async () => {
    const { url } = await serve(books);
    const wire = await begun(url, await makeKey(books.pincex, 'read'));
    await until('the last line', () => wire.received.includes('{"end":true}'));
  });
});
