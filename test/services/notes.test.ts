import { beforeAll, describe, expect, it } from 'vitest';
import {
  FEES,
  limits,
  OUTSIDE,
  type ItemErrorCode,
  type MixedItem,
  type OperationView,
} from '../../src/index.ts';
import { anyway, expectApplied, fresh, newUser, outcomes, useBooks } from '../support/books.ts';
import { take } from '../streams/tables.ts';

/** The reason and the metadata of an item, the statement of an account, and the actor of a batch. */

const books = useBooks();

const reason = 'order_placement';
const metadata = { ticket: 'T-17', tags: ['vip', null], nested: { b: 1, a: true } };
const note = { reason, metadata };

const lock = (userId: string, more: object = note) =>
  ({ id: fresh('lock'), userId, currency: 'USD', amount: '1', orderId: fresh('order'), ...more }) as const;

async function operationsOf(userId: string): Promise<OperationView[]> {
  const all = await take(books.pincex.streamOperations());
  return all.filter((operation) => operation.userId === userId);
}

describe('the reason and the metadata of an item', () => {
  it('the reason and the metadata are returned in the account statement, the journal and the operations', async () => {
    const userId = await newUser(books.pincex, { USD: '10' });
    const item = lock(userId);
    expectApplied(await books.pincex.bookkeeper.batchLockFunds([item, lock(userId, {})]));
    const statement = await books.pincex.bookkeeper.getAccountStatement(userId, 'USD');
    expect(statement).toMatchObject([
      { version: 3, reason: null, metadata: null },
      { version: 2, operationId: item.id, reason, metadata },
      { version: 1, operationType: 'deposit', reason: null, metadata: null },
    ]);
    const journal = await take(books.pincex.streamJournal());
    expect(journal.filter((entry) => entry.userId === userId).reverse()).toEqual(statement);
    const noted = (await operationsOf(userId)).filter(({ id }) => id === item.id);
    expect(noted).toMatchObject([{ kind: 'funds', type: 'lockFunds', ...note }]);
  });

  it('the reason and the metadata stand in every entry of the item, also in those of the counterparty and of the fees', async () => {
    const [buyer, seller] = [
      await newUser(books.pincex, { USD: '10' }),
      await newUser(books.pincex, { BTC: '1' }),
    ];
    const order = { symbol: 'BTC/USD', type: 'limit', quantity: '1', price: '10' } as const;
    const [buy, sell, id] = [fresh('buy'), fresh('sell'), fresh('trade')];
    const { results } = await books.pincex.execute([
      { command: 'deposit', id: fresh('in'), userId: buyer, currency: 'USD', amount: '5', ...note },
      { command: 'placeOrder', id: buy, userId: buyer, side: 'buy', ...order, ...note },
      { command: 'placeOrder', id: sell, userId: seller, side: 'sell', ...order, reason: 'other' },
      {
        command: 'settleTrade',
        id,
        symbol: 'BTC/USD',
        price: '10',
        quantity: '1',
        ...{ buyUserId: buyer, buyOrderId: buy, sellUserId: seller, sellOrderId: sell },
        takerSide: 'buy',
        sellFee: '1',
        metadata: { venue: 'book-1' },
      },
    ]);
    expect(results.map(({ status }) => status)).toEqual(Array(4).fill('applied'));
    const entries = await books.sql<{ user_id: string; reason: string | null; metadata: unknown }>(
      'SELECT user_id, reason, metadata FROM journal WHERE operation_id = $1 ORDER BY user_id',
      [id],
    );
    const users = new Set(entries.map(({ user_id: user }) => user));
    expect(users).toEqual(new Set([FEES, buyer, seller]));
    for (const entry of entries) expect(entry).toMatchObject({ reason: null, metadata: { venue: 'book-1' } });
    const [outside] = await books.pincex.bookkeeper.batchGetAccountStatements(
      [{ userId: OUTSIDE, currency: 'USD' }],
      { limit: 1 },
    );
    expect(outside).toMatchObject([{ operationType: 'deposit', ...note }]);
    const traded = (await operationsOf(seller)).filter(({ kind }) => kind === 'trade');
    expect(traded).toMatchObject([{ id, reason: null, metadata: { venue: 'book-1' } }]);
  });

  it('a refused item, and an item beside it in a failed group, leave no reason and no metadata', async () => {
    const userId = await newUser(books.pincex, { USD: '1' });
    const group = 'g';
    const batch = await books.pincex.bookkeeper.batchLockFunds([
      { ...lock(userId), group },
      { ...lock(userId), amount: '9', group },
      lock(userId, {}),
    ]);
    expect(outcomes(batch)).toEqual(['group_failed', 'insufficient_funds', 'applied']);
    const statement = await books.pincex.bookkeeper.getAccountStatement(userId, 'USD');
    expect(statement).toMatchObject([{ reason: null, metadata: null }, {}]);
    expect(statement).toHaveLength(2);
  });

  it('the reason and the metadata are content: an item is replayed with the same ones in any order of names, and refused with others', async () => {
    const userId = await newUser(books.pincex, { USD: '10' });
    const item = lock(userId);
    const again = (more: object) => books.pincex.bookkeeper.lockFunds({ ...item, ...more });
    expect(await again({})).toMatchObject({ status: 'applied' });
    const turned = { nested: { a: true, b: 1 }, tags: ['vip', null], ticket: 'T-17', left: undefined };
    expect(await again({ metadata: turned })).toMatchObject({ status: 'replayed' });
    for (const other of [
      { reason: 'other' },
      { reason: null },
      { reason: undefined },
      { metadata: null },
      { metadata: {} },
      { metadata: { ...metadata, tags: [null, 'vip'] } },
      { metadata: { ...metadata, ticket: 'T-18' } },
      { metadata: { ...metadata, nested: { a: 'true', b: 1 } } },
    ]) {
      expect(await again(other)).toMatchObject({ status: 'rejected', error: { code: 'id_reused' } });
    }
  });

  it('an absent, an undefined and a null reason or metadata are the same content', async () => {
    const userId = await newUser(books.pincex, { USD: '10' });
    const item = lock(userId, {});
    expect(await books.pincex.bookkeeper.lockFunds(item)).toMatchObject({ status: 'applied' });
    for (const more of [
      { reason: null, metadata: null },
      { reason: undefined, metadata: undefined },
    ]) {
      const again = await books.pincex.bookkeeper.lockFunds({ ...item, ...more });
      expect(again).toMatchObject({ status: 'replayed' });
    }
  });

  it('a reason and metadata of exactly the largest size are stored, in any script', async () => {
    const userId = await newUser(books.pincex, { USD: '10' });
    const largest = { text: 'ä'.repeat((limits.books.metadataBytes - '{"text":""}'.length) / 2) };
    const longest = '支付'.repeat(limits.books.reasonLength / 2);
    expectApplied(
      await books.pincex.bookkeeper.batchLockFunds([lock(userId, { reason: longest, metadata: largest })]),
    );
    const [entry] = await books.pincex.bookkeeper.getAccountStatement(userId, 'USD', { limit: 1 });
    expect(entry).toMatchObject({ reason: longest, metadata: largest });
  });

  it('metadata keep every number, text and name as they were', async () => {
    const userId = await newUser(books.pincex, { USD: '10' });
    const odd = {
      numbers: [0.1, 1e21, 5e-324, Number.MAX_VALUE, -7, Number.MAX_SAFE_INTEGER],
      texts: ['', '"\\', '\u001f\u2028', '😀', '{"a":1}', "'; DROP TABLE journal; --"],
      ['__proto__x']: 1,
      '': null,
    };
    expectApplied(await books.pincex.bookkeeper.batchLockFunds([lock(userId, { metadata: odd })]));
    const [entry] = await books.pincex.bookkeeper.getAccountStatement(userId, 'USD', { limit: 1 });
    expect(entry?.metadata).toEqual(odd);
  });

  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;
  const deep = JSON.parse(`${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`) as unknown;
  const throwing = {
    get text(): string {
      throw new Error('not now');
    },
  };
  let asked = 0;
  const changing = {
    get n() {
      return ++asked;
    },
  };
  it.each<[string, object, ItemErrorCode, string]>([
    ['an empty reason', { reason: '' }, 'invalid_reason', 'got ""'],
    ['a long reason', { reason: 'x'.repeat(201) }, 'invalid_reason', 'of 1 to 200 characters'],
    ['a reason of two lines', { reason: 'a\nb' }, 'invalid_reason', 'without control characters'],
    ['a lone surrogate in a reason', { reason: '\ud800' }, 'invalid_reason', 'reason must be a text'],
    ['a number for a reason', { reason: 5 }, 'invalid_reason', 'got 5 (a number)'],
    ['a text for metadata', { metadata: '{}' }, 'invalid_metadata', 'metadata must be an object: got "{}"'],
    ['a list for metadata', { metadata: [] }, 'invalid_metadata', 'got an array'],
    [
      'a Date in metadata',
      { metadata: { at: new Date(0) } },
      'invalid_metadata',
      'metadata.at must be a text',
    ],
    ['a Map for metadata', { metadata: new Map() }, 'invalid_metadata', 'must be an object'],
    [
      'a bigint in metadata',
      { metadata: { a: [1n] } },
      'invalid_metadata',
      'metadata.a[0] must be a text, a finite number',
    ],
    ['a NaN in metadata', { metadata: { a: NaN } }, 'invalid_metadata', 'got NaN'],
    ['a function in metadata', { metadata: { toJSON: () => 'x' } }, 'invalid_metadata', 'metadata.toJSON'],
    ['a NUL in a text of metadata', { metadata: { a: 'x\0' } }, 'invalid_metadata', 'without U+0000'],
    ['a NUL in a name of metadata', { metadata: { 'x\0': 1 } }, 'invalid_metadata', 'without U+0000'],
    ['a lone surrogate in metadata', { metadata: { a: '\udc00' } }, 'invalid_metadata', 'well-formed'],
    [
      'a metadata object of too many characters',
      { metadata: { a: 'x'.repeat(4_089) } },
      'invalid_metadata',
      'at most 4096 bytes',
    ],
    [
      'a metadata object of too many bytes',
      { metadata: { a: 'ä'.repeat(2_100) } },
      'invalid_metadata',
      'at most 4096 bytes',
    ],
    [
      'a list of a billion holes in metadata',
      { metadata: { a: new Array(1e9) } },
      'invalid_metadata',
      'at most 4096 bytes',
    ],
    ['a cycle in metadata', { metadata: cycle }, 'invalid_metadata', 'at most 4096 bytes'],
    [
      'a metadata object that is nested too deep',
      { metadata: deep },
      'invalid_metadata',
      'at most 4096 bytes',
    ],
    [
      'a getter in metadata that throws',
      { metadata: throwing },
      'invalid_metadata',
      'cannot be read: not now',
    ],
  ])('%s is refused, and the item beside it is applied', async (_, more, code, says) => {
    const userId = await newUser(books.pincex, { USD: '10' });
    const batch = await books.pincex.bookkeeper.batchLockFunds([anyway(lock(userId, more)), lock(userId)]);
    expect(outcomes(batch)).toEqual([code, 'applied']);
    expect(batch.failedItems.get(0)?.message).toContain(says);
  });

  it('a getter in metadata is asked once', async () => {
    const userId = await newUser(books.pincex, { USD: '10' });
    await books.pincex.bookkeeper.batchLockFunds([lock(userId, { metadata: changing })]);
    expect(asked).toBe(1);
  });

  it('every command of a user takes a reason and metadata', async () => {
    const userId = fresh('user');
    const order = {
      userId,
      symbol: 'BTC/USD',
      side: 'buy',
      type: 'limit',
      quantity: '1',
      price: '1',
      ...note,
    } as const;
    const money = { userId, currency: 'USD', ...note };
    const [created, placed, hold] = [fresh('created'), fresh('placed'), fresh('hold')];
    const items: MixedItem[] = [
      { command: 'createAccount', id: fresh('a'), ...money },
      { command: 'deposit', id: fresh('d'), ...money, amount: '9' },
      { command: 'withdraw', id: fresh('w'), ...money, amount: '1' },
      { command: 'transfer', id: fresh('t'), ...money, amount: '1', toUserId: fresh('user') },
      { command: 'lockFunds', id: fresh('l'), ...money, amount: '1', orderId: hold },
      { command: 'unlockFunds', id: fresh('u'), ...money, amount: '1', orderId: hold },
      { command: 'createOrder', id: created, ...order },
      { command: 'placeOrder', id: placed, ...order },
      {
        command: 'updateOrderStatus',
        id: fresh('s'),
        userId,
        orderId: created,
        status: 'cancelled',
        ...note,
      },
      { command: 'cancelOrder', id: fresh('c'), userId, orderId: placed, ...note },
    ];
    expectApplied(await books.pincex.execute(items));
    for (const operation of await operationsOf(userId)) expect(operation).toMatchObject(note);
  });
});

