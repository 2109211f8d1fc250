import { randomUUID } from 'node:crypto';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { PincexClient, PincexClientError, type MixedItem } from '../../src/client/index.ts';
import { parseKey } from '../../src/apiKeys/keySecrets.ts';
import { ApiKeys } from '../../src/apiKeys/store.ts';
import { requestHash, Requests } from '../../src/requests/requests.ts';
import { anyway, fresh, funds, newUser } from '../support/books.ts';
import { callOf, execute, runOf, sent } from '../requests/support.ts';
import { until } from '../support/waiting.ts';
import { useService } from './service.ts';

/** The client against the service itself, over real connections. */

const service = useService();

/** A client, and the list in which it records the status of each answer. */
function watched(key: string, options: { maxRetries?: number } = {}) {
  const statuses: number[] = [];
  const client = new PincexClient({
    url: service.url,
    key,
    ...options,
    fetch: async (...call) => {
      const response = await fetch(...call);
      statuses.push(response.status);
      return response;
    },
  });
  return { client, statuses };
}

/** Until the test ends, time passes only in `passWhile`, for the client and for the service alike. */
function holdClocks(): void {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
}

async function passWhile(underWay: Promise<unknown>): Promise<void> {
  let isOver = false;
  void underWay.finally(() => (isOver = true));
  await until('the end of the call', () => {
    vi.advanceTimersByTime(50);
    return isOver;
  });
}

it('batchLockFunds gives each item its own result, and sending the same items again changes nothing', async () => {
  const userId = await newUser(service.pincex, { USD: '100' });
  const locks = [
    { id: 'lock-1', userId, currency: 'USD', amount: '10.50', orderId: 'order-1' },
    { id: 'lock-2', userId, currency: 'USD', amount: '5000', orderId: 'order-2' },
  ];
  const locked = await service.client.batchLockFunds(locks);
  expect(locked).toMatchObject({
    mode: 'partial',
    status: 'partial',
    counts: { total: 2, applied: 1, rejected: 1, replayed: 0, skipped: 0 },
    results: [
      { index: 0, id: 'lock-1', status: 'applied', data: { available: '89.5', locked: '10.5' } },
      { index: 1, id: 'lock-2', status: 'rejected', error: { code: 'insufficient_funds', retryable: true } },
    ],
  });
  const again = await service.client.batchLockFunds(locks);
  expect(again.results.map(({ status }) => status)).toEqual(['replayed', 'rejected']);
  expect(await funds(service.pincex, userId, 'USD')).toBe('89.5 / 10.5');
});

it('a rejected atomic batch is returned as a result, not thrown as an error', async () => {
  const userId = await newUser(service.pincex, { USD: '100' });
  const lock = { userId, currency: 'USD', orderId: 'order-1' };
  const locked = await service.client.batchLockFunds(
    [
      { ...lock, id: 'lock-1', amount: '1' },
      { ...lock, id: 'lock-2', amount: '5000' },
    ],
    { mode: 'atomic' },
  );
  expect(locked).toMatchObject({ mode: 'atomic', status: 'rejected', counts: { total: 2, rejected: 2 } });
  expect(locked.results.map((result) => result.status === 'rejected' && result.error.code)).toEqual([
    'group_failed',
    'insufficient_funds',
  ]);
  expect(await funds(service.pincex, userId, 'USD')).toBe('100 / 0');
});

