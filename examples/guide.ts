/**
 * The usual batch operations: many accounts, many locks, many orders, each in one call. Every item has an id, so running the
 * example again changes nothing and prints the same.
 *
 * Run it with `npx tsx examples/guide.ts`; where the package is installed, `npx tsx node_modules/pincex/examples/guide.ts`.
 */
import { Pincex, type BatchResult } from 'pincex';

const pincex = await Pincex.open();
try {
  const { bookkeeper, trading } = pincex;
  const actor = 'guide';

  requireAll(
    await bookkeeper.batchDeposit(
      [
        { id: 'start-usd', userId: 'user1', currency: 'USD', amount: '500' },
        { id: 'start-btc', userId: 'user2', currency: 'BTC', amount: '0.01' },
        { id: 'start-eth', userId: 'user3', currency: 'ETH', amount: '2' },
      ],
      { actor },
    ),
  );

  const locks = await bookkeeper.batchLockFunds(
    [
      {
        id: 'lock-order1',
        userId: 'user1',
        currency: 'USD',
        amount: '100',
        orderId: 'order1',
        reason: 'order_placement',
      },
      {
        id: 'lock-order2',
        userId: 'user2',
        currency: 'BTC',
        amount: '0.001',
        orderId: 'order2',
        reason: 'order_placement',
        metadata: { desk: 'retail' },
      },
    ],
    { actor },
  );
  console.log(`locked: ${locks.successCount} of ${locks.counts.total}`);
  for (const [index, error] of locks.failedItems) console.log(`lock ${index} failed: ${error.code}`);

  const order = { symbol: 'BTC/USD', type: 'limit', quantity: '0.001', price: '100000' } as const;
  requireAll(
    await trading.batchCreateOrders([
      { id: 'order1', userId: 'user1', side: 'buy', ...order },
      { id: 'order2', userId: 'user2', side: 'sell', ...order },
      { id: 'order3', userId: 'user3', side: 'buy', ...order },
    ]),
  );
  const updates = await trading.batchUpdateOrderStatus([
    { id: 'fill-order1', userId: 'user1', orderId: 'order1', status: 'filled', filledQuantity: '0.001' },
    {
      id: 'fill-order2',
      userId: 'user2',
      orderId: 'order2',
      status: 'partially_filled',
      filledQuantity: '0.0005',
    },
    { id: 'cancel-order3', userId: 'user3', orderId: 'order3', status: 'cancelled' },
  ]);
  for (const result of updates.results) {
    if ('data' in result) console.log(`${result.data.orderId} is ${result.data.status}`);
  }

  // A batch within a transaction of the caller: the caller's own rows and the money are committed together, or not at all.
  await pincex.transaction(async (tx) => {
    await tx.client.query('CREATE TABLE IF NOT EXISTS example_audit_trail (entry text PRIMARY KEY)');
    await tx.client.query(`INSERT INTO example_audit_trail VALUES ('order1 done') ON CONFLICT DO NOTHING`);
    const unlocked = await tx.bookkeeper.batchUnlockFunds(
      [
        {
          id: 'unlock-order1',
          userId: 'user1',
          currency: 'USD',
          amount: '100',
          orderId: 'order1',
          reason: 'order_done',
        },
      ],
      { actor },
    );
    requireAll(unlocked);
  });

  const accounts = await bookkeeper.batchGetAccounts(['user1', 'user2', 'user3'], ['BTC', 'ETH', 'USD']);
  for (const account of accounts) {
    if (account === null) continue;
    const { userId, currency, available, locked } = account;
    console.log(`${userId} has ${available} ${currency} available, ${locked} locked`);
  }
  for (const entry of await bookkeeper.getAccountStatement('user1', 'USD')) {
    console.log(`user1 ${entry.operationType} ${entry.availableDelta} USD: ${entry.reason ?? 'no reason'}`);
  }
  const audit = await pincex.audit();
  console.log(`audit: ${audit.ok ? 'ok' : 'BROKEN'}`);
} finally {
  await pincex.close();
}

/** Each item has a result of its own, so a caller who needs all of them has to check. */
function requireAll({ failedItems }: BatchResult<unknown>): void {
  for (const error of failedItems.values()) throw new Error(error.message);
}
