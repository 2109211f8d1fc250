import path from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest';
import { startEmbeddedServer, type EmbeddedServer } from '../../src/embedded/server.ts';
import { limits, Pincex, type Strategy } from '../../src/index.ts';
import { childrenOf, postmasterPid } from '../embedded/support.ts';
import { configOf, expectApplied, expectBalanced, funds, newUser } from '../support/books.ts';
import { holdClock, holdTimers, type HeldTimers } from '../support/clock.ts';
import { copyFolder, makeFolder, removeFolder } from '../support/folders.ts';
import { gate, until } from '../support/waiting.ts';

/** A frozen server keeps its sockets open and answers nothing: calls fail within a bounded time. */

let folder: string;
let dataDir: string;
let server: EmbeddedServer;
beforeAll(async () => {
  folder = makeFolder('frozen');
  dataDir = path.join(folder, 'data');
  await copyFolder(inject('seedFolder'), dataDir);
  server = await startEmbeddedServer({ dataDir, listens: 'tcp' });
});
afterAll(async () => {
  await server.stop();
  removeFolder(folder);
});

interface FrozenServer {
  readonly pincex: Pincex;
  /** The timers that give up waiting for PostgreSQL: for an answer to a statement, or for a connection. */
  readonly timeouts: HeldTimers;
  /** Stops every process of the server with SIGSTOP. */
  readonly freeze: () => void;
  readonly thaw: () => void;
}

async function open(strategy: Strategy = 'auto'): Promise<FrozenServer> {
  const environment = {
    PINCEX_DATABASE_POOL_STATEMENT_TIMEOUT: '1h',
    PINCEX_DATABASE_POOL_CONNECTION_TIMEOUT: '2h',
  };
  const timeouts = holdTimers(3_600_000 + limits.database.lateAnswerMs, 7_200_000);
  const pincex = await Pincex.open({ config: configOf(server.url, environment), strategy });
  const pid = postmasterPid(dataDir);
  let children: number[] | null = null;
  const freeze = (): void => {
    // The postmaster comes first: from then on no child is added or reaped, so that all of them can be continued.
    process.kill(pid, 'SIGSTOP');
    children = childrenOf(pid);
    for (const id of children) process.kill(id, 'SIGSTOP');
  };
  const thaw = (): void => {
    if (children === null) return;
    for (const id of [...children, pid]) process.kill(id, 'SIGCONT');
    children = null;
  };
  onTestFinished(async () => {
    thaw();
    await pincex.close();
  });
  return { pincex, timeouts, freeze, thaw };
}

const lock = (userId: string, id: string) => ({
  id,
  userId,
  currency: 'USD',
  amount: '10',
  orderId: `o-${id}`,
});

describe.each<Strategy>(['guard', 'lock', 'auto'])(
  'a server that freezes during a batch (strategy %s)',
  (strategy) => {
    it('a batch is applied once when the server freezes and wakes up soon', async () => {
      const { pincex, timeouts, freeze, thaw } = await open(strategy);
      const userId = await newUser(pincex, { USD: '100' });
      freeze();
      const batch = pincex.bookkeeper.batchLockFunds([lock(userId, 'a'), lock(userId, 'b')]);
      await until('the batch to wait for an answer', () => timeouts.count > 0);
      // A statement has taken longer than it may: its connection is given up.
      timeouts.fire();
      await until('the batch to try again', () => timeouts.count > 0);
      thaw();
      expectApplied(await batch);
      expect(await funds(pincex, userId, 'USD')).toBe('80 / 20');
      expect((await pincex.bookkeeper.lockFunds(lock(userId, 'a'))).status).toBe('replayed');
      await expectBalanced(pincex);
    });
  },
);

it('calls to a server that stays frozen fail with database_unavailable, and a batch sent again later is applied exactly once', async () => {
  const { pincex, timeouts, freeze, thaw } = await open();
  const userId = await newUser(pincex, { USD: '100' });
  const items = [lock(userId, 'a'), lock(userId, 'b')];
  const clock = holdClock();
  freeze();
  let told = 0;
  const calls = [
    pincex.bookkeeper.batchLockFunds(items),
    pincex.bookkeeper.batchGetAccounts([userId], ['USD']),
    pincex.transaction((tx) => tx.bookkeeper.batchLockFunds(items)),
  ].map((call) => call.finally(() => told++));
  const settled = Promise.allSettled(calls);
  await until('each of them to wait', () => timeouts.count >= calls.length);
  await until('all of them to be told', () => {
    timeouts.fire();
    // The time of each call counts from its first failure.
    clock.pass(limits.database.reconnectMs);
    return told === calls.length;
  });
  for (const call of await settled) {
    expect(call).toMatchObject({ status: 'rejected', reason: { code: 'database_unavailable' } });
  }
  thaw();
  const { results } = await pincex.bookkeeper.batchLockFunds(items);
  for (const { status } of results) expect(['applied', 'replayed']).toContain(status);
  expect(await funds(pincex, userId, 'USD')).toBe('80 / 20');
  await expectBalanced(pincex);
});

it('a transaction fails with outcome_unknown when the server freezes before its commit', async () => {
  const { pincex, timeouts, freeze, thaw } = await open();
  const userId = await newUser(pincex, { USD: '100' });
  const items = [lock(userId, 'a')];
  const frozen = gate();
  const transaction = pincex.transaction(async (tx) => {
    expectApplied(await tx.bookkeeper.batchLockFunds(items));
    freeze();
    frozen.open();
  });
  const told = expect(transaction).rejects.toMatchObject({ code: 'outcome_unknown', retryable: true });
  await frozen.opened;
  await until('the commit to wait for an answer', () => timeouts.count > 0);
  timeouts.fire();
  await told;
  thaw();
  const [result] = (await pincex.bookkeeper.batchLockFunds(items)).results;
  expect(['applied', 'replayed']).toContain(result!.status);
  expect(await funds(pincex, userId, 'USD')).toBe('90 / 10');
  await expectBalanced(pincex);
});
