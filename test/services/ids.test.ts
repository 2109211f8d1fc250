import { describe, expect, it } from 'vitest';
import type { MixedItem, OrderKey, PlaceOrder } from '../../src/index.ts';
import { expectApplied, fresh, newUser, outcomes, useBooks } from '../support/books.ts';

/** An id names one row of its kind and of one user. */

const books = useBooks();

const order = (id: string, userId: string, side: 'buy' | 'sell' = 'buy'): PlaceOrder => ({
  id,
  userId,
  symbol: 'BTC/USD',
  side,
  type: 'limit',
  quantity: '1',
  price: '10',
});

describe('two users with orders of the same id', () => {
  async function twoOrders(): Promise<{ id: string; ann: string; bob: string }> {
    const id = fresh('order');
    const ann = await newUser(books.pincex, { USD: '100' });
    const bob = await newUser(books.pincex, { BTC: '100' });
    expectApplied(await books.pincex.trading.batchPlaceOrders([order(id, ann), order(id, bob, 'sell')]));
    return { id, ann, bob };
  }

  it('each user’s order is found by user and id', async () => {
    const { id, ann, bob } = await twoOrders();
    const { trading } = books.pincex;
    expect(await trading.getOrder({ userId: ann, id })).toMatchObject({ userId: ann, id, side: 'buy' });
    expect(await trading.getOrder({ userId: bob, id })).toMatchObject({ userId: bob, id, side: 'sell' });
    const keys = [{ userId: bob, id }, { userId: ann, id }, { userId: fresh('nobody'), id }, fresh('none')];
    const found = await trading.batchGetOrdersByIds(keys);
    expect(found.map((one) => one?.userId ?? null)).toEqual([bob, ann, null, null]);
  });

  it('a read by the shared id alone is refused as ambiguous_id, and names the key to ask by', async () => {
    const { id } = await twoOrders();
    const { trading } = books.pincex;
    for (const read of [trading.getOrder(id), trading.batchGetOrdersByIds([id])]) {
      await expect(read).rejects.toMatchObject({ code: 'ambiguous_id', retryable: false });
      await expect(read).rejects.toThrow('{ userId, id }');
    }
  });

  it('trades are found by user and order id, and a read by the shared order id alone is refused', async () => {
    const { id, ann, bob } = await twoOrders();
    const { trading } = books.pincex;
    const sides = { buyUserId: ann, buyOrderId: id, sellUserId: bob, sellOrderId: id };
    const trade = {
      id: 't',
      symbol: 'BTC/USD',
      price: '10',
      quantity: '1',
      takerSide: 'buy',
      ...sides,
    } as const;
    expectApplied(await trading.batchSettleTrades([trade]));
    const lists = await trading.batchGetTradesByOrderIds([
      { userId: bob, id },
      { userId: ann, id },
      { userId: fresh('nobody'), id },
    ]);
    expect(lists.map((list) => list.map(({ userId, side }) => `${userId} ${side}`))).toEqual([
      [`${bob} sell`],
      [`${ann} buy`],
      [],
    ]);
    await expect(trading.batchGetTradesByOrderIds([id])).rejects.toMatchObject({ code: 'ambiguous_id' });
  });

  it('trades by a shared order id alone are refused also when only one of the orders has trades', async () => {
    const { id, ann } = await twoOrders();
    const { trading } = books.pincex;
    const seller = await newUser(books.pincex, { BTC: '1' });
    const sell = order(fresh('sell'), seller, 'sell');
    expectApplied(await trading.batchPlaceOrders([sell]));
    const sides = { buyUserId: ann, buyOrderId: id, sellUserId: seller, sellOrderId: sell.id };
    const trade = { id: 't', symbol: 'BTC/USD', price: '10', quantity: '1', takerSide: 'buy' } as const;
    expectApplied(await trading.batchSettleTrades([{ ...trade, ...sides }]));
    expect((await trading.batchGetTradesByOrderIds([sell.id])).flat()).toHaveLength(1);
    await expect(trading.batchGetTradesByOrderIds([sell.id, id])).rejects.toMatchObject({
      code: 'ambiguous_id',
    });
  });

  it('a shared id fails the calls that asked by it alone, and no call that was gathered with them', async () => {
    const { id, ann } = await twoOrders();
    const { trading } = books.pincex;
    const alone = order(fresh('order'), ann);
    expectApplied(await trading.batchCreateOrders([alone]));
    const calls = [id, alone.id, { userId: ann, id }, 'none', id].map((key) => trading.getOrder(key));
    const ends = await Promise.allSettled(calls);
    expect(ends.map(({ status }) => status)).toEqual([
      'rejected',
      'fulfilled',
      'fulfilled',
      'fulfilled',
      'rejected',
    ]);
  });

  it('a second order with the id is noticed by reads that were cached before it, by id and by user and id', async () => {
    const id = fresh('order');
    const { trading } = books.pincex;
    const [ann, bob] = [await newUser(books.pincex), await newUser(books.pincex)];
    expectApplied(await trading.batchCreateOrders([order(id, ann)]));
    expect((await trading.getOrder(id))?.userId).toBe(ann);
    expect(await trading.getOrder({ userId: bob, id })).toBeNull();
    expectApplied(await trading.batchCreateOrders([order(id, bob)]));
    await expect(trading.getOrder(id)).rejects.toMatchObject({ code: 'ambiguous_id' });
    expect((await trading.getOrder({ userId: bob, id }))?.userId).toBe(bob);
    const cancel = { id: 'c', userId: ann, orderId: id };
    expect((await trading.getOrder({ userId: ann, id }))?.status).toBe('open');
    expectApplied(await trading.batchCancelOrders([cancel]));
    expect((await trading.getOrder({ userId: ann, id }))?.status).toBe('cancelled');
  });

  it.each([[{ userId: 'u' }], [{ id: 'i' }], [{ userId: 'u', id: 'i', symbol: 's' }], [5], [null]])(
    'a read by the malformed key %j is refused',
    async (key) => {
      const { trading } = books.pincex;
      const read = trading.batchGetOrdersByIds([key as unknown as OrderKey]);
      await expect(read).rejects.toMatchObject({ code: 'invalid_argument' });
      await expect(read).rejects.toThrow(/userId, id/);
    },
  );
});

