import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { loadConfig, Pincex, type Strategy } from '../../src/index.ts';
import { childrenOf, newDataDir } from '../embedded/support.ts';
import { expectApplied, expectBalanced, funds, newUser } from '../support/books.ts';

/** A server that is frozen: its sockets are open, and nobody answers. Callers are told within a bounded time. */

interface FrozenServer {
  readonly pincex: Pincex;
  /** Stops every process of the server where it is. */
  readonly freeze: () => void;
  readonly thaw: () => void;
}

async function openOnServer(strategy: Strategy = 'auto'): Promise<FrozenServer> {
  const dataDir = newDataDir();
  const env = {
    PINCEX_DATA_DIR: dataDir,
    PINCEX_DATABASE_POOL_STATEMENT_TIMEOUT: '500ms',
    PINCEX_DATABASE_POOL_CONNECTION_TIMEOUT: '500ms',
  };
  const pincex = await Pincex.open({ config: loadConfig({ env }), strategy });
  const pid = Number(
    readFileSync(path.join(dataDir, 'postgres', 'postmaster.pid'), 'utf8').split('\n', 1)[0],
  );
  let frozen: number[] = [];
  const freeze = (): void => {
    frozen = [pid, ...childrenOf(pid)];
    for (const id of frozen) process.kill(id, 'SIGSTOP');
  };
  const thaw = (): void => {
    for (const id of frozen) process.kill(id, 'SIGCONT');
    frozen = [];
  };
  onTestFinished(async () => {
    thaw();
    await pincex.close();
  });
  return { pincex, freeze, thaw };
}

const lock = (userId: string, id: string) => ({
  id,
  userId,
  currency: 'USD',
  amount: '10',
  orderId: `o-${id}`,
});

describe.each<Strategy>(['guard', 'lock', 'auto'])('a server that freezes under a batch (%s)', (strategy) => {
  it('and wakes up soon costs nothing: the batch is looked up or done, once', async () => {
    const { pincex, freeze, thaw } = await openOnServer(strategy);
    const userId = await newUser(pincex, { USD: '100' });
    freeze();
    const batch = pincex.bookkeeper.batchLockFunds([lock(userId, 'a'), lock(userId, 'b')]);
    // Longer than any statement may take: the connection has been given up by then.
    setTimeout(thaw, 4_000);
    expectApplied(await batch);
    expect(await funds(pincex, userId, 'USD')).toBe('80 / 20');
    expect((await pincex.bookkeeper.lockFunds(lock(userId, 'a'))).status).toBe('replayed');
    await expectBalanced(pincex);
  });
});

it('a server that freezes and stays so hangs no caller; sent again later, every item is there exactly once', async () => {
  const { pincex, freeze, thaw } = await openOnServer();
  const userId = await newUser(pincex, { USD: '100' });
  const items = [lock(userId, 'a'), lock(userId, 'b')];
  freeze();
  const began = performance.now();
  const calls = await Promise.allSettled([
    pincex.bookkeeper.batchLockFunds(items),
    pincex.bookkeeper.batchGetAccounts([userId], ['USD']),
    pincex.transaction((tx) => tx.bookkeeper.batchLockFunds(items)),
  ]);
  expect(performance.now() - began).toBeLessThan(40_000);
  for (const call of calls) {
    expect(call).toMatchObject({ status: 'rejected', reason: { code: 'database_unavailable' } });
  }
  thaw();
  const { results } = await pincex.bookkeeper.batchLockFunds(items);
  for (const { status } of results) expect(['applied', 'replayed']).toContain(status);
  expect(await funds(pincex, userId, 'USD')).toBe('80 / 20');
  await expectBalanced(pincex);
});

it('a server that freezes once a batch is being written leaves the outcome unknown, and says so', async () => {
  const { pincex, freeze, thaw } = await openOnServer();
  const userId = await newUser(pincex, { USD: '100' });
  const items = [lock(userId, 'a')];
  const transaction = pincex.transaction(async (tx) => {
    expectApplied(await tx.bookkeeper.batchLockFunds(items));
    freeze();
  });
  await expect(transaction).rejects.toMatchObject({ code: 'outcome_unknown', retryable: true });
  thaw();
  const [result] = (await pincex.bookkeeper.batchLockFunds(items)).results;
  expect(['applied', 'replayed']).toContain(result!.status);
  expect(await funds(pincex, userId, 'USD')).toBe('90 / 10');
  await expectBalanced(pincex);
});