it('a day of a market runs through the client: deposits, orders, a trade, cancels, a withdrawal, a transfer', async () => {
  const { client } = service;
  const [buyer, seller] = [fresh('buyer'), fresh('seller')];
  const [bid, ask] = [fresh('bid'), fresh('ask')];
  const statuses = ({ results }: { results: readonly { status: string }[] }) =>
    results.map(({ status }) => status);

  const deposits = await client.batchDeposit([
    { id: 'in', userId: buyer, currency: 'USD', amount: '30000' },
    { id: 'in', userId: seller, currency: 'BTC', amount: '1' },
  ]);
  expect(statuses(deposits)).toEqual(['applied', 'applied']);
  const order = { symbol: 'BTC/USD', type: 'limit', price: '25000' } as const;
  const placed = await client.batchPlaceOrders([
    { ...order, id: bid, userId: buyer, side: 'buy', quantity: '1' },
    { ...order, id: ask, userId: seller, side: 'sell', quantity: '0.5' },
  ]);
  expect(statuses(placed)).toEqual(['applied', 'applied']);

  const settled = await client.batchSettleTrades([
    {
      id: fresh('trade'),
      symbol: 'BTC/USD',
      price: '25000',
      quantity: '0.4',
      buyUserId: buyer,
      buyOrderId: bid,
      sellUserId: seller,
      sellOrderId: ask,
      takerSide: 'buy',
    },
  ]);
  expect(settled.results[0]).toMatchObject({ status: 'applied', data: { quoteAmount: '10000' } });
  const [[fill] = [], ...none] = await client.batchGetTradesByOrderIds([bid], { fresh: true });
  expect(fill).toMatchObject({
    orderId: bid,
    userId: buyer,
    price: '25000',
    quantity: '0.4',
    liquidity: 'taker',
  });
  expect(none).toEqual([]);

  const cancelled = await client.batchCancelOrders([
    { id: 'cancel', userId: buyer, orderId: bid },
    { id: 'cancel', userId: seller, orderId: ask },
  ]);
  expect(statuses(cancelled)).toEqual(['applied', 'applied']);
  expect(await client.batchGetOrdersByIds([bid, 'nobody'])).toMatchObject([
    { id: bid, status: 'cancelled', filledQuantity: '0.4' },
    null,
  ]);
  const lists = await client.batchGetUserOrders([buyer, seller], { statuses: ['cancelled'], fresh: true });
  expect(lists.map((list) => list.map(({ id }) => id))).toEqual([[bid], [ask]]);

  const paid = await client.batchWithdraw([{ id: 'out', userId: seller, currency: 'USD', amount: '9000' }]);
  expect(statuses(paid)).toEqual(['applied']);
  const passed = await client.batchTransfer([
    { id: 'gift', userId: seller, toUserId: buyer, currency: 'USD', amount: '1000' },
  ]);
  expect(statuses(passed)).toEqual(['applied']);
  const accounts = await client.batchGetAccounts([buyer, seller], ['BTC', 'USD']);
  expect(accounts.map((account) => account && `${account.available} / ${account.locked}`)).toEqual([
    '0.4 / 0',
    '21000 / 0',
    '0.6 / 0',
    '0 / 0',
  ]);
});

it('the client creates an order, updates its status and unlocks the funds locked for it', async () => {
  const { client, pincex } = service;
  const userId = await newUser(pincex, { USD: '100' });
  const id = fresh('order');
  const [book] = await client.batchGetOrderBooks(['BTC/USD'], 5);
  expect(book).toEqual({ symbol: 'BTC/USD', bids: [], asks: [] });
  const money = { userId, currency: 'USD', amount: '50', orderId: id };
  await client.batchLockFunds([{ ...money, id: 'lock' }]);
  const created = await client.batchCreateOrders([
    { id, userId, symbol: 'BTC/USD', side: 'buy', type: 'limit', quantity: '0.001', price: '50000' },
  ]);
  expect(created.results[0]).toMatchObject({ status: 'applied', data: { orderId: id, status: 'open' } });
  const unlocked = await client.batchUnlockFunds([{ ...money, id: 'unlock' }]);
  expect(unlocked.results[0]).toMatchObject({ status: 'applied', data: { available: '100', locked: '0' } });
  const ended = await client.batchUpdateOrderStatus([
    { id: 'end', userId, orderId: id, status: 'cancelled' },
  ]);
  expect(ended.results[0]).toMatchObject({ status: 'applied', data: { status: 'cancelled' } });
});

it('execute runs commands of several kinds in one batch', async () => {
  const userId = fresh('user');
  const batch = await service.client.execute([
    { command: 'deposit', id: 'in', userId, currency: 'USD', amount: '10' },
    { command: 'lockFunds', id: 'lock', userId, currency: 'USD', amount: '4', orderId: 'order-1' },
  ]);
  expect(batch).toMatchObject({ status: 'applied', counts: { applied: 2 } });
  expect(await funds(service.pincex, userId, 'USD')).toBe('6 / 4');
});

it('batchCreateAccounts opens an empty account, and opens it only once', async () => {
  const userId = fresh('user');
  const accounts = ['USD', 'nothing'].map((currency, n) => ({ id: `open-${n}`, userId, currency }));
  const created = await service.client.batchCreateAccounts(accounts);
  expect(created.results).toMatchObject([
    { status: 'applied', data: { available: '0', locked: '0', version: 0 } },
    { status: 'rejected', error: { code: 'unknown_currency' } },
  ]);
  expect(await service.client.batchGetAccounts([userId], ['USD'])).toMatchObject([{ balance: '0' }]);
  const again = await service.client.batchCreateAccounts(accounts);
  expect(again.results.map(({ status }) => status)).toEqual(['replayed', 'rejected']);
});

