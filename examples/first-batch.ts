/**
 * The first batch: deposits, then locks of which one asks for too much. Shows the result of a batch, item by item,
 * its `failedItems`, and that sending the same items again changes nothing.
 *
 * Run it with `npx tsx examples/first-batch.ts`; where the package is installed, `npx tsx node_modules/pincex/examples/first-batch.ts`.
 */
import { randomUUID } from 'node:crypto';
import { Pincex } from 'pincex';

const run = randomUUID().slice(0, 8);
const alice = `alice-${run}`;
const bob = `bob-${run}`;

// Without DATABASE_URL this starts a PostgreSQL server of its own, with its data under .pincex/.
const pincex = await Pincex.open();
try {
  const deposits = await pincex.bookkeeper.batchDeposit([
    { id: 'deposit-1', userId: alice, currency: 'USD', amount: '1000' },
    { id: 'deposit-1', userId: bob, currency: 'USD', amount: '20.50' },
  ]);
  console.log(`deposits: ${deposits.status}, ${deposits.successCount} of ${deposits.counts.total}`);

  const locks = [
    { id: 'lock-1', userId: alice, currency: 'USD', amount: '10.50', orderId: 'order-1' },
    { id: 'lock-2', userId: alice, currency: 'USD', amount: '5000', orderId: 'order-2' },
    { id: 'lock-1', userId: bob, currency: 'USD', amount: '20', orderId: 'order-3' },
  ];
  const locked = await pincex.bookkeeper.batchLockFunds(locks);
  console.log(`locks: ${locked.status}`);
  for (const result of locked.results) {
    switch (result.status) {
      case 'applied':
      case 'replayed':
        console.log(`  ${result.index} ${result.status}: ${result.data.available} available`);
        break;
      case 'rejected':
        console.log(`  ${result.index} rejected: ${result.error.code}`);
        break;
      case 'skipped':
        console.log(`  ${result.index} skipped`);
    }
  }
  for (const [index, error] of locked.failedItems) {
    console.log(
      `item ${index} failed (${error.retryable ? 'may succeed later' : 'for good'}): ${error.message}`,
    );
  }

  const again = await pincex.bookkeeper.batchLockFunds(locks);
  console.log(`again: ${again.counts.applied} applied, ${again.counts.replayed} replayed`);

  for (const account of await pincex.bookkeeper.batchGetAccounts([alice, bob], ['USD'])) {
    if (account !== null) console.log(`${account.userId}: ${account.available} + ${account.locked} locked`);
  }

  const audit = await pincex.audit();
  console.log(`audit: ${audit.ok ? 'ok' : 'BROKEN'}`);
} finally {
  await pincex.close();
}
