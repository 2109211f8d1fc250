/**
 * Several batches and the caller's own SQL in one transaction: all of it is committed when the function returns, and rolled
 * back when it throws. The example makes a table `example_payouts` for its own rows. On `client` every column is a text.
 *
 * Run it with `npx tsx examples/transaction.ts`; where the package is installed, `npx tsx node_modules/pincex/examples/transaction.ts`.
 */
import { randomUUID } from 'node:crypto';
import { Pincex, type PincexTransaction } from 'pincex';

const run = randomUUID().slice(0, 8);
const userId = `carol-${run}`;

const pincex = await Pincex.open();
try {
  await pincex.bookkeeper.deposit({ id: 'deposit-1', userId, currency: 'USD', amount: '100' });
  await pincex.transaction(async ({ client }) => {
    await client.query('CREATE TABLE IF NOT EXISTS example_payouts (user_id text, id text, iban text)');
  });

  await pincex.transaction((tx) => payOut(tx, 'payout-1', '60'));
  console.log('first payout: committed');

  try {
    await pincex.transaction((tx) => payOut(tx, 'payout-2', '60'));
  } catch (error) {
    console.log(`second payout: rolled back (${error instanceof Error ? error.message : String(error)})`);
  }

  const account = await pincex.bookkeeper.getAccount(userId, 'USD');
  console.log(`account: ${account?.available ?? '0'} available, ${account?.locked ?? '0'} locked`);
  const rows = await pincex.transaction(async ({ client }) => {
    const answer = await client.query<{ id: string }>('SELECT id FROM example_payouts WHERE user_id = $1', [
      userId,
    ]);
    return answer.rows;
  });
  console.log(`payouts: ${rows.map(({ id }) => id).join(', ')}`);

  const audit = await pincex.audit();
  console.log(`audit: ${audit.ok ? 'ok' : 'BROKEN'}`);
} finally {
  await pincex.close();
}

/**
 * Writes a row of our own, locks a fee and withdraws the money. A rejected item does not throw by itself, so this function
 * checks the results. After a deadlock it is run again, so it must change nothing except through `tx`.
 */
async function payOut(tx: PincexTransaction, id: string, amount: string): Promise<void> {
  await tx.client.query('INSERT INTO example_payouts VALUES ($1, $2, $3)', [userId, id, 'DE00 0000']);
  const fee = { id: `${id}-fee`, userId, currency: 'USD', amount: '1', orderId: id };
  const batches = [
    await tx.bookkeeper.batchLockFunds([fee]),
    await tx.bookkeeper.batchWithdraw([{ id, userId, currency: 'USD', amount }]),
  ];
  for (const { failedItems } of batches) {
    for (const error of failedItems.values()) throw new Error(error.code);
  }
}