describe('the outcome of a batch', () => {
  it.each(['partial', 'atomic'] as const)(
    'getBatch returns the same result as the call that ran the batch: mode %s',
    async (mode) => {
      const userId = await newUser(service.pincex, { USD: '10' });
      const { items } = callOf(userId);
      const batchId = randomUUID();
      const sent = await service.client.execute(anyway<MixedItem[]>(items), { mode, batchId });
      expect(sent).toMatchObject({ batchId, status: mode === 'atomic' ? 'rejected' : 'partial' });
      expect(await service.client.getBatch(batchId)).toEqual(sent);
    },
  );

  it('after a lost answer getBatch finds the outcome by the batch id of the error', async () => {
    const userId = await newUser(service.pincex, { USD: '10' });
    const deaf = new PincexClient({
      url: service.url,
      key: service.key,
      maxRetries: 0,
      fetch: async (...call) => {
        await fetch(...call);
        throw new TypeError('Lost on its way');
      },
    });
    const failure: unknown = await deaf
      .batchWithdraw([{ id: 'out', userId, currency: 'USD', amount: '4' }])
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'network_error', batchId: expect.any(String) as string });
    const { batchId } = failure as PincexClientError;
    expect(await service.client.getBatch(batchId!)).toMatchObject({ batchId, status: 'applied' });
    expect(await funds(service.pincex, userId, 'USD')).toBe('6 / 0');
  });

  it('getBatch tells that a batch is running, and which items were applied when its run was interrupted', async () => {
    const userId = await newUser(service.pincex, { USD: '10' });
    const batchId = randomUUID();
    const { request, items } = callOf(userId, { batchId });
    const run = runOf(await new Requests(service.pincex).begin(sent(request)));
    expect(await service.client.getBatch(batchId)).toEqual({ batchId, status: 'running' });

    await service.pincex.execute(items, { batchId });
    await run.release();
    expect(await service.client.getBatch(batchId)).toEqual({
      batchId,
      status: 'interrupted',
      counts: { total: 2, applied: 1, appliedElsewhere: 0, notApplied: 1 },
      results: [
        { index: 0, id: 'lock-0', status: 'applied', data: { available: '6', locked: '4', version: 2 } },
        { index: 1, id: 'lock-1', status: 'not_applied' },
      ],
    });
  });

  it.each([randomUUID(), '../limits'])(
    'getBatch fails with not_found for an unknown batch id: %s',
    async (batchId) => {
      await expect(service.client.getBatch(batchId)).rejects.toMatchObject({
        code: 'not_found',
        status: 404,
      });
    },
  );
});

describe('an API key that may send two items a second', () => {
  const deposits = (count: number) =>
    Array.from({ length: count }, (_, n) => ({ id: `in-${n}`, userId, currency: 'USD', amount: '1' }));
  const userId = fresh('user');
  /** A client with an API key of its own, and the list of the statuses of its answers. */
  const limited = async (options: { maxRetries?: number } = {}) => {
    const keys = new ApiKeys(service.pincex.session);
    const { key } = await keys.create({ name: 'slow', scopes: ['funds:write'], rateLimit: 2 });
    return watched(key, options);
  };

  it('the client waits and sends a call again when the key has used up its rate limit', async () => {
    const { client, statuses } = await limited();
    holdClocks();
    await client.batchDeposit(deposits(2));
    const second = client.batchDeposit(deposits(2));
    await until('it to be refused', () => statuses.includes(429));
    await passWhile(second);
    expect(await second).toMatchObject({ counts: { total: 2 } });
    expect(statuses).toEqual([200, 429, 200]);
  });

  it('a client without retries fails a call with rate_limited when the key has used up its rate limit', async () => {
    const { client } = await limited({ maxRetries: 0 });
    holdClocks();
    const both = await Promise.allSettled([1, 2].map(() => client.batchDeposit(deposits(2))));
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(both.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { code: 'rate_limited', retryable: true, retryAfterMs: 1_000 },
    });
  });

  it('a call with more items than the rate limit ever allows fails at once and is not retryable', async () => {
    const { client } = await limited({ maxRetries: 0 });
    const three = client.batchDeposit(deposits(3));
    await expect(three).rejects.toMatchObject({ code: 'rate_limited', retryable: false, retryAfterMs: 0 });
  });

  it('a call outside the scopes of the key fails with forbidden and is not retryable', async () => {
    const { client } = await limited({ maxRetries: 0 });
    const forbidden = client.batchGetAccounts([userId], ['USD']);
    await expect(forbidden).rejects.toMatchObject({ code: 'forbidden', problem: { retryable: false } });
  });
});

