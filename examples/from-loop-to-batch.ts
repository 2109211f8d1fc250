/**
 * From a loop to a batch: a program that takes a monthly fee from one wallet after the other is watched until its loops are
 * found, then the loop is replaced by one batch, whose rejected items are handled, and a test keeps the loop from coming back.
 * docs/migration.md walks through it.
 *
 * Run it with `npx tsx examples/from-loop-to-batch.ts`; where the package is installed,
 * `npx tsx node_modules/pincex/examples/from-loop-to-batch.ts`.
 */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { Pincex } from 'pincex';
import { detectNPlusOne, expectNoNPlusOne, watchPool } from 'pincex/n-plus-one';

const FEE = '5';
const month = '2026-01';
const run = randomUUID().slice(0, 8);
const house = `house-${run}`;
const users = ['alice', 'bob', 'carol', 'dave', 'erin', 'frank'].map((name) => `${name}-${run}`);
const [poorest] = users.slice(-1);

// Warnings, which Node.js writes to standard error, become lines of this program.
process.removeAllListeners('warning').on('warning', ({ message }) => {
  console.log(`warning: ${message}`);
});

const pincex = await Pincex.open();
const { bookkeeper } = pincex;
const pool = new pg.Pool({ connectionString: pincex.connectionString });
try {
  await pool.query('DROP TABLE IF EXISTS example_wallets');
  await pool.query('CREATE TABLE example_wallets (owner text PRIMARY KEY, balance numeric NOT NULL)');
  await pool.query(`INSERT INTO example_wallets SELECT owner, '20' FROM unnest($1::text[]) owner`, [users]);
  await pool.query(`UPDATE example_wallets SET balance = '1' WHERE owner = $1`, [poorest]);

  // Identify: the detector sees the statements of the old pool.
  const detector = detectNPlusOne();
  const unwatch = watchPool(pool);
  await takeFeesOneByOne();
  console.log(`found: ${detector.loops.length} loops`);
  for (const { calls, shape, callSite } of detector.loops) {
    console.log(`${calls} times ${shape}`);
    console.log(`  at ${callSite ?? 'an unknown place'}`);
  }
  unwatch();

  // Replace: the balances move into the books, and the loop becomes one batch.
  await bookkeeper.batchDeposit(
    users.map((userId) => ({
      id: 'opening-USD',
      userId,
      currency: 'USD',
      amount: userId === poorest ? '1' : '20',
    })),
  );
  await takeFees();

  // A test does the same with `takeFees` of the application.
  await expectNoNPlusOne(takeFees);
  console.log(`loops of single calls found by now: ${pincex.statistics.snapshot().loops}`);
  detector.stop();

  const accounts = await bookkeeper.batchGetAccounts([house], ['USD']);
  for (const account of accounts) console.log(`the house has ${account?.available ?? '0'} USD`);
  const { ok } = await pincex.audit();
  console.log(`audit: ${ok ? 'ok' : 'broken'}`);
} finally {
  await pool.query('DROP TABLE IF EXISTS example_wallets');
  await pool.end();
  await pincex.close();
}

/** The old program: two statements for each wallet. */
async function takeFeesOneByOne(): Promise<void> {
  for (const user of users) {
    const { rows } = await pool.query<{ enough: boolean }>(
      'SELECT balance >= $2 AS enough FROM example_wallets WHERE owner = $1',
      [user, FEE],
    );
    if (rows[0]?.enough !== true) continue;
    await pool.query('UPDATE example_wallets SET balance = balance - $2 WHERE owner = $1', [user, FEE]);
  }
}

/** The new program: one batch. Its ids name the user's fee of a month, so that no fee is taken twice. */
async function takeFees(): Promise<void> {
  const fees = users.map((userId) => ({
    id: `fee-${month}`,
    userId,
    toUserId: house,
    currency: 'USD',
    amount: FEE,
    reason: 'monthly_fee',
  }));
  const { status, counts, failedItems } = await bookkeeper.batchTransfer(fees);
  console.log(`fees: ${status}, ${counts.applied} applied, ${counts.replayed} replayed`);
  // Handle partial results: the other items have been applied.
  for (const [index, { code, retryable }] of failedItems)
    console.log(`item ${index}: ${code}, ${retryable ? 'may succeed later' : 'never will'}`);
}
