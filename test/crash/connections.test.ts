import { randomUUID } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Write } from '../../src/engine/write.ts';
import { Requests } from '../../src/requests/requests.ts';
import { limits, Pincex, type PincexOptions, type Strategy } from '../../src/index.ts';
import { callOf, runOf, sent } from '../requests/support.ts';
import {
  configOf,
  expectApplied,
  expectBalanced,
  fresh,
  funds,
  newUser,
  useBooks,
} from '../support/books.ts';
import { holdClock, holdTimers } from '../support/clock.ts';
import { startProxy, type Proxy } from '../support/proxy.ts';
import { gate, until } from '../support/waiting.ts';

/** A connection that breaks at the worst moment loses nothing, doubles nothing, and makes no caller a false promise. */

const books = useBooks();

/** A Pincex whose connections to PostgreSQL can be cut. */
async function openThroughProxy(
  options: Omit<PincexOptions, 'config'> = {},
  environment: Record<string, string> = {},
): Promise<{ pincex: Pincex; proxy: Proxy }> {
  const proxy = await startProxy(books.url);
  const pincex = await Pincex.open({ ...options, config: configOf(proxy.url, environment) });
  onTestFinished(async () => {
    proxy.reopen();
    await pincex.close();
    await proxy.close();
  });
  return { pincex, proxy };
}

const lock = (userId: string, id: string, amount = '10') => ({
  id,
  userId,
  currency: 'USD',
  amount,
  orderId: `o-${id}`,
});

/** Cuts the connection after the server has committed a persist statement and before the client gets the answer. */
function cutAfterCommit(proxy: Proxy, times = 1): { cuts: number } {
  const seen = { cuts: 0 };
  let isWriting = false;
  proxy.onRequest = (request) => {
    // The name of the persist statement is in its bind message.
    if (request.includes('persist:')) isWriting = true;
    return 'pass';
  };
  proxy.onAnswer = (answer) => {
    if (!isWriting || seen.cuts >= times) return 'pass';
    // "Z" "I": the server is ready and in no transaction, so the batch is committed.
    if (!answer.includes(Buffer.from([0x5a, 0, 0, 0, 5, 0x49]))) return 'pass';
    isWriting = false;
    seen.cuts++;
    return 'cut';
  };
  return seen;
}

describe.each<Strategy>(['guard', 'lock', 'auto'])(
  'a batch whose answer to the commit is lost (strategy %s)',
  (strategy) => {
    it('a batch whose answer is lost is looked up by the ids of its items, and applied once', async () => {
      const { pincex, proxy } = await openThroughProxy({ strategy });
      const userId = await newUser(pincex, { USD: '100' });
      // The statement is prepared by now, as in a process that has run for long.
      expectApplied(await pincex.bookkeeper.batchLockFunds([lock(userId, 'before')]));
      const seen = cutAfterCommit(proxy);
      const batch = await pincex.bookkeeper.batchLockFunds([
        lock(userId, 'a'),
        lock(userId, 'b'),
        lock(userId, 'c', '1000'),
      ]);
      expect(seen.cuts).toBe(1);
      expect(batch.results.map(({ status }) => status)).toEqual(['applied', 'applied', 'rejected']);
      expect(batch.results[0]).toMatchObject({ data: { available: '80', locked: '20', version: 3 } });
      expect(await funds(books.pincex, userId, 'USD')).toBe('70 / 30');
      const again = await pincex.bookkeeper.batchLockFunds([lock(userId, 'a'), lock(userId, 'b')]);
      expect(again.counts.replayed).toBe(2);
    });

    it('a batch whose look-up is cut twice is looked up again', async () => {
      const { pincex, proxy } = await openThroughProxy({ strategy });
      const userId = await newUser(pincex, { USD: '100' });
      const seen = cutAfterCommit(proxy, 1);
      let reads = 0;
      const { onRequest } = proxy;
      proxy.onRequest = (request) => {
        // The look-up itself is cut twice before it gets through.
        if (seen.cuts === 1 && request.includes('load:') && ++reads <= 2) return 'cut';
        return onRequest(request);
      };
      expectApplied(await pincex.bookkeeper.batchLockFunds([lock(userId, 'a')]));
      expect(reads).toBeGreaterThan(2);
      expect(await funds(books.pincex, userId, 'USD')).toBe('90 / 10');
    });

    it('a batch whose earlier attempt had decided otherwise returns what was written', async () => {
      const { pincex, proxy } = await openThroughProxy({ strategy });
      const [rich, poor] = [await newUser(pincex, { USD: '100' }), await newUser(pincex, { USD: '1' })];
      const { onAnswer } = proxy;
      const cut = gate();
      proxy.onRequest = (request) => {
        if (!request.includes('persist:')) return 'pass';
        proxy.shut();
        cut.open();
        return 'cut';
      };
      const executed = pincex.bookkeeper.batchLockFunds([lock(rich, 'a'), lock(poor, 'b')]);
      await cut.opened;
      const deposit = { id: 'more', userId: poor, currency: 'USD', amount: '100' };
      expectApplied(await books.pincex.bookkeeper.batchDeposit([deposit]));
      const seen = cutAfterCommit(proxy);
      proxy.reopen();
      expectApplied(await executed);
      expect(seen.cuts).toBe(1);
      expect(await funds(books.pincex, poor, 'USD')).toBe('91 / 10');
      proxy.onAnswer = onAnswer;
    });

    it('a batch does not take for its own what an API key wrote under the same batch id meanwhile', async () => {
      const { pincex, proxy } = await openThroughProxy({ strategy });
      const userId = await newUser(pincex, { USD: '100' });
      const cut = gate();
      proxy.onRequest = (request) => {
        if (!request.includes('persist:')) return 'pass';
        proxy.shut();
        cut.open();
        return 'cut';
      };
      const batchId = randomUUID();
      const executed = pincex.bookkeeper.batchLockFunds([lock(userId, 'a')], { batchId });
      await cut.opened;
      // The same item with the same outcome, for another order.
      const other = { ...lock(userId, 'a'), orderId: 'other' };
      expectApplied(await books.pincex.bookkeeper.batchLockFunds([other], { batchId, actor: 'key:other' }));
      proxy.onRequest = () => 'pass';
      proxy.reopen();
      expect((await executed).failedItems.get(0)).toMatchObject({ code: 'id_reused' });
      expect(await funds(books.pincex, userId, 'USD')).toBe('90 / 10');
    });

    it('an order whose recorded rejection is looked up keeps the code of its refusal', async () => {
      const { pincex, proxy } = await openThroughProxy({ strategy });
      const userId = await newUser(pincex, { USD: '10' });
      const order = {
        userId,
        symbol: 'BTC/USD',
        side: 'buy',
        type: 'limit',
        quantity: '1',
        recordRejection: true,
      } as const;
      const seen = cutAfterCommit(proxy);
      const batch = await pincex.trading.batchPlaceOrders([
        { ...order, id: `${userId}-big`, price: '11' },
        { ...order, id: `${userId}-small`, price: '10' },
      ]);
      expect(seen.cuts).toBe(1);
      expect(batch.failedItems.get(0)!.code).toBe('insufficient_funds');
      expect(batch.results[1]!.status).toBe('applied');
    });
  },
);

