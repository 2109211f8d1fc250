import { beforeAll, describe, expect, it } from 'vitest';
import type { BatchResult } from '../../../src/index.ts';
import { expectApplied, fresh, funds, newUser, useBooks } from '../../support/books.ts';
import { makeKey, useService } from '../support.ts';

const books = useBooks();
const service = useService(books);

type Batch = Pick<BatchResult<unknown>, 'batchId' | 'mode' | 'status' | 'counts' | 'results'>;

interface ProblemBody {
  readonly code: string;
  readonly status: number;
  readonly detail: string;
  readonly errors?: readonly { readonly header?: string }[];
  readonly batch?: Batch;
}

const order = (userId: string, side: 'buy' | 'sell', symbol = 'BTC/USD') =>
  ({ id: fresh(side), userId, symbol, side, type: 'limit', quantity: '1', price: '20' }) as const;

const money = (userId: string, amount: string) => ({ id: fresh('m'), userId, currency: 'USD', amount });

/** A buyer and a seller whose orders meet. */
async function twoOrders() {
  const [buyer, seller] = [
    await newUser(books.pincex, { USD: '20' }),
    await newUser(books.pincex, { BTC: '1' }),
  ];
  const [buy, sell] = [order(buyer, 'buy'), order(seller, 'sell')];
  expectApplied(await books.pincex.trading.batchPlaceOrders([buy, sell]));
  const trade = {
    id: fresh('trade'),
    symbol: 'BTC/USD',
    price: '20',
    quantity: '1',
    buyUserId: buyer,
    buyOrderId: buy.id,
    sellUserId: seller,
    sellOrderId: sell.id,
    takerSide: 'sell',
  } as const;
  return { buyer, seller, buy, sell, trade };
}

describe('POST', () => {
  /** Sends items, all of which have to be applied. */
  async function run(path: string, items: readonly object[]): Promise<Batch> {
    const { status, body } = await service.post<Batch>(path, { items });
    expect(body.results.filter((result) => result.status === 'rejected')).toEqual([]);
    expect([status, body.status, body.counts.applied]).toEqual([200, 'applied', items.length]);
    return body;
  }
  // These read by the library of the service, since another one may have the rows in its cache as they were.
  const has = (userId: string, currency = 'USD') => funds(service.pincex, userId, currency);
  const statusOf = async (id: string) => (await service.pincex.trading.getOrder(id))?.status;

  it('/v1/accounts/batch-create makes an account with nothing in it', async () => {
    const userId = fresh('user');
    await run('/v1/accounts/batch-create', [{ id: fresh('a'), userId, currency: 'USD' }]);
    expect(await has(userId)).toBe('0 / 0');
  });

  it('/v1/funds/batch-deposit takes money in', async () => {
    const userId = fresh('user');
    await run('/v1/funds/batch-deposit', [money(userId, '100')]);
    expect(await has(userId)).toBe('100 / 0');
  });

  it('/v1/funds/batch-withdraw pays money out', async () => {
    const userId = await newUser(books.pincex, { USD: '10' });
    await run('/v1/funds/batch-withdraw', [money(userId, '4')]);
    expect(await has(userId)).toBe('6 / 0');
  });

  it('/v1/funds/batch-lock holds money, and /v1/funds/batch-unlock gives it back', async () => {
    const userId = await newUser(books.pincex, { USD: '10' });
    await run('/v1/funds/batch-lock', [{ ...money(userId, '4'), orderId: 'o' }]);
    expect(await has(userId)).toBe('6 / 4');
    await run('/v1/funds/batch-unlock', [{ ...money(userId, '4'), orderId: 'o' }]);
    expect(await has(userId)).toBe('10 / 0');
  });

  it('/v1/funds/batch-transfer moves money to somebody else', async () => {
    const [userId, toUserId] = [await newUser(books.pincex, { USD: '10' }), fresh('user')];
    await run('/v1/funds/batch-transfer', [{ ...money(userId, '4'), toUserId }]);
    expect([await has(userId), await has(toUserId)]).toEqual(['6 / 0', '4 / 0']);
  });

  it('/v1/orders/batch-place places an order with the money for it', async () => {
    const userId = await newUser(books.pincex, { USD: '30' });
    const placed = order(userId, 'buy');
    await run('/v1/orders/batch-place', [placed]);
    expect(await statusOf(placed.id)).toBe('open');
    expect(await has(userId)).toBe('10 / 20');
  });

  it('/v1/orders/batch-cancel gives back the money for an order', async () => {
    const { buyer, buy } = await twoOrders();
    await run('/v1/orders/batch-cancel', [{ id: fresh('c'), userId: buyer, orderId: buy.id }]);
    expect(await statusOf(buy.id)).toBe('cancelled');
    expect(await has(buyer)).toBe('20 / 0');
  });

  it('/v1/orders/batch-create makes an order without money, and /v1/orders/batch-status ends it', async () => {
    const userId = fresh('user');
    const plain = order(userId, 'buy');
    await run('/v1/orders/batch-create', [plain]);
    expect(await statusOf(plain.id)).not.toBe('cancelled');
    const change = { id: fresh('s'), userId, orderId: plain.id, status: 'cancelled' };
    await run('/v1/orders/batch-status', [change]);
    expect(await statusOf(plain.id)).toBe('cancelled');
  });

  it('/v1/trades/batch-settle exchanges what two orders hold', async () => {
    const { buyer, seller, buy, trade } = await twoOrders();
    await run('/v1/trades/batch-settle', [trade]);
    expect([await has(buyer), await has(buyer, 'BTC')]).toEqual(['0 / 0', '1 / 0']);
    expect([await has(seller), await has(seller, 'BTC')]).toEqual(['20 / 0', '0 / 0']);
    expect(await statusOf(buy.id)).toBe('filled');
  });

  it('/v1/batches runs commands of several kinds, and /v1/batches/:batchId returns the same result again', async () => {
    const userId = fresh('user');
    const mixed = await run('/v1/batches', [
      { command: 'deposit', ...money(userId, '5') },
      { command: 'lockFunds', ...money(userId, '1'), orderId: 'p' },
    ]);
    expect(await has(userId)).toBe('4 / 1');
    expect((await service.get(`/v1/batches/${mixed.batchId}`)).body).toEqual(mixed);
  });
});

