import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { usePacked } from './package/packed.ts';
import { startNode, typescript } from './support/processes.ts';

/**
 * Every example of the package runs in a folder with nothing but the package, and prints what its comment promises. It runs
 * twice, since its ids are new each time.
 */

const packed = usePacked({ dependencies: true });

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

it.each([
  [
    'first-batch',
    [
      'deposits: applied, 2 of 2',
      'locks: partial',
      '  0 applied: 989.5 available',
      '  1 rejected: insufficient_funds',
      '  2 applied: 0.5 available',
      'again: 0 applied, 2 replayed',
    ],
  ],
  [
    'guide',
    [
      'locked: 2 of 2',
      'user1 has 500 USD available, 0 locked',
      'user2 has 0.009 BTC available, 0.001 locked',
      'user3 has 2 ETH available, 0 locked',
      'order1 is filled',
      'order2 is partially_filled',
      'order3 is cancelled',
      'user1 unlockFunds 100 USD: order_done',
      'user1 lockFunds -100 USD: order_placement',
      'user1 deposit 500 USD: no reason',
    ],
  ],
  [
    'reads',
    [
      '10 accounts, one by one: 1 statement',
      'again: 0 statements',
      'version 2: 75 available',
      '10 accounts in two streams',
    ],
  ],
  [
    'place-and-settle',
    [
      'placed: buyer 4900 USD, 25100 locked',
      'placed: seller 0.5 BTC, 0.5 locked',
      'best bid 25100, best ask 25000',
      'traded for 10000 USD: buy partially_filled, sell filled',
      'settled: buyer 0.3996 BTC, 0 locked',
      'settled: seller 9990 USD, 0 locked',
      'cancelled, 15060 released',
      'cancelled, 0.1 released',
      'not cancelled: invalid_transition',
      'cancelled: buyer 20000 USD, 0 locked',
    ],
  ],
  [
    'matching-engine',
    [
      'BTC/USD-9 0.7 0.4 99',
      'alice USD 1283.2 0',
      'bob BTC 998.3 0.3',
      'carol USD 437.58 0',
      'with 24 crashes: the same',
      'two engines for each market, 2 taken over: the same',
      'all events again: the same',
    ],
  ],
  [
    'import',
    [
      'first run: the process died',
      'second run: 950 items applied, 7798 replayed',
      'refused: order0, invalid_price',
      'refused: order1, below_minimum',
      'USD: 313425 there, the same here',
      'BTC: 0.0000125 there, the same here',
      '2498 bids, 0 asks',
    ],
  ],
  [
    'transaction',
    [
      'first payout: committed',
      'second payout: rolled back (insufficient_funds)',
      'account: 39 available, 1 locked',
      'payouts: payout-1',
    ],
  ],
  [
    'mixed-batch',
    [
      'in order: applied (applied, applied, applied)',
      'groups: partial (applied, applied, group_failed, insufficient_funds)',
      'atomic, 1 too much: rejected (group_failed, insufficient_funds)',
      'atomic: applied (applied, applied)',
      'dave: 0 available, 0 locked',
      'erin: 15 available, 0 locked',
    ],
  ],
  [
    'from-loop-to-batch',
    [
      'found: 2 loops',
      '6 times SELECT balance >= ? AS enough FROM example_wallets WHERE owner = ?',
      '5 times UPDATE example_wallets SET balance = balance - ? WHERE owner = ?',
      'fees: partial, 5 applied, 0 replayed',
      'item 5: insufficient_funds, may succeed later',
      'fees: partial, 0 applied, 5 replayed',
      'loops of single calls found by now: 2',
      'the house has 25 USD',
    ],
  ],
  [
    'http-client',
    [
      'deposits: applied, 2 of 2',
      'atomic: rejected',
      '  0 rejected: group_failed',
      'partial: partial',
      '  0 applied',
      '  1 rejected: insufficient_funds',
      'order books: malformed_request, not like this',
      'frank: 60',
      'grace: 47.5',
    ],
  ],
])('examples/%s.ts prints the promised lines, and the same lines when it runs again', async (name, lines) => {
  for (let time = 1; time <= 2; time++) {
    const run = await startNode([...typescript, `node_modules/pincex/examples/${name}.ts`], {
      cwd: packed.folder,
      env: { DATABASE_URL: database.url },
    }).ended;
    expect(run).toMatchObject({ exitCode: 0, stderr: '' });
    const said = run.stdout.split('\n');
    for (const line of [...lines, 'audit: ok']) expect(said).toContain(line);
  }
});