describe.each<Strategy>(['guard', 'lock'])(
  'a request whose answer to the commit is lost (strategy %s)',
  (strategy) => {
    async function begun(userId: string) {
      const { pincex, proxy } = await openThroughProxy({ strategy });
      const requests = new Requests(pincex);
      const { request, items } = callOf(userId, { key: fresh('key') });
      const run = runOf(await requests.begin(sent(request)));
      const seen = cutAfterCommit(proxy);
      const write: Write = ({ durationMs }) => run.partFor({ status: 200, body: String(durationMs) });
      return {
        run,
        seen,
        executed: pincex.run('mixed', items, { batchId: run.batchId, writeWith: [write] }),
        again: () => requests.begin(sent(request)),
      };
    }

    it('a request whose answer is lost fails with outcome_unknown, and is finished when it is sent again', async () => {
      for (const userId of [await newUser(books.pincex, { USD: '10' }), fresh('nobody')]) {
        const { run, seen, executed, again } = await begun(userId);
        await expect(executed).rejects.toMatchObject({ code: 'outcome_unknown' });
        expect(seen.cuts).toBe(1);
        expect(await run.release()).toBe(false);
        expect((await again()).kind).toBe('finished');
      }
    });
  },
);

it('a statement that never reached the server is sent again', async () => {
  const { pincex, proxy } = await openThroughProxy();
  const userId = await newUser(pincex, { USD: '100' });
  let cuts = 0;
  proxy.onRequest = (request) => (request.includes('persist:') && ++cuts <= 3 ? 'cut' : 'pass');
  expectApplied(await pincex.bookkeeper.batchLockFunds([lock(userId, 'a')]));
  expect(cuts).toBeGreaterThan(3);
  expect(await funds(books.pincex, userId, 'USD')).toBe('90 / 10');
});

it('no item is lost or doubled when connections are killed under a stream of batches', async () => {
  const { pincex } = await openThroughProxy();
  const userId = await newUser(pincex, { USD: '1000' });
  let killed = 0;
  let locked = 0;
  const killOne = async (): Promise<void> => {
    // MATERIALIZED, since otherwise PostgreSQL may terminate connections before it has filtered them.
    const rows = await books.sql(
      `WITH one AS MATERIALIZED (
         SELECT pid FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = 'pincex'
         ORDER BY state = 'active' DESC LIMIT 1
       )
       SELECT pg_terminate_backend(pid) FROM one`,
    );
    killed += rows.length;
  };
  await Promise.all(
    [0, 1, 2].map(async (lane) => {
      for (let n = 0; killed < 15; n++) {
        const batch = pincex.bookkeeper.batchLockFunds([lock(userId, `${lane}-${n}`, '1')]);
        if (n % 3 === 0) await killOne();
        expectApplied(await batch);
        locked++;
      }
    }),
  );
  expect(await funds(books.pincex, userId, 'USD')).toBe(`${1000 - locked} / ${locked}`);
});

