/**
 * Reads: single calls that are made together become one statement, a repeated read comes from the cache, a read after a commit
 * sees it, a version ensures that in every process, and a stream reads a whole table.
 *
 * Run it with `npx tsx examples/reads.ts`; where the package is installed, `npx tsx node_modules/pincex/examples/reads.ts`.
 */
import { randomUUID } from 'node:crypto';
import { Pincex } from 'pincex';

const users = Array.from({ length: 10 }, () => `user-${randomUUID().slice(0, 8)}`);

let statements = 0;
const pincex = await Pincex.open({ onStatement: () => statements++ });
const { bookkeeper } = pincex;
try {
  await bookkeeper.batchDeposit(
    users.map((userId) => ({ id: 'deposit-1', userId, currency: 'USD', amount: '100' })),
  );

  const read = () => Promise.all(users.map((userId) => bookkeeper.getAccount(userId, 'USD')));
  statements = 0;
  await read();
  console.log(`${users.length} accounts, one by one: ${statements} statement`);
  statements = 0;
  await read();
  console.log(`again: ${statements} statements`);

  const [userId = ''] = users;
  const { results } = await bookkeeper.batchWithdraw([
    { id: 'withdraw-1', userId, currency: 'USD', amount: '25' },
  ]);
  const [result] = results;
  if (result?.status !== 'applied') throw new Error('The withdrawal was not applied');
  const account = await bookkeeper.getAccount(userId, 'USD', { minVersion: result.data.version });
  console.log(`version ${account?.version ?? 0}: ${account?.available ?? ''} available`);

  const stream = pincex.streamAccounts();
  let rows = 0;
  for await (const row of stream) if (users.includes(row.userId) && ++rows === 4) break;
  const rest = pincex.streamAccounts({ after: stream.cursor });
  for await (const row of rest) if (users.includes(row.userId)) rows++;
  console.log(`${rows} accounts in two streams`);

  const { ok } = await pincex.audit();
  console.log(`audit: ${ok ? 'ok' : 'broken'}`);
} finally {
  await pincex.close();
}
