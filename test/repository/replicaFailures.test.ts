import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import { expectBalanced, newUser } from '../support/books.ts';
import { TestReplica } from '../support/replica.ts';
import { until } from '../support/waiting.ts';
import {
  cached,
  onPrimary,
  onReplica,
  open,
  servers,
  traced,
  uncached,
  usd,
  withdraw,
  writer,
  type Process,
  useReplica,
} from './replicas.ts';
import { FOREVER_MS, LASTING, setTimes, timesToLive, UNCACHED } from './support.ts';

/** A replica that is away, silent, or another server: reads go on and find what the primary has. */

useReplica();

describe('a replica that fails', () => {
  /** Reads without a pause, in eight lanes, until they are told to end. */
  function reading(process: Process, userIds: readonly string[]) {
    let isOver = false;
    let reads = 0;
    const wrong: unknown[] = [];
    const lanes = Array.from({ length: 8 }, async (_, lane) => {
      for (let n = lane; !isOver; n++) {
        const userId = userIds[n % userIds.length]!;
        const found = await usd(process, userId).catch((error: unknown) => error);
        if (found !== '100') wrong.push(found);
        reads++;
        // A cached answer does not give way to the event loop, so the lane does.
        await turn();
      }
    });
    return {
      count: () => reads,
      async end(): Promise<void> {
        isOver = true;
        await Promise.all(lanes);
        expect(wrong).toEqual([]);
      },
    };
  }

  const untilUsed = (process: Process, userId: string): Promise<void> =>
    until('the replica to be used again', async () => {
      const { ran } = await traced(process, () => usd(process, userId));
      return onReplica(ran).some((run) => run.includes('get-accounts')) && onPrimary(ran).length === 0;
    });

  test.each(['SIGINT', 'SIGKILL'] as const)(
    'a replica that %s ended fails no read, and is used again when it is back',
    async (signal) => {
      const short = await open(servers, timesToLive('1ms'));
      const userIds = await Promise.all([1, 2, 3].map(() => newUser(writer.pincex, { USD: '100' })));
      await servers.catchUp();
      for (const process of [uncached, short]) {
        await untilUsed(uncached, userIds[0]!);
        const reads = reading(process, userIds);
        await until('reads to run', () => reads.count() > 50);
        await servers.stopReplica(signal);
        const count = reads.count();
        await until('reads to go on', () => reads.count() > count + 50);
        process.statements.length = 0;
        await until('reads to go on', () => reads.count() > count + 100);
        expect(onReplica(process.statements)).toEqual([]);
        await servers.startReplica();
        await until('the replica to be used again', () =>
          process.statements.some((run) => run.startsWith('replica get-accounts')),
        );
        await reads.end();
      }
    },
  );

  test('the books can be opened without the replica', async () => {
    const userId = await newUser(writer.pincex, { USD: '100' });
    await servers.catchUp();
    await servers.stopReplica();
    const process = await open(servers, UNCACHED);
    expect(await usd(process, userId)).toBe('100');
    expect((await process.pincex.trading.getOrderBook('BTC/USD')).symbol).toBe('BTC/USD');
    await servers.startReplica();
    await untilUsed(process, userId);
  });

  test('a replica that does not have the books, or that cannot be logged in to or reached, fails no read', async () => {
    const { primaryUrl } = servers;
    const elsewhere = new URL(servers.replicaUrl);
    elsewhere.pathname = 'postgres';
    const stranger = new URL(servers.replicaUrl);
    stranger.password = 'wrong';
    const nowhere = new URL(servers.replicaUrl);
    nowhere.hostname = 'replica.invalid';
    const userId = await newUser(writer.pincex, { USD: '100' });
    await servers.catchUp();
    for (const replicaUrl of [elsewhere.href, stranger.href, nowhere.href]) {
      for (const ttl of ['0s', '1ms']) {
        const process = await open({ primaryUrl, replicaUrl }, timesToLive(ttl));
        for (let n = 0; n < 5; n++) expect(await usd(process, userId)).toBe('100');
        expect((await process.pincex.trading.getOrderBook('BTC/USD')).symbol).toBe('BTC/USD');
        expect(onReplica(process.statements).filter((run) => run.includes('get-'))).toEqual([]);
      }
    }
  });

  test("a call that is the caller's mistake does not count as a failure of the replica", async () => {
    const { trading } = uncached.pincex;
    const userId = await newUser(writer.pincex, { USD: '100' });
    await servers.catchUp();
    for (let n = 0; n < 10; n++) {
      await expect(trading.getUserOrders(userId, { symbol: 'BTC/USD', limit: 0 })).rejects.toMatchObject({
        code: 'invalid_argument',
      });
    }
    const { ran } = await traced(uncached, () => usd(uncached, userId));
    expect(ran).toEqual(['replica get-accounts 1']);
  });

  test('a replica that does not answer is waited for once, and then left alone', async () => {
    const userId = await newUser(writer.pincex, { USD: '100' });
    await servers.catchUp();
    setTimes({ replicaWaitMs: 1_000, replicaPauseMs: FOREVER_MS });
    const process = await open(servers, UNCACHED);
    // The connection to the primary is open already; new ones to the replica are not answered.
    await process.pincex.trading.getUserOrders(userId, { fresh: true });
    servers.signalReplica('SIGSTOP');
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      let answered = 0;
      const reads = [
        () => usd(process, userId),
        () => process.pincex.trading.getOrder('none'),
        () => process.pincex.trading.getOrderBook('BTC/USD'),
      ].map((read) => read().finally(() => answered++));
      await vi.advanceTimersByTimeAsync(999);
      // A read that asks only the primary is answered meanwhile.
      await process.pincex.trading.getUserOrders(userId, { fresh: true });
      expect(answered).toBe(0);
      await vi.advanceTimersByTimeAsync(1);
      expect(await Promise.all(reads)).toMatchObject(['100', null, { symbol: 'BTC/USD' }]);
      const { ran } = await traced(process, () => usd(process, userId));
      expect(ran).toEqual(['primary get-accounts 1']);
    } finally {
      vi.useRealTimers();
      servers.signalReplica('SIGCONT');
      setTimes({ replicaWaitMs: FOREVER_MS, replicaPauseMs: 20 });
    }
  });

  test('a replica that did not answer is used again once it answers', async () => {
    const process = await open(servers, UNCACHED);
    const userId = await newUser(writer.pincex, { USD: '100' });
    await servers.catchUp();
    servers.signalReplica('SIGSTOP');
    setTimes({ replicaWaitMs: 50 });
    try {
      for (let n = 0; n < 5; n++) expect(await usd(process, userId)).toBe('100');
    } finally {
      servers.signalReplica('SIGCONT');
      setTimes({ replicaWaitMs: FOREVER_MS });
    }
    await untilUsed(process, userId);
  });

  test('a replica that comes back behind where it was undoes no commit', async () => {
    const userId = await newUser(cached.pincex, { USD: '100' });
    await servers.catchUp();
    await servers.replica('CHECKPOINT');
    await withdraw(cached, userId);
    await servers.catchUp();
    const other = await newUser(cached.pincex, { USD: '100' });
    await servers.catchUp();
    const warm = await traced(cached, () => usd(cached, other));
    expect(warm.ran.at(-1)).toBe('replica get-accounts 1');
    await servers.stopReplica('SIGKILL');
    // The replica has what it had written to its disk, and applies the rest only after an hour.
    await servers.startReplica({ recovery_min_apply_delay: '1h' });
    const [row] = await servers.replica<{ available: string }>(
      `SELECT available FROM accounts WHERE user_id = $1 AND currency = 'USD'`,
      [userId],
    );
    expect(Number(row?.available)).toBe(100);
    expect(await usd(cached, userId)).toBe('99');
    expect(await usd(cached, userId)).toBe('99');
    await servers.stopReplica();
    await servers.startReplica();
    await untilUsed(uncached, userId);
  });
});

test('a replica that was promoted is not asked for rows that were published', async () => {
  const own = await TestReplica.start();
  try {
    const process = await open(own, LASTING);
    const userId = await newUser(process.pincex, { USD: '100' });
    await own.catchUp();
    await own.replica('SELECT pg_promote()');
    await until('the replica to be a primary', async () => {
      const [row] = await own.replica<{ yes: boolean }>('SELECT NOT pg_is_in_recovery() AS yes');
      return row?.yes === true;
    });
    // The log of the promoted server is longer than the primary's, and its positions mean something else.
    await own.replica(`SELECT pg_logical_emit_message(true, 'pincex', repeat('x', 1000000))`);
    await withdraw(process, userId);
    const { result, ran } = await traced(process, () => usd(process, userId));
    expect(result).toBe('99');
    expect(ran).toEqual(['replica replica-position 1', 'primary get-accounts 1']);
    await expectBalanced(process.pincex);
  } finally {
    await own.remove();
  }
});