describe('reads after a trade', () => {
  let made: Awaited<ReturnType<typeof twoOrders>>;
  let rest: ReturnType<typeof order>;

  beforeAll(async () => {
    made = await twoOrders();
    expectApplied(await books.pincex.trading.batchSettleTrades([made.trade]));
    rest = order(await newUser(books.pincex, { ETH: '3' }), 'sell', 'ETH/USD');
    expectApplied(await books.pincex.trading.batchPlaceOrders([rest]));
  });

  it('/v1/accounts/batch-get returns the account of each user in each currency', async () => {
    const { buyer, seller } = made;
    const asked = { userIds: [buyer, seller], currencies: ['USD', 'BTC'] };
    const { body } = await service.post<{ accounts: unknown[] }>('/v1/accounts/batch-get', asked);
    expect(body.accounts).toMatchObject([
      { userId: buyer, currency: 'USD', available: '0', locked: '0' },
      { userId: buyer, currency: 'BTC', available: '1', locked: '0' },
      { userId: seller, currency: 'USD', available: '20', locked: '0' },
      { userId: seller, currency: 'BTC', available: '0', locked: '0' },
    ]);
  });

  it('/v1/orders/batch-get returns null for an order that does not exist', async () => {
    const { body } = await service.post('/v1/orders/batch-get', { ids: [made.buy.id, 'none'] });
    expect(body).toMatchObject({ orders: [{ id: made.buy.id, status: 'filled' }, null] });
  });

  it('/v1/users/orders/batch-get returns a list for each user, of the orders with the status', async () => {
    const asked = { userIds: [rest.userId, made.buyer, 'none'], statuses: ['open'] };
    const { body } = await service.post('/v1/users/orders/batch-get', asked);
    expect(body).toMatchObject({ orders: [[{ id: rest.id }], [], []] });
  });

  it('/v1/trades/batch-get returns a list for each order, from its side', async () => {
    const { body } = await service.post('/v1/trades/batch-get', { orderIds: [made.sell.id] });
    expect(body).toMatchObject({ trades: [[{ id: made.trade.id, side: 'sell', quoteAmount: '20' }]] });
  });

  it('/v1/order-books/batch-get returns the best prices of each market', async () => {
    const asked = { symbols: ['ETH/USD', 'BTC/USDT'], depth: 1 };
    const { body } = await service.post('/v1/order-books/batch-get', asked);
    expect(body).toMatchObject({
      orderBooks: [
        { symbol: 'ETH/USD', bids: [], asks: [{ price: '20', quantity: '1' }] },
        { symbol: 'BTC/USDT', bids: [], asks: [] },
      ],
    });
  });

  it('/v1/limits returns how much the service takes', async () => {
    expect((await service.get('/v1/limits')).body).toMatchObject({ batchItems: 10_000, maxConcurrent: 10 });
  });
});

