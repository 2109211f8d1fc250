import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { isFrom } from '../../../src/apiKeys/bounds.ts';
import { NAMING_FIELDS } from '../../../src/http/access/within.ts';
import { FEES, type ApiKeyOptions } from '../../../src/index.ts';
import { expectApplied, fresh, funds, newUser, useBooks } from '../../support/books.ts';
import { Contract, type JsonSchema, type OpenApi } from '../document/contract.ts';
import { useService, type Answer } from '../support.ts';

/** The bounds of a key beside its scopes: users, markets, accounts of the house, and the addresses that it may call from. */

const books = useBooks();
const service = useService(books);

interface Refused {
  readonly code: string;
  readonly detail: string;
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[];
}

type Call = <Body = Refused>(path: string, body: object) => Promise<Answer<Body>>;

/** Calls with a key that is made for the test. */
async function keyed(options: Omit<ApiKeyOptions, 'name'>): Promise<Call> {
  const { key } = await books.pincex.apiKeys.create({ name: 'bound', ...options });
  return (path, body) => service.post(path, body, { authorization: `Bearer ${key}` });
}

/** The call is refused for these places, and for nothing else. */
function expectOutside({ status, body }: Answer<Refused>, ...pointers: string[]): void {
  expect([status, body.code]).toEqual([403, 'forbidden']);
  expect(body.errors?.map(({ pointer }) => pointer)).toEqual(pointers);
  expect(body.detail).toContain(pointers[0]);
}

const money = (userId: string, more: object = {}) => ({
  id: fresh('m'),
  userId,
  currency: 'USD',
  amount: '1',
  ...more,
});
const order = (userId: string, more: object = {}) => ({
  id: fresh('o'),
  userId,
  symbol: 'BTC/USD',
  side: 'buy',
  type: 'limit',
  quantity: '1',
  price: '10',
  ...more,
});
const items = (...list: object[]) => ({ items: list });

describe('accounts of the house', () => {
  beforeAll(async () => {
    expectApplied(await books.pincex.bookkeeper.batchDeposit([{ ...money(FEES), amount: '100' }]));
  });

  it('a key without the scope house touches no account of the house, at whatever place of a call it stands', async () => {
    const userId = await newUser(books.pincex, { USD: '10' });
    const call = await keyed({ scopes: ['read', 'funds:write', 'orders:write'] });
    const before = await funds(books.pincex, FEES, 'USD');
    const refused = await call('/v1/funds/batch-withdraw', items(money(userId), money(FEES)));
    expectOutside(refused, '/items/1/userId');
    expect(refused.body.detail).toContain('takes the scope house: got "@fees"');
    for (const [path, item, field] of [
      ['/v1/funds/batch-transfer', money(FEES, { toUserId: userId }), 'userId'],
      ['/v1/funds/batch-transfer', money(userId, { toUserId: FEES }), 'toUserId'],
      ['/v1/funds/batch-deposit', money(FEES), 'userId'],
      ['/v1/funds/batch-lock', money(FEES, { orderId: 'o' }), 'userId'],
      ['/v1/orders/batch-place', order(FEES), 'userId'],
      ['/v1/batches', money(FEES, { command: 'withdraw' }), 'userId'],
    ] as const) {
      expectOutside(await call(path, items(item)), `/items/0/${field}`);
    }
    expect(await funds(books.pincex, FEES, 'USD')).toBe(before);
    expect(await funds(books.pincex, userId, 'USD')).toBe('10 / 0');
  });

  it.each([['house', 'funds:write'] as const, ['admin'] as const])(
    'a key with the scope %s touches accounts of the house',
    async (...scopes) => {
      const call = await keyed({ scopes });
      const { status, body } = await call<object>('/v1/funds/batch-withdraw', items(money(FEES)));
      expect([status, body]).toMatchObject([200, { status: 'applied' }]);
    },
  );

  it('a key with the scope house alone may make no call', async () => {
    const call = await keyed({ scopes: ['house'] });
    expect((await call('/v1/funds/batch-withdraw', items(money(FEES)))).body.code).toBe('forbidden');
  });
});

