import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Pincex } from '../../src/index.ts';
import { configOf, expectApplied, expectBalanced, fresh, newUser } from '../support/books.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { startProxy, type Proxy } from '../support/proxy.ts';
import { NO_REDIS, startCluster, TestRedis } from '../support/redis.ts';
import { gate, until } from '../support/waiting.ts';
import { LASTING, untilCached, usdOf, waitPatiently } from './support.ts';

/** Two processes that share a cache, in one Redis or in a cluster: what they read and what they tell each other. */

describe.skipIf(NO_REDIS !== null).each(['one Redis', 'a cluster'])('two processes that share %s', (kind) => {
  let database: TestDatabase;
  let nodes: TestRedis[];
  /** The line between the reader and PostgreSQL. */
  let line: Proxy;
  let reader: Pincex;
  let writer: Pincex;
  let userId = '';
  /** The statements of the reader that read accounts. */
  const reads: string[] = [];

  beforeAll(async () => {
    waitPatiently();
    database = await createTestDatabase();
    nodes = kind === 'a cluster' ? await startCluster() : [await TestRedis.start()];
    const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`).join();
    const cache: Record<string, string> = {
      ...LASTING,
      ...(kind === 'a cluster' ? { PINCEX_REDIS_CLUSTER: addresses } : { REDIS_URL: nodes[0]?.url ?? '' }),
    };
    line = await startProxy(database.url);
    reader = await Pincex.open({
      config: configOf(line.url, cache),
      onStatement: ({ name }) => {
        if (name === 'get-accounts') reads.push(name);
      },
    });
    writer = await Pincex.open({ config: configOf(database.url, cache) });
  });
  beforeEach(async () => {
    userId = await newUser(writer, { USD: '100' });
    // This opens the connections of both processes and loads the scripts.
    const known = await newUser(writer, { USD: '1' });
    await untilCached(reads, () => reader.bookkeeper.getAccount(known, 'USD'));
    reads.length = 0;
  });
  afterEach(() => expectBalanced(writer));
  afterAll(async () => {
    await Promise.all([reader.close(), writer.close()]);
    await line.close();
    for (const node of nodes) await node.remove();
    await database.drop();
  });

  const available = (): Promise<string | undefined> => usdOf(reader, userId);
  const withdraw = async (): Promise<void> => {
    const out = { id: fresh('out'), userId, currency: 'USD', amount: '1' };
    expect((await writer.bookkeeper.withdraw(out)).status).toBe('applied');
  };
  /** The number of scripts that Redis has run. */
  const scripts = async (): Promise<number> => {
    const stats = await Promise.all(nodes.map((node) => node.command('INFO', 'commandstats')));
    const counts = stats.map((text) => Number(/cmdstat_evalsha:calls=(\d+)/.exec(text)?.[1] ?? 0));
    return counts.reduce((sum, count) => sum + count, 0);
  };
  /** Holds the next answer with a balance of 100, which is what was so when PostgreSQL was asked. */
  const holdAnswer = async (): Promise<void> => {
    const heard = gate();
    line.onAnswer = (answer) => {
      if (!answer.includes('100.')) return 'pass';
      line.onAnswer = () => 'pass';
      heard.open();
      return 'hold';
    };
    await heard.opened;
  };

  test('a read that begins after the commit of another process does not share one that began before it', async () => {
    const held = holdAnswer();
    const before = available();
    await held;
    await withdraw();
    const after = available();
    await turn();
    line.release();
    expect(await after).toBe('99');
    expect(await before).toBe('100');
    expect(await available()).toBe('99');
  });

  test('a thousand readers of a cold key make one statement, although they do not come at once', async () => {
    const held = holdAnswer();
    const readers = [available()];
    await held;
    const before = await scripts();
    for (let batch = 0; batch < 99; batch++) {
      for (let n = 0; n < 10; n++) readers.push(available());
      await turn();
    }
    await until('all to ask the cache', async () => (await scripts()) === before + 99);
    line.release();
    expect(new Set(await Promise.all(readers))).toEqual(new Set(['100']));
    expect(reads).toEqual(['get-accounts']);
  });

  test('two processes tell each other of batches of any size, and read nothing old while a node is away', async () => {
    const users = Array.from({ length: 1_000 }, () => fresh('user'));
    const deposit = async (id: string): Promise<void> => {
      const items = users.map((userId) => ({ id, userId, currency: 'USD', amount: '2' }));
      expectApplied(await writer.bookkeeper.batchDeposit(items));
    };
    const read = async ({ bookkeeper }: Pincex): Promise<unknown[]> => {
      const accounts = await bookkeeper.batchGetAccounts(users, ['USD']);
      return [...new Set(accounts.map((account) => account?.available))];
    };
    await deposit('first');
    expect(await untilCached(reads, () => read(reader))).toEqual(['2']);
    const sizes = await Promise.all(nodes.map(async (node) => Number(await node.command('DBSIZE'))));
    expect(Math.min(...sizes)).toBeGreaterThan(100);
    await deposit('second');
    expect(await read(reader)).toEqual(['4']);

    await nodes[0]?.stop('SIGKILL');
    await deposit('third');
    expect(await read(reader)).toEqual(['6']);
    expect(await read(writer)).toEqual(['6']);
    await nodes[0]?.start();
    expect(await untilCached(reads, () => read(reader))).toEqual(['6']);
  });
});