describe('the statement of an account', () => {
  let userId: string;
  beforeAll(async () => {
    userId = await newUser(books.pincex, { USD: '100', BTC: '1' });
    expectApplied(await books.pincex.bookkeeper.batchLockFunds([1, 2, 3, 4].map(() => lock(userId))));
  });
  const versions = (entries: readonly { readonly version: number }[]) =>
    entries.map(({ version }) => version);

  it('a statement comes newest first, and a page goes on where the last one ended', async () => {
    const { bookkeeper } = books.pincex;
    const first = await bookkeeper.getAccountStatement(userId, 'USD', { limit: 2 });
    expect(versions(first)).toEqual([5, 4]);
    const before = first.at(-1)!.version;
    expect(versions(await bookkeeper.getAccountStatement(userId, 'USD', { before }))).toEqual([3, 2, 1]);
    expect(await bookkeeper.getAccountStatement(userId, 'USD', { before: 1 })).toEqual([]);
  });

  it('statements of many accounts come in the order asked for, empty where there is no account', async () => {
    const statements = await books.pincex.bookkeeper.batchGetAccountStatements(
      [
        { userId, currency: 'BTC' },
        { userId: 'nobody', currency: 'USD' },
        { userId, currency: 'USD', before: 3 },
        { userId, currency: 'BTC' },
      ],
      { limit: 1, fresh: true },
    );
    expect(statements.map(versions)).toEqual([[1], [], [2], [1]]);
    expect(statements[2]).toMatchObject([{ userId, currency: 'USD' }]);
  });

  it.each([
    ['a text for the accounts', anyway('u'), 'accounts must be an array'],
    ['a text for one account', [anyway('u')], 'accounts[0] must be { userId, currency, before }'],
    ['an account without a currency', [anyway({ userId: 'u' })], 'accounts[0].currency must be a text'],
    [
      'an account with an unknown field',
      [anyway({ userId: 'u', currency: 'USD', after: 1 })],
      '"after" is not a field',
    ],
    ['a negative version', [{ userId: 'u', currency: 'USD', before: -1 }], 'accounts[0].before'],
  ])('a statement request with %s is refused', async (_, accounts, says) => {
    const read = books.pincex.bookkeeper.batchGetAccountStatements(anyway(accounts));
    await expect(read).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringContaining(says) as string,
    });
  });

  it('a statement request with a limit beyond the bound, an unknown option or an unknown currency is refused', async () => {
    const { bookkeeper } = books.pincex;
    const ask = (options: object, currency = 'USD') =>
      bookkeeper.getAccountStatement(userId, currency, anyway(options));
    await expect(ask({ limit: 1_001 })).rejects.toThrow('limit must be 1 to 1000');
    await expect(ask({ offset: 1 })).rejects.toThrow('"offset" is not an option of getAccountStatement');
    await expect(ask({ fresh: 'yes' })).rejects.toThrow('fresh must be true or false');
    await expect(ask({}, 'usd')).rejects.toMatchObject({ code: 'unknown_currency' });
  });
});

