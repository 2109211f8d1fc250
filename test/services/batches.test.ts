import { describe, expect, it } from 'vitest';
import { limits, PincexError, type LockFunds } from '../../src/index.ts';
import {
  anyway,
  expectApplied,
  fresh,
  funds,
  newUser,
  openBooks,
  outcomes,
  useBooks,
} from '../support/books.ts';

/** Rules of every batch: its shape, its modes and groups, and the ids of its items. */

const books = useBooks();

function locks(userId: string, ...amounts: string[]): LockFunds[] {
  return amounts.map((amount, i) => ({ id: `l${i}`, userId, currency: 'USD', amount, orderId: `o${i}` }));
}

describe('a batch', () => {
  it('a batch returns one result for every item, in the order of the items, and the counts', async () => {
    const userId = await newUser(books.pincex, { USD: '100' });
    const items = [...locks(userId, '60', '50', '40'), anyway<LockFunds>(null)];
    const batch = await books.pincex.bookkeeper.batchLockFunds(items);
    expect(batch.batchId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    expect(batch).toMatchObject({
      mode: 'partial',
      status: 'partial',
      counts: { total: 4, applied: 2, rejected: 2, replayed: 0, skipped: 0 },
      successCount: 2,
      results: [
        { index: 0, id: 'l0', status: 'applied', data: { available: '40', locked: '60', version: 2 } },
        { index: 1, id: 'l1', status: 'rejected', error: { code: 'insufficient_funds', retryable: true } },
        { index: 2, id: 'l2', status: 'applied', data: { available: '0', locked: '100', version: 3 } },
        { index: 3, id: null, status: 'rejected', error: { code: 'invalid_item', retryable: false } },
      ],
    });
    expect([...batch.failedItems.keys()]).toEqual([1, 3]);
    expect(batch.durationMs).toBeGreaterThan(0);
    expect(batch.durationMs).toBe(Math.round(batch.durationMs * 100) / 100);
    expect(JSON.parse(JSON.stringify(batch))).toMatchObject({ failedItems: { 1: batch.failedItems.get(1) } });
    for (const result of batch.results) expect('data' in result).toBe(result.status !== 'rejected');
    expect(await funds(books.pincex, userId, 'USD')).toBe('0 / 100');
  });

  it('a batch of no items is applied and has no results', async () => {
    const batch = await books.pincex.bookkeeper.batchDeposit([]);
    expect(batch).toMatchObject({ status: 'applied', counts: { total: 0 }, results: [], successCount: 0 });
  });

  it.each([limits.batches.items + 1, 1_000_000])(
    'a batch of %i items is refused before anything runs',
    async (count) => {
      const userId = fresh('user');
      const items = new Array(count).fill({ id: 'd', userId, currency: 'USD', amount: '1' });
      await expect(books.pincex.bookkeeper.batchDeposit(items)).rejects.toMatchObject({
        code: 'batch_too_large',
        retryable: false,
      });
      expect(await funds(books.pincex, userId, 'USD')).toBe('none');
    },
  );

  it('a batch with the largest allowed number of items runs', async () => {
    const userId = fresh('user');
    const items = Array.from({ length: limits.batches.items }, (_, i) => {
      return { id: `d${i}`, userId, currency: 'USD', amount: '1' };
    });
    expectApplied(await books.pincex.bookkeeper.batchDeposit(items));
    expect(await funds(books.pincex, userId, 'USD')).toBe('10000 / 0');
  });

  it.each([null, undefined, {}, 'items', 7, new Set()])(
    'a batch that is not an array is refused: %s',
    async (items) => {
      const call = books.pincex.bookkeeper.batchDeposit(anyway(items));
      await expect(call).rejects.toBeInstanceOf(PincexError);
      await expect(call).rejects.toMatchObject({ code: 'invalid_batch' });
    },
  );

  it.each(['all', '', null, 1])('a batch with an unknown mode is refused: %s', async (mode) => {
    const userId = await newUser(books.pincex, { USD: '1' });
    const call = books.pincex.bookkeeper.batchLockFunds(locks(userId, '1'), { mode: anyway(mode) });
    await expect(call).rejects.toMatchObject({ code: 'invalid_batch' });
    expect(await funds(books.pincex, userId, 'USD')).toBe('1 / 0');
  });

  it('each hole in the array of items has a result of its own', async () => {
    const userId = await newUser(books.pincex, { USD: '10' });
    const items = new Array<LockFunds>(3);
    items[1] = locks(userId, '1')[0]!;
    expect(outcomes(await books.pincex.bookkeeper.batchLockFunds(items))).toEqual([
      'invalid_item',
      'applied',
      'invalid_item',
    ]);
  });

  it('an id may be any text: quotes, backslashes, blanks, any language, up to 128 characters', async () => {
    for (const id of [
      '"',
      '\\',
      "'",
      '{}',
      ',',
      ' ',
      'NULL',
      '日本 😀 é',
      'ﬁ',
      'x'.repeat(128),
      '\u200b',
      '\u2028',
    ]) {
      // Invisible characters are refused in the id of a new user.
      const userId = `u${/[\u200b\u2028]/.test(id) ? '' : id.slice(0, 100)}${fresh('')}`;
      const item = { id, userId, currency: 'USD', amount: '1' };
      const items = { ...item, reference: id };
      expect(await books.pincex.bookkeeper.deposit(items)).toMatchObject({ id, status: 'applied' });
      expect(await books.pincex.bookkeeper.deposit(items)).toMatchObject({ id, status: 'replayed' });
      expect(
        await books.pincex.bookkeeper.lockFunds({ ...item, id: `${id.slice(0, 100)}-2`, orderId: id }),
      ).toMatchObject({
        status: 'applied',
      });
      const [row] = await books.sql<{ order_id: string }>('SELECT order_id FROM holds WHERE user_id = $1', [
        userId,
      ]);
      expect(row!.order_id).toBe(id);
      expect((await books.pincex.bookkeeper.getAccount(userId, 'USD'))!.userId).toBe(userId);
    }
  });

  it('an amount of 30 digits and 18 decimals keeps every digit', async () => {
    const userId = fresh('user');
    const amount = `${'9'.repeat(30)}.${'9'.repeat(18)}`;
    await books.pincex.bookkeeper.deposit({ id: 'd', userId, currency: 'ETH', amount });
    expect(await funds(books.pincex, userId, 'ETH')).toBe(`${amount} / 0`);
    const one = { userId, currency: 'ETH', amount: '0.000000000000000001', orderId: 'o', id: 'l' };
    await books.pincex.bookkeeper.lockFunds(one);
    expect(await funds(books.pincex, userId, 'ETH')).toBe(`${amount.slice(0, -1)}8 / 0.000000000000000001`);
  });
});

describe('the mode of a batch', () => {
  it('in mode partial, a rejected item leaves nothing behind and does not block a later, smaller one', async () => {
    const userId = await newUser(books.pincex, { USD: '100' });
    const batch = await books.pincex.bookkeeper.batchLockFunds(locks(userId, '101', '100'));
    expect(outcomes(batch)).toEqual(['insufficient_funds', 'applied']);
    expect(await funds(books.pincex, userId, 'USD')).toBe('0 / 100');
  });

  it('in mode stop_on_error, the items before the first rejected one are kept and the rest is skipped', async () => {
    const userId = await newUser(books.pincex, { USD: '100' });
    const options = { mode: 'stop_on_error' } as const;
    const batch = await books.pincex.bookkeeper.batchLockFunds(locks(userId, '10', '101', '10'), options);
    expect(outcomes(batch)).toEqual(['applied', 'insufficient_funds', 'skipped']);
    expect(batch.counts).toEqual({ total: 3, applied: 1, rejected: 1, replayed: 0, skipped: 1 });
    expect(batch.results[2]).toEqual({ index: 2, id: 'l2', status: 'skipped' });
    expect(await funds(books.pincex, userId, 'USD')).toBe('90 / 10');
  });

  it('in mode atomic, either all items are applied or none', async () => {
    const userId = await newUser(books.pincex, { USD: '100' });
    const options = { mode: 'atomic' } as const;
    const failed = await books.pincex.bookkeeper.batchLockFunds(locks(userId, '10', '101', '10'), options);
    expect(failed.status).toBe('rejected');
    expect(outcomes(failed)).toEqual(['group_failed', 'insufficient_funds', 'group_failed']);
    expect(await funds(books.pincex, userId, 'USD')).toBe('100 / 0');
    expectApplied(await books.pincex.bookkeeper.batchLockFunds(locks(userId, '10', '80', '10'), options));
    expect(await funds(books.pincex, userId, 'USD')).toBe('0 / 100');
  });
});

describe('a group', () => {
  it('an item that an earlier batch applied is replayed, also in a group that fails', async () => {
    const userId = await newUser(books.pincex, { USD: '100' });
    const [first] = locks(userId, '10');
    expectApplied(await books.pincex.bookkeeper.batchLockFunds([first!]));
    const again = [
      first!,
      { ...first!, id: 'other', amount: '1000' },
      { ...first!, id: 'third', amount: '1' },
    ];
    const batch = await books.pincex.bookkeeper.batchLockFunds(again, { mode: 'atomic' });
    expect(outcomes(batch)).toEqual(['replayed', 'insufficient_funds', 'group_failed']);
    expect(await funds(books.pincex, userId, 'USD')).toBe('90 / 10');
  });

  it('a group takes effect as a whole at the place of its first item', async () => {
    const userId = await newUser(books.pincex, { USD: '100' });
    const [a, b, c] = locks(userId, '60', '60', '40');
    const items = [{ ...a!, group: 'g' }, b!, { ...c!, group: 'g' }];
    // The third item comes with the first, before the second: it takes what the second would have needed.
    expect(outcomes(await books.pincex.bookkeeper.batchLockFunds(items))).toEqual([
      'applied',
      'insufficient_funds',
      'applied',
    ]);
  });

  it('a group with a failed item leaves nothing behind, and the items around it are applied', async () => {
    const userId = await newUser(books.pincex, { USD: '100' });
    const [a, b, c, d] = locks(userId, '10', '20', '1000', '30');
    const items = [a!, { ...b!, group: 'g' }, { ...c!, group: 'g' }, d!];
    expect(outcomes(await books.pincex.bookkeeper.batchLockFunds(items))).toEqual([
      'applied',
      'group_failed',
      'insufficient_funds',
      'applied',
    ]);
    expect(await funds(books.pincex, userId, 'USD')).toBe('60 / 40');
    // A failed group uses up no ids: they may be sent again.
    expect(outcomes(await books.pincex.bookkeeper.batchLockFunds([b!]))).toEqual(['applied']);
  });
});

describe('the id of an item', () => {
  it('an item sent again with the same content is replayed with its first outcome, whatever came between', async () => {
    const userId = await newUser(books.pincex, { USD: '100' });
    const [first] = locks(userId, '10');
    const { results } = await books.pincex.bookkeeper.batchLockFunds([first!]);
    await books.pincex.bookkeeper.batchDeposit([{ id: 'more', userId, currency: 'USD', amount: '5' }]);
    // `10.00` and `10` are the same amount and therefore the same content.
    const again = await books.pincex.bookkeeper.batchLockFunds([{ ...first!, amount: '10.00' }]);
    expect(again.results[0]).toEqual({ ...results[0], status: 'replayed' });
    expect(again.status).toBe('applied');
    expect(await funds(books.pincex, userId, 'USD')).toBe('95 / 10');
  });

  it('an item repeated in one batch is replayed, and with other content refused as id_reused', async () => {
    const userId = await newUser(books.pincex, { USD: '100' });
    const [first] = locks(userId, '10');
    const items = [first!, first!, { ...first!, amount: '11' }];
    const batch = await books.pincex.bookkeeper.batchLockFunds(items);
    expect(outcomes(batch)).toEqual(['applied', 'replayed', 'id_reused']);
    expect(batch.counts).toEqual({ total: 3, applied: 1, replayed: 1, rejected: 1, skipped: 0 });
    expect(await funds(books.pincex, userId, 'USD')).toBe('90 / 10');
  });

  it('two users may use the same id', async () => {
    const [ann, bob] = [await newUser(books.pincex, { USD: '5' }), await newUser(books.pincex, { USD: '5' })];
    expectApplied(await books.pincex.bookkeeper.batchLockFunds([...locks(ann, '1'), ...locks(bob, '1')]));
  });

  it('the id of a rejected item stays free: the same item may succeed later', async () => {
    const userId = await newUser(books.pincex, { USD: '1' });
    const [big] = locks(userId, '2');
    expect(outcomes(await books.pincex.bookkeeper.batchLockFunds([big!]))).toEqual(['insufficient_funds']);
    await books.pincex.bookkeeper.batchDeposit([{ id: 'more', userId, currency: 'USD', amount: '1' }]);
    expect(outcomes(await books.pincex.bookkeeper.batchLockFunds([big!]))).toEqual(['applied']);
  });
});

it('a Pincex that closes finishes the calls in flight, and then refuses new ones as closed', async () => {
  const other = await openBooks(books.url);
  const userId = await newUser(other, { USD: '10' });
  await other.bookkeeper.getAccount(userId, 'USD');
  const underWay = other.bookkeeper.batchLockFunds(locks(userId, '1', '2', '3'));
  await Promise.all([other.close(), other.close()]);
  expectApplied(await underWay);
  await expect(other.bookkeeper.getAccount(userId, 'USD')).rejects.toMatchObject({ code: 'closed' });
  await expect(other.bookkeeper.batchLockFunds(locks(userId, '4'))).rejects.toMatchObject({ code: 'closed' });
});
