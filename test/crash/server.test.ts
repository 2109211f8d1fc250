import { expect, it, onTestFinished } from 'vitest';
import { limits, Pincex, PincexError, loadConfig, type LockFunds } from '../../src/index.ts';
import { postmasterPid } from '../embedded/support.ts';
import { expectBalanced, funds, newUser } from '../support/books.ts';
import { holdClock } from '../support/clock.ts';
import { seededDataDir } from '../support/folders.ts';
import { until } from '../support/waiting.ts';

/** The server is killed during a stream of batches. */

it('every item of a stream of batches is applied exactly once when it is sent again after a kill -9 of PostgreSQL', async () => {
  const dataDir = await seededDataDir();
  const config = loadConfig({ env: { PINCEX_DATA_DIR: dataDir } });
  let pincex = await Pincex.open({ config });
  const userIds = await Promise.all([1, 2, 3, 4].map(() => newUser(pincex, { USD: '100000' })));
  const batch = (lane: number, n: number): LockFunds[] =>
    userIds.map((userId) => {
      const id = `${lane}-${n}`;
      return { id, userId, currency: 'USD', amount: '1', orderId: `o-${id}` };
    });
  const sent: LockFunds[][] = [];
  const told = new Set<string>();
  /** Sends one batch after the other until the server is gone; returns the code of the last error. */
  const stream = async (lane: number): Promise<string> => {
    for (let n = 0; ; n++) {
      const items = batch(lane, n);
      sent.push(items);
      try {
        const { results } = await pincex.bookkeeper.batchLockFunds(items);
        for (const [i, { status }] of results.entries()) {
          if (status === 'applied') told.add(`${items[i]!.userId} ${items[i]!.id}`);
        }
      } catch (error) {
        if (!(error instanceof PincexError)) throw error;
        return error.code;
      }
    }
  };
  let isOver = false;
  const streams = Promise.all([0, 1, 2].map(stream)).finally(() => (isOver = true));
  await until('the stream to run', () => told.size > 40);
  const clock = holdClock();
  process.kill(postmasterPid(dataDir), 'SIGKILL');
  await until('every stream to end', () => {
    // The batches that still look for the server give up.
    clock.pass(limits.database.reconnectMs);
    return isOver;
  });
  for (const code of await streams) expect(['database_unavailable', 'outcome_unknown']).toContain(code);
  await pincex.close();

  pincex = await Pincex.open({ config });
  onTestFinished(() => pincex.close());
  await expectBalanced(pincex);
  // Items that were reported as applied are there, and sending every batch again applies the others.
  for (const items of sent) {
    const { results } = await pincex.bookkeeper.batchLockFunds(items);
    for (const [i, { status }] of results.entries()) {
      if (told.has(`${items[i]!.userId} ${items[i]!.id}`)) expect(status).toBe('replayed');
      else expect(['applied', 'replayed']).toContain(status);
    }
  }
  for (const userId of userIds) {
    expect(await funds(pincex, userId, 'USD')).toBe(`${100_000 - sent.length} / ${sent.length}`);
  }
  await expectBalanced(pincex);
});