describe('a call while the database is unreachable', () => {
  const UNAVAILABLE = { code: 'database_unavailable' };

  it.each<[string, (pincex: Pincex, userId: string) => Promise<unknown>]>([
    ['a batch', (pincex, userId) => pincex.bookkeeper.batchLockFunds([lock(userId, 'a')])],
    ['a read', (pincex, userId) => pincex.bookkeeper.batchGetAccounts([userId], ['USD'])],
  ])(
    '%s is retried until reconnectMs is over and then fails, and a batch is applied once the database is back',
    async (_, call) => {
      const { pincex, proxy } = await openThroughProxy();
      const userId = await newUser(books.pincex, { USD: '100' });
      const clock = holdClock();
      proxy.shut();
      let isTold = false;
      const told = expect(call(pincex, userId).finally(() => (isTold = true))).rejects.toMatchObject({
        ...UNAVAILABLE,
        retryable: true,
      });
      // The time counts from the first failure, which comes before the second attempt.
      await until('a second attempt', () => proxy.refused > 1);
      clock.pass(limits.database.reconnectMs - 1);
      const refused = proxy.refused;
      await until('several attempts', () => proxy.refused > refused + 5);
      expect(isTold).toBe(false);
      clock.pass(1);
      await told;
      proxy.reopen();
      expectApplied(await pincex.bookkeeper.batchLockFunds([lock(userId, 'a')]));
    },
  );

  it.each<[string, (pincex: Pincex, url: string) => Promise<unknown>]>([
    ['an audit', (pincex) => pincex.audit()],
    ['a sweep', (pincex) => pincex.sweepExpired()],
    ['a transaction', (pincex) => pincex.transaction(() => Promise.resolve())],
    ['an opening', (_, url) => Pincex.open({ config: configOf(url) })],
  ])('%s fails with database_unavailable at once, without a retry', async (_, call) => {
    const { pincex, proxy } = await openThroughProxy();
    // With the clock stopped, a retry would never end.
    holdClock();
    proxy.shut();
    await expect(call(pincex, proxy.url)).rejects.toMatchObject(UNAVAILABLE);
  });

  it('a batch fails with outcome_unknown if the database goes while the batch is written and stays away', async () => {
    const { pincex, proxy } = await openThroughProxy();
    const userId = await newUser(pincex, { USD: '100' });
    const clock = holdClock();
    const seen = cutAfterCommit(proxy);
    const { onAnswer } = proxy;
    proxy.onAnswer = (answer) => {
      const verdict = onAnswer(answer);
      if (verdict === 'cut') proxy.shut();
      return verdict;
    };
    const told = expect(pincex.bookkeeper.batchLockFunds([lock(userId, 'a')])).rejects.toMatchObject({
      code: 'outcome_unknown',
      retryable: true,
      message: expect.stringContaining('and its outcome could not be looked up for 15 s') as string,
    });
    await until('the batch to look for the database', () => proxy.refused > 0);
    clock.pass(limits.database.reconnectMs);
    await told;
    expect(seen.cuts).toBe(1);
    proxy.reopen();
    expect((await pincex.bookkeeper.lockFunds(lock(userId, 'a'))).status).toBe('replayed');
  });
});

it('a batch fails with outcome_unknown if no connection becomes free to look it up', async () => {
  const environment = { PINCEX_DATABASE_POOL_MAX: '1', PINCEX_DATABASE_POOL_CONNECTION_TIMEOUT: '1h' };
  const { pincex, proxy } = await openThroughProxy({ strategy: 'lock' }, environment);
  const userId = await newUser(pincex, { USD: '100' });
  cutAfterCommit(proxy);
  const waiting = holdTimers(3_600_000);
  const begun = gate();
  const note = proxy.onRequest;
  proxy.onRequest = (request) => {
    begun.open();
    return note(request);
  };
  const outcome = expect(pincex.bookkeeper.batchLockFunds([lock(userId, 'a')])).rejects.toMatchObject({
    code: 'outcome_unknown',
  });
  await begun.opened;
  // This transaction waits for the only connection, gets it when the batch loses it, and keeps it.
  const taken = gate();
  const free = gate();
  const other = pincex.transaction(() => {
    taken.open();
    return free.opened;
  });
  await taken.opened;
  await until('the batch to wait for a connection', () => waiting.count === 1);
  waiting.fire();
  await outcome;
  free.open();
  await other;
});

it('a transaction whose commit is not answered fails with outcome_unknown', async () => {
  const { pincex, proxy } = await openThroughProxy();
  const userId = await newUser(pincex, { USD: '100' });
  cutAfterCommit(proxy);
  const call = pincex.transaction((tx) => tx.bookkeeper.batchLockFunds([lock(userId, 'a')]));
  await expect(call).rejects.toMatchObject({ code: 'outcome_unknown', retryable: true });
  const [result] = (await pincex.bookkeeper.batchLockFunds([lock(userId, 'a')])).results;
  expect(result!.status).toBe('replayed');
  await expectBalanced(pincex);
});