describe('a key that is bound to users', () => {
  it('a key that is bound to users touches and reads only those, and those whose ids have its prefix', async () => {
    const [alice, mallory] = [await newUser(books.pincex, { USD: '10' }), await newUser(books.pincex)];
    const prefix = fresh('desk');
    const call = await keyed({
      scopes: ['read', 'funds:write', 'orders:write'],
      users: [alice],
      userPrefix: prefix,
    });
    const paid = await call<object>(
      '/v1/funds/batch-transfer',
      items(money(alice, { toUserId: `${prefix}-1` })),
    );
    expect([paid.status, paid.body]).toMatchObject([200, { status: 'applied' }]);
    expectOutside(
      await call(
        '/v1/funds/batch-transfer',
        items(money(alice, { toUserId: mallory }), money(mallory, { toUserId: alice })),
      ),
      '/items/0/toUserId',
      '/items/1/userId',
    );
    const trade = { id: 't', symbol: 'BTC/USD', price: '1', quantity: '1', takerSide: 'buy' };
    const sides = { buyUserId: alice, buyOrderId: 'b', sellUserId: mallory, sellOrderId: 's' };
    expectOutside(
      await call('/v1/trades/batch-settle', items({ ...trade, ...sides })),
      '/items/0/sellUserId',
    );

    const get = '/v1/accounts/batch-get';
    expect((await call(get, { userIds: [alice, `${prefix}-1`], currencies: ['USD'] })).status).toBe(200);
    expectOutside(await call(get, { userIds: [alice, mallory], currencies: ['USD'] }), '/userIds/1');
    const statement = { accounts: [{ userId: mallory, currency: 'USD' }] };
    expectOutside(await call('/v1/accounts/statements/batch-get', statement), '/accounts/0/userId');
    expectOutside(await call('/v1/users/orders/batch-get', { userIds: [mallory] }), '/userIds/0');
    expectOutside(
      await call('/v1/orders/batch-get', {
        ids: [{ userId: alice, id: 'a' }, { userId: mallory, id: 'a' }, 'a'],
      }),
      '/ids/1/userId',
      '/ids/2',
    );
    expectOutside(await call('/v1/trades/batch-get', { orderIds: ['a'] }), '/orderIds/0');
    // Metadata is not compared with the bounds.
    const noted = money(alice, { metadata: { userId: mallory } });
    expect((await call('/v1/funds/batch-deposit', items(noted))).status).toBe(200);
  });

  it('a key that is bound to users gets nothing that tells of all users', async () => {
    const { key } = await books.pincex.apiKeys.create({ name: 'b', scopes: ['admin'], users: ['alice'] });
    const authorization = `Bearer ${key}`;
    for (const table of ['accounts', 'orders', 'trades', 'journal', 'operations'])
      expect((await service.get(`/v1/stream/${table}`, { authorization })).status).toBe(403);
    const open = await service.post('/v1/orders/open/batch-get', { symbols: ['BTC/USD'] }, { authorization });
    expect(open.status).toBe(403);
    const books_ = await service.post(
      '/v1/order-books/batch-get',
      { symbols: ['BTC/USD'] },
      { authorization },
    );
    expect(books_.status).toBe(200);
    const batchId = randomUUID();
    await service.post('/v1/batches', { items: [], batchId });
    expect((await service.get(`/v1/batches/${batchId}`)).status).toBe(200);
    expect((await service.get(`/v1/batches/${batchId}`, { authorization })).status).toBe(404);
  });
});

