import { describe, expect, it } from 'vitest';
import { visible } from '../../src/describe.ts';
import { fresh, newUser, useBooks } from '../support/books.ts';

const books = useBooks();

/** Ids that look like another one: `@fees` in another width, blanks, invisible characters, and changes of direction. */
const LOOK_ALIKES = [
  '\uff20fees',
  '\ufe6bfees',
  'alice ',
  ' alice',
  'alice\u00a0',
  'ali\u200bce',
  'alice\u202e',
  '\u2066alice',
  'al\u00adice',
  '\u2800',
];

describe.each(LOOK_ALIKES)('an id that looks like another (%j)', (id) => {
  it('a look-alike id is refused for a new user and for a new order', async () => {
    const { bookkeeper, trading } = books.pincex;
    const user = await newUser(books.pincex, { USD: '10' });
    const order = { symbol: 'BTC/USD', side: 'buy', type: 'limit', price: '1', quantity: '1' } as const;
    const results = [
      await bookkeeper.createAccount({ id: fresh('a'), userId: id, currency: 'USD' }),
      await bookkeeper.deposit({ id: fresh('d'), userId: id, currency: 'USD', amount: '1' }),
      await bookkeeper.transfer({ id: fresh('t'), userId: user, toUserId: id, currency: 'USD', amount: '1' }),
      await trading.placeOrder({ id, userId: user, ...order }),
    ];
    for (const { status, error } of results.map((result) => ({ error: undefined, ...result }))) {
      expect([status, error]).toMatchObject(['rejected', { code: 'invalid_id' }]);
    }
  });

  it('a look-alike id is accepted by reads and by commands on existing rows', async () => {
    const { bookkeeper, trading } = books.pincex;
    expect(await bookkeeper.getAccount(id, 'USD')).toBeNull();
    expect(await trading.cancelOrder({ id: fresh('c'), userId: id, orderId: id })).toMatchObject({
      error: { code: 'order_not_found' },
    });
  });
});

it('an id may have letters of any language, and blanks inside', async () => {
  for (const userId of ['Ольга', '山田 太郎', 'a b', 'مريم', 'é'])
    expect(
      (await books.pincex.bookkeeper.deposit({ id: fresh('d'), userId, currency: 'USD', amount: '1' }))
        .status,
    ).toBe('applied');
});

it('a message shows invisible characters as escapes', () => {
  expect(visible('a\u202eb\u200b')).toBe('a\\u202eb\\u200b');
});

it('a read refuses an id beyond its bound, and its message shortens the id', async () => {
  const long = 'x'.repeat(129);
  const { bookkeeper, trading } = books.pincex;
  for (const read of [
    bookkeeper.getAccount(long, 'USD'),
    bookkeeper.batchGetAccounts([long], ['USD']),
    trading.batchGetOrdersByIds([long]),
    trading.batchGetOrdersByIds([{ userId: 'a', id: long }]),
    trading.batchGetUserOrders([long]),
  ])
    await expect(read).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringMatching(/must be a text of at most 128 characters: got "x{60}…"$/) as string,
    });
});