it('a call with a key that is not valid fails with unauthorized', async () => {
  const client = new PincexClient({ url: service.url, key: service.key.replace(/.$/, '') });
  await expect(client.limits()).rejects.toMatchObject({
    code: 'unauthorized',
    status: 401,
    problem: { retryable: false },
  });
});

it('a call whose first attempt still runs waits for it and returns its answer', async () => {
  const userId = await newUser(service.pincex, { USD: '10' });
  const batchId = randomUUID();
  const { request, items } = callOf(userId, { batchId, caller: parseKey(service.key)!.id });
  const body = JSON.stringify({ items, batchId });
  const hash = requestHash(request.route, body);
  const idempotencyKey = randomUUID();
  const requests = new Requests(service.pincex);
  const run = runOf(await requests.begin(sent({ ...request, hash, key: idempotencyKey })));
  holdClocks();
  const { client, statuses } = watched(service.key);
  const answer = client.execute(anyway<MixedItem[]>(items), { batchId, idempotencyKey });
  await until('it to be told that it is under way', () => statuses.includes(409));
  await execute(service.pincex, run, [], { status: 200, body: '{"results":["before"]}' });
  await passWhile(answer);
  expect(await answer).toEqual({ results: ['before'] });
});

it('limits() returns how many items and bytes one call may have', async () => {
  expect(await service.client.limits()).toMatchObject({ batchItems: 10_000, bodyLimit: 8 * 1_048_576 });
});

it('a stream yields every row, and a second stream goes on after the cursor of a first one', async () => {
  const users = await Promise.all([1, 2, 3].map(() => newUser(service.pincex, { BTC: '1', USD: '2' })));
  const whole: string[] = [];
  for await (const { userId, currency, balance } of service.client.streamAccounts()) {
    whole.push(`${userId} ${currency} ${balance}`);
  }
  expect(whole).toEqual(expect.arrayContaining(users.map((userId) => `${userId} BTC 1`)));

  const first = service.client.streamAccounts();
  expect(first.cursor).toBeNull();
  const parts: string[] = [];
  for await (const { userId, currency, balance } of first) {
    parts.push(`${userId} ${currency} ${balance}`);
    if (parts.length === 3) break;
  }
  for await (const { userId, currency, balance } of service.client.streamAccounts({ after: first.cursor })) {
    parts.push(`${userId} ${currency} ${balance}`);
  }
  expect(parts).toEqual(whole);
});

it('the client streams as many orders, trades and journal rows as the engine does', async () => {
  const rows = async (stream: AsyncIterable<unknown>) => {
    let count = 0;
    for await (const row of stream) count += row === undefined ? 0 : 1;
    return count;
  };
  const { client, pincex } = service;
  expect(await rows(client.streamOrders())).toBe(await rows(pincex.streamOrders()));
  expect(await rows(client.streamTrades())).toBe(await rows(pincex.streamTrades()));
  const journal = await rows(client.streamJournal());
  expect(journal).toBe(await rows(pincex.streamJournal()));
  expect(journal).toBeGreaterThan(0);
});

it('a malformed item fails the call with the JSON pointer of the wrong field', async () => {
  const lock = { id: 'lock', userId: 'alice', currency: 'USD', orderId: 'order-1' };
  const sent = service.client.batchLockFunds([{ ...lock, amount: anyway<string>(0.1) }]);
  const error = await sent.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(PincexClientError);
  expect(error).toMatchObject({
    code: 'malformed_request',
    status: 400,
    retryable: false,
    problem: { retryable: false, errors: [{ pointer: '/items/0/amount' }] },
  });
});

it('a stream with an invalid cursor fails with invalid_argument', async () => {
  const stream = service.client.streamOrders({ after: 'nonsense' })[Symbol.asyncIterator]();
  await expect(stream.next()).rejects.toMatchObject({ code: 'invalid_argument', status: 400 });
});

it('a client whose URL has a path calls the service below that path', async () => {
  const client = new PincexClient({ url: `${service.url}/below/`, key: service.key });
  await expect(client.limits()).rejects.toMatchObject({
    code: 'not_found',
    message: 'There is no GET /below/v1/limits',
  });
});
