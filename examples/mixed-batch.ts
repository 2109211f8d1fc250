/**
 * One batch of different commands: `execute` takes items that each name their `command`. Items of one `group`
 * succeed or fail together; in mode `atomic` the whole batch does.
 *
 * Run it with `npx tsx examples/mixed-batch.ts`; where the package is installed, `npx tsx node_modules/pincex/examples/mixed-batch.ts`.
 */
import { randomUUID } from 'node:crypto';
import { Pincex, type BatchResult, type MixedItem } from 'pincex';

const run = randomUUID().slice(0, 8);
const dave = `dave-${run}`;
const erin = `erin-${run}`;

const pincex = await Pincex.open();
try {
  // Items take effect in order: the deposit pays for the order that comes after it in the same batch.
  print(
    'in order',
    await pincex.execute([
      { command: 'deposit', id: 'deposit-1', userId: dave, currency: 'USD', amount: '100' },
      { command: 'deposit', id: 'deposit-1', userId: erin, currency: 'USD', amount: '5' },
      {
        command: 'placeOrder',
        id: `order-${run}`,
        userId: dave,
        symbol: 'BTC/USD',
        side: 'buy',
        type: 'limit',
        quantity: '0.001',
        price: '20000',
      },
    ]),
  );

  // Dave's two items are one group. Erin has too little money for her group, so neither of its items is done.
  print(
    'groups',
    await pincex.execute([
      {
        command: 'transfer',
        id: 'gift-1',
        userId: dave,
        toUserId: erin,
        currency: 'USD',
        amount: '10',
        group: 'a',
      },
      { command: 'withdraw', id: 'out-1', userId: dave, currency: 'USD', amount: '20', group: 'a' },
      { command: 'withdraw', id: 'out-1', userId: erin, currency: 'USD', amount: '12', group: 'b' },
      { command: 'withdraw', id: 'out-2', userId: erin, currency: 'USD', amount: '12', group: 'b' },
    ]),
  );

  const cancelAndLeave: MixedItem[] = [
    { command: 'cancelOrder', id: 'cancel-1', userId: dave, orderId: `order-${run}` },
    { command: 'withdraw', id: 'out-2', userId: dave, currency: 'USD', amount: '71' },
  ];
  print('atomic, 1 too much', await pincex.execute(cancelAndLeave, { mode: 'atomic' }));

  // A rejected item leaves nothing behind, so the same ids can be sent again, here with another amount.
  const lessToLeave: MixedItem[] = [
    { command: 'cancelOrder', id: 'cancel-1', userId: dave, orderId: `order-${run}` },
    { command: 'withdraw', id: 'out-2', userId: dave, currency: 'USD', amount: '70' },
  ];
  print('atomic', await pincex.execute(lessToLeave, { mode: 'atomic' }));

  for (const account of await pincex.bookkeeper.batchGetAccounts([dave, erin], ['USD'])) {
    const who = account?.userId === dave ? 'dave' : 'erin';
    console.log(`${who}: ${account?.available ?? '0'} available, ${account?.locked ?? '0'} locked`);
  }

  const audit = await pincex.audit();
  console.log(`audit: ${audit.ok ? 'ok' : 'BROKEN'}`);
} finally {
  await pincex.close();
}

function print(what: string, { status, results }: BatchResult<unknown>): void {
  const outcomes = results.map((result) =>
    result.status === 'rejected' ? result.error.code : result.status,
  );
  console.log(`${what}: ${status} (${outcomes.join(', ')})`);
}