describe('the answer to a batch', () => {
  it('a partial batch is answered item by item, and an atomic batch that is rejected is a problem as a whole', async () => {
    const userId = await newUser(books.pincex, { USD: '10' });
    const lock = (id: string, amount: string) => ({ id, userId, currency: 'USD', amount, orderId: id });
    const items = [lock('a', '8'), lock('b', '8'), lock('c', 'much')];
    const partial = await service.post<Batch>('/v1/funds/batch-lock', { items });
    expect(partial.status).toBe(200);
    expect(partial.body).toMatchObject({
      status: 'partial',
      counts: { total: 3, applied: 1, rejected: 2, replayed: 0, skipped: 0 },
      results: [
        { index: 0, id: 'a', status: 'applied', data: { available: '2', locked: '8' } },
        { index: 1, id: 'b', status: 'rejected', error: { code: 'insufficient_funds', retryable: true } },
        { index: 2, id: 'c', status: 'rejected', error: { code: 'invalid_amount', retryable: false } },
      ],
    });
    const atomic = await service.post<ProblemBody>('/v1/funds/batch-lock', {
      mode: 'atomic',
      items: [lock('d', '1'), lock('e', '8')],
    });
    expect(atomic.status).toBe(422);
    expect(atomic.headers.get('content-type')).toContain('application/problem+json');
    expect(atomic.body).toMatchObject({
      code: 'batch_rejected',
      batch: { mode: 'atomic', status: 'rejected' },
    });
    expect(atomic.body.batch!.results).toMatchObject([
      { error: { code: 'group_failed' } },
      { error: { code: 'insufficient_funds' } },
    ]);
    expect((await service.get(`/v1/batches/${atomic.body.batch!.batchId}`)).text).toBe(atomic.text);
  });
});

describe('the reason and metadata of an item', () => {
  it('the reason and metadata of an item stand in the statement of its account, and in the operations with its actor', async () => {
    const userId = await newUser(books.pincex, { USD: '10' });
    const note = { reason: 'order_placement', metadata: { ticket: 17, tags: ['vip'], more: { ok: true } } };
    const lock = { id: fresh('l'), userId, currency: 'USD', amount: '1', orderId: 'o', ...note };
    await service.post('/v1/funds/batch-lock', { items: [lock] });
    const { body } = await service.post<{ statements: object[][] }>('/v1/accounts/statements/batch-get', {
      accounts: [{ userId, currency: 'USD' }],
      limit: 1,
    });
    expect(body.statements).toMatchObject([[{ operationId: lock.id, version: 2, ...note }]]);
    const page = { accounts: [{ userId, currency: 'USD', before: 2 }], fresh: true };
    const before = await service.post<typeof body>('/v1/accounts/statements/batch-get', page);
    expect(before.body.statements).toMatchObject([[{ version: 1, reason: null, metadata: null }]]);
    const { text } = await service.get('/v1/stream/operations');
    const [, keyId] = service.key.split('_');
    const operations = text.split('\n').filter((line) => line.includes(lock.id));
    expect(operations.map((line) => (JSON.parse(line) as { row: object }).row)).toMatchObject([
      { userId, kind: 'funds', type: 'lockFunds', actor: `key:${keyId}`, ...note },
    ]);
  });

  it('metadata that is too large is refused, and so is a caller that names the actor', async () => {
    const lock = { id: 'l', userId: 'u', currency: 'USD', amount: '1', orderId: 'o' };
    const large = { ...lock, metadata: { text: 'x'.repeat(4_096) } };
    const { body } = await service.post<Batch>('/v1/funds/batch-lock', { items: [large] });
    expect(body.results).toMatchObject([{ status: 'rejected', error: { code: 'invalid_metadata' } }]);
    const named = await service.post<ProblemBody>('/v1/funds/batch-lock', { items: [lock], actor: 'me' });
    expect([named.status, named.body.code]).toEqual([400, 'malformed_request']);
  });
});