describe('ids that no row can have', () => {
  it.each(['\0', '\ud800'])(
    'an id with %j in it finds nothing, and hides no row of another id',
    async (part) => {
      const { trading, bookkeeper } = books.pincex;
      const userId = await newUser(books.pincex, { USD: '1' });
      // The text as UTF-8 in a shared cache reads back: a lone surrogate has become U+FFFD.
      const written = Buffer.from(part).toString();
      const id = fresh(`a${written === '\0' ? 'b' : written}`);
      expectApplied(await trading.batchCreateOrders([order(id, userId)]));
      const impossible = part === '\0' ? `${userId}\0${id}` : id.replace(written, part);
      expect(await trading.getOrder(impossible)).toBeNull();
      expect(await trading.getOrder({ userId, id: impossible })).toBeNull();
      expect((await trading.batchGetTradesByOrderIds([impossible])).flat()).toEqual([]);
      expect(await trading.getUserOrders(`${userId}${part}`)).toEqual([]);
      expect(await bookkeeper.getAccount(`${userId}${part}`, 'USD')).toBeNull();
      expect((await trading.getOrder({ userId, id }))?.id).toBe(id);
      expect((await trading.getOrder(id))?.id).toBe(id);
      expect(await trading.getUserOrders(userId)).toHaveLength(1);
      expect((await bookkeeper.getAccount(userId, 'USD'))?.available).toBe('1');
      expect(await trading.getOrder(impossible)).toBeNull();
    },
  );
});

describe('the same id for several items of one user', () => {
  /** Items of five kinds under the id 3; the trade is between the order 3 and an order of another user. */
  async function everything(userId: string): Promise<MixedItem[]> {
    const other = await newUser(books.pincex, { BTC: '1' });
    expectApplied(await books.pincex.trading.batchPlaceOrders([order('other', other, 'sell')]));
    const own = { id: '3', userId };
    const sides = { buyUserId: userId, buyOrderId: '3', sellUserId: other, sellOrderId: 'other' };
    return [
      { command: 'deposit', ...own, currency: 'USD', amount: '100' },
      { command: 'lockFunds', ...own, currency: 'USD', amount: '1', orderId: 'hold' },
      { command: 'placeOrder', ...order('3', userId) },
      {
        command: 'settleTrade',
        id: '3',
        symbol: 'BTC/USD',
        price: '10',
        quantity: '0.5',
        takerSide: 'buy',
        ...sides,
      },
      { command: 'cancelOrder', ...own, orderId: '3' },
    ];
  }

  it('one id may name a transaction, an operation on funds, an order, a trade and the change of an order of one user', async () => {
    const items = await everything(fresh('user'));
    const first = await books.pincex.execute(items);
    expectApplied(first);
    const again = await books.pincex.execute(items);
    expect(outcomes(again)).toEqual(items.map(() => 'replayed'));
    expect(again.results.map((result) => 'data' in result && result.data)).toEqual(
      first.results.map((result) => 'data' in result && result.data),
    );
  });

  it.each<[string, (own: { id: string; userId: string }) => [MixedItem, MixedItem]]>([
    [
      'transactions',
      (own) => [
        { command: 'deposit', ...own, currency: 'USD', amount: '5' },
        { command: 'withdraw', ...own, currency: 'USD', amount: '5' },
      ],
    ],
    [
      'operations on funds',
      (own) => [
        { command: 'createAccount', ...own, currency: 'EUR' },
        { command: 'lockFunds', ...own, currency: 'USD', amount: '5', orderId: 'o' },
      ],
    ],
    [
      'orders',
      (own) => [
        { command: 'createOrder', ...order(own.id, own.userId) },
        { command: 'placeOrder', ...order(own.id, own.userId) },
      ],
    ],
  ])('one id may not name two %s of one user', async (_, pair) => {
    const userId = await newUser(books.pincex, { USD: '100' });
    const [first, second] = pair({ id: '3', userId });
    const batch = await books.pincex.execute([first, second]);
    expect(outcomes(batch)).toEqual(['applied', 'id_reused']);
  });
});