describe('the actor of a batch', () => {
  it('the actor is stored with each operation of the batch, and is no part of the content', async () => {
    const userId = await newUser(books.pincex, { USD: '10' });
    const [one, other] = [lock(userId), lock(userId)];
    const send = (actor?: string) => books.pincex.bookkeeper.batchLockFunds([one, other], { actor });
    expectApplied(await send('alice@example.com'));
    expect(outcomes(await send('bob'))).toEqual(['replayed', 'replayed']);
    expect(outcomes(await send())).toEqual(['replayed', 'replayed']);
    const [deposit, ...locks] = (await operationsOf(userId)).sort((a, b) => (a.type < b.type ? -1 : 1));
    expect(deposit).toMatchObject({ type: 'deposit', actor: null });
    expect(locks.map(({ actor }) => actor)).toEqual(['alice@example.com', 'alice@example.com']);
  });

  it('the actor of a single item and of a batch in a transaction is stored too', async () => {
    const userId = await newUser(books.pincex, { USD: '10' });
    await books.pincex.bookkeeper.lockFunds(lock(userId), { actor: 'carol' });
    await books.pincex.transaction(({ bookkeeper }) =>
      bookkeeper.batchLockFunds([lock(userId)], { actor: 'dave' }),
    );
    const locks = (await operationsOf(userId)).filter(({ kind }) => kind === 'funds');
    expect(locks.map(({ actor }) => actor).sort()).toEqual(['carol', 'dave']);
  });

  it('the actor of a swept hold is @sweeper', async () => {
    const userId = await newUser(books.pincex, { USD: '10' });
    const expiresAt = '2020-01-01T00:00:00Z';
    expectApplied(await books.pincex.bookkeeper.batchLockFunds([lock(userId, { expiresAt })]));
    await books.pincex.sweepExpired();
    const expired = (await operationsOf(userId)).filter(({ type }) => type === 'expireHold');
    expect(expired).toMatchObject([{ actor: '@sweeper', reason: null, metadata: null }]);
  });

  it.each(['', '@me', '@sweeper', 'a\nb', 'x'.repeat(129), 5, null])(
    'the actor %j is refused',
    async (actor) => {
      const send = books.pincex.bookkeeper.batchDeposit([], { actor: anyway(actor) });
      await expect(send).rejects.toMatchObject({ code: 'invalid_batch', message: /^actor must be a text/ });
    },
  );
});