describe('a stream', () => {
  it('a stream sends every row, and goes on behind any of its lines', async () => {
    for (let n = 0; n < 3; n++) await newUser(books.pincex, { USD: '1', BTC: '2' });
    const { text, headers } = await service.get('/v1/stream/journal');
    expect(headers.get('content-type')).toContain('application/x-ndjson');
    const lines = text.trimEnd().split('\n');
    expect(lines.at(-1)).toBe('{"end":true}');
    const rows: unknown[] = [];
    for await (const row of books.pincex.streamJournal()) rows.push(row);
    const sent = lines.slice(0, -1).map((line) => JSON.parse(line) as { cursor: string; row: unknown });
    expect(sent.map(({ row }) => row)).toEqual(rows);
    const rest = await service.get(`/v1/stream/journal?after=${sent[3]!.cursor}`);
    expect(rest.text).toBe([...lines.slice(4), ''].join('\n'));
  });
});

describe('an Idempotency-Key', () => {
  it('an Idempotency-Key repeats the first answer, whatever happened since, and is refused with other content', async () => {
    const userId = await newUser(books.pincex, { USD: '10' });
    const lock = { id: fresh('l'), userId, currency: 'USD', amount: '20', orderId: 'o' };
    const headers = { 'idempotency-key': `"${fresh('key')}"` };
    const first = await service.post<Batch>('/v1/funds/batch-lock', { items: [lock] }, headers);
    expect(first.body.status).toBe('rejected');
    expect(first.headers.get('idempotency-hit')).toBeNull();
    const more = { id: 'more', userId, currency: 'USD', amount: '90' };
    expectApplied(await books.pincex.bookkeeper.batchDeposit([more]));
    const again = await service.post<Batch>('/v1/funds/batch-lock', { items: [lock] }, headers);
    expect(again.text).toBe(first.text);
    expect([again.status, again.headers.get('idempotency-hit')]).toEqual([200, 'true']);
    const other = await service.post<ProblemBody>(
      '/v1/funds/batch-lock',
      { items: [{ ...lock, amount: '1' }] },
      headers,
    );
    expect([other.status, other.body.code]).toEqual([422, 'idempotency_key_reused']);
    const elsewhere = await service.post<Batch>('/v1/funds/batch-unlock', { items: [lock] }, headers);
    expect(elsewhere.status).toBe(200);
    const unquoted = await service.post<ProblemBody>(
      '/v1/funds/batch-lock',
      { items: [] },
      { 'idempotency-key': 'bare' },
    );
    expect([unquoted.status, unquoted.body.code]).toEqual([400, 'invalid_idempotency_key']);
    expect(unquoted.body.errors).toMatchObject([{ header: 'Idempotency-Key' }]);
  });

  it('calls that send the same Idempotency-Key at once are executed once', async () => {
    const userId = await newUser(books.pincex, { USD: '1000' });
    const items = Array.from({ length: 50 }, () => ({
      id: fresh('l'),
      userId,
      currency: 'USD',
      amount: '1',
      orderId: 'o',
    }));
    const headers = { 'idempotency-key': `"${fresh('key')}"` };
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => service.post<Batch>('/v1/funds/batch-lock', { items }, headers)),
    );
    const executed = answers.filter(
      ({ status, headers }) => status === 200 && !headers.has('idempotency-hit'),
    );
    expect(executed).toHaveLength(1);
    for (const { status, body, text } of answers) {
      if (status === 409) expect(body).toMatchObject({ code: 'request_in_progress' });
      else expect(text).toBe(executed[0]!.text);
    }
    expect(executed[0]!.body.counts.applied).toBe(50);
  });

  it('an Idempotency-Key belongs to its caller: two callers with the same one are both executed', async () => {
    const userId = await newUser(books.pincex, { USD: '10' });
    const key = `"${fresh('key')}"`;
    const callers = await Promise.all([1, 2].map(() => makeKey(service.pincex, 'funds:write')));
    const answers = await Promise.all(
      callers.map((caller, n) =>
        service.post<Batch>(
          '/v1/funds/batch-lock',
          { items: [{ id: `l${n}`, userId, currency: 'USD', amount: '1', orderId: 'o' }] },
          { 'idempotency-key': key, authorization: `Bearer ${caller}` },
        ),
      ),
    );
    for (const { status, headers, body } of answers) {
      expect([status, headers.get('idempotency-hit'), body.counts.applied]).toEqual([200, null, 1]);
    }
  });
});