describe('a key that is bound to markets', () => {
  it('a key that is bound to markets touches only their orders, order books and currencies', async () => {
    const userId = await newUser(books.pincex, { USD: '100' });
    const [btc, eth] = [order(userId), order(userId, { symbol: 'ETH/USD' })];
    expectApplied(
      await books.pincex.execute([
        { command: 'placeOrder', ...btc },
        { command: 'placeOrder', ...eth },
      ] as never),
    );
    const call = await keyed({ scopes: ['admin'], markets: ['BTC/USD'] });

    expectOutside(
      await call('/v1/orders/batch-place', items(order(userId), order(userId, { symbol: 'ETH/USD' }))),
      '/items/1/symbol',
    );
    expectOutside(
      await call('/v1/funds/batch-deposit', items(money(userId, { currency: 'EUR' }))),
      '/items/0/currency',
    );
    expectOutside(
      await call('/v1/accounts/batch-get', { userIds: [userId], currencies: ['USD', 'ETH'] }),
      '/currencies/1',
    );
    expectOutside(await call('/v1/order-books/batch-get', { symbols: ['ETH/USD'] }), '/symbols/0');
    expectOutside(await call('/v1/users/orders/batch-get', { userIds: [userId] }), '/symbol');
    expect((await call('/v1/users/orders/batch-get', { userIds: [userId], symbol: 'BTC/USD' })).status).toBe(
      200,
    );
    const named = [btc, eth].map(({ id }) => ({ userId, id }));
    expectOutside(await call('/v1/orders/batch-get', { ids: named }), '/ids/1');
    expect((await call('/v1/orders/batch-get', { ids: named.slice(0, 1) })).status).toBe(200);
    expect((await call('/v1/trades/batch-get', { orderIds: named.slice(0, 1) })).status).toBe(200);
    expect((await service.get('/v1/stream/orders', { authorization: 'Bearer x' })).status).toBe(401);

    // An order that is named by its id alone shows its market only in the books.
    const cancels = items(
      { id: fresh('c'), userId, orderId: eth.id },
      { id: fresh('c'), userId, orderId: btc.id },
    );
    const { body } = await call<{ results: { status: string; error?: { code: string } }[] }>(
      '/v1/orders/batch-cancel',
      cancels,
    );
    expect(body.results.map(({ status, error }) => error?.code ?? status)).toEqual([
      'market_forbidden',
      'applied',
    ]);
    expect((await books.pincex.trading.getOrder({ userId, id: eth.id }))!.status).toBe('open');
  });
});

describe('a key that is bound to addresses', () => {
  it.each([
    [['127.0.0.0/8'], 200],
    [['10.0.0.0/8', '127.0.0.1'], 200],
    [['10.0.0.0/8', '::1'], 403],
  ])('a key with the addresses %j is answered %i from this machine', async (addresses, status) => {
    const call = await keyed({ scopes: ['read'], addresses });
    const answer = await call('/v1/order-books/batch-get', { symbols: ['BTC/USD'] });
    expect(answer.status).toBe(status);
    if (status === 403) expect(answer.body.detail).toBe('The key may not be used from 127.0.0.1');
  });

  it('the addresses of a key are looked through once for as long as the key is remembered', () => {
    const addresses = ['10.0.0.0/8', '127.0.0.1'];
    const lookedThrough = vi.spyOn(addresses, Symbol.iterator);
    expect(['127.0.0.1', '10.1.2.3', '127.0.0.2'].map((from) => isFrom(addresses, from))).toEqual([
      true,
      true,
      false,
    ]);
    expect(lookedThrough).toHaveBeenCalledTimes(1);
  });
});

describe('the fields of bodies', () => {
  it('every field of a body that names users, markets or currencies is compared with the bounds of the key', async () => {
    const document = (await (await fetch(`${service.url}/openapi.json`)).json()) as OpenApi;
    const { schemas } = document.components;
    const contract = await Contract.of(service.url, service.key);
    const names = new Set<string>();
    const visit = (schema: JsonSchema): void => {
      const { $ref, properties = {}, items, anyOf = [], oneOf = [] } = schema;
      const referred = $ref === undefined ? undefined : schemas[$ref.split('/').at(-1)!];
      for (const [name, inner] of Object.entries(properties)) {
        if (/user|symbol|market|currenc/i.test(name)) names.add(name);
        if (name !== 'metadata') visit(inner);
      }
      for (const inner of [referred, items, ...anyOf, ...oneOf]) if (inner !== undefined) visit(inner);
    };
    for (const { requestBody } of contract.operations)
      for (const { schema } of Object.values(requestBody?.content ?? {})) visit(schema);
    expect([...names].sort()).toEqual(Object.keys(NAMING_FIELDS).sort());
  });
});
