import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { detectNPlusOne, type NPlusOneOptions } from '../../src/nPlusOne/index.ts';
import { limits } from '../../src/limits.ts';
import { anyway, fresh, newUser, useBooks } from '../support/books.ts';
import { holdClock } from '../support/clock.ts';
import { collectWarnings, detect, placeOf } from './support.ts';

const books = useBooks();
const FILE = 'test/nPlusOne/detector.test.ts';

const users = (count: number): string[] => Array.from({ length: count }, (_, n) => `user${n}`);

const getAccounts = async (userIds: readonly string[]): Promise<void> => {
  for (const userId of userIds) await books.pincex.bookkeeper.getAccount(userId, 'USD'); // reads
};

describe('detectNPlusOne', () => {
  it('finds a loop of single reads, with its count, its place, its time and the batch call to use instead', async () => {
    const clock = holdClock();
    const detector = detect();
    const onRead = (): void => {
      clock.pass(3);
    };
    subscribe('tracing:pincex:read:start', onRead);
    onTestFinished(() => {
      unsubscribe('tracing:pincex:read:start', onRead);
    });
    await getAccounts(users(4));
    expect(detector.loops).toEqual([]);
    await getAccounts(users(3));
    const place = placeOf(FILE, 'reads');
    expect(detector.loops).toEqual([
      {
        shape: 'batch_get_accounts',
        callSite: place,
        callers: expect.arrayContaining([expect.stringContaining(FILE)]) as string[],
        runs: 1,
        calls: 7,
        durationMs: 21,
        instead: 'call batchGetAccounts once with all items',
      },
    ]);
  });

  it('warns once for each place, and counts each run of a loop in the statistics', async () => {
    holdClock();
    const { pincex } = books;
    const before = pincex.statistics.snapshot().loops;
    const warnings = collectWarnings();
    const detector = detect({ threshold: 2 });
    for (let run = 1; run <= 3; run++) await detector.run(() => getAccounts(users(3)));
    await detector.run(async () => {
      for (const userId of users(2)) await pincex.trading.getUserOrders(userId); // lists
    });
    const [reads, lists, ...others] = await warnings.upTo(2);
    expect(reads!.message).toBe(
      `batch_get_accounts was called 2 times for one item each at ${placeOf(FILE, 'reads')}, which took 0.0 ms. Instead, call batchGetAccounts once with all items. See docs/migration.md of Pincex`,
    );
    expect(reads!.detail).toContain(`    at ${placeOf(FILE, 'reads')}\n    at ${FILE}:`);
    expect(lists!.message).toContain(
      `batch_get_user_orders was called 2 times for one item each at ${placeOf(FILE, 'lists')}`,
    );
    expect(others).toEqual([]);
    expect(pincex.statistics.snapshot().loops - before).toBe(4);
    expect(detector.loops.map(({ runs, calls }) => [runs, calls])).toEqual([
      [3, 9],
      [1, 2],
    ]);
  });

  it('finds loops of single writes, one after the other or at the same time, also inside a transaction', async () => {
    holdClock();
    const { pincex } = books;
    const userId = await newUser(pincex);
    const deposit = () => ({ id: fresh('d'), userId, currency: 'USD', amount: '1' });
    const detector = detect({ threshold: 3 });
    for (let n = 0; n < 3; n++) await pincex.bookkeeper.deposit(deposit()); // one after the other
    await Promise.all(users(3).map(() => pincex.bookkeeper.deposit(deposit()))); // at the same time
    await pincex.transaction(async ({ bookkeeper }) => {
      for (let n = 0; n < 3; n++) await bookkeeper.deposit(deposit()); // in a transaction
    });
    for (let n = 0; n < 3; n++) await pincex.execute([{ command: 'deposit', ...deposit() }]); // mixed
    const places = ['one after the other', 'at the same time', 'in a transaction', 'mixed'];
    expect(detector.loops.map(({ callSite, calls }) => [callSite, calls])).toEqual(
      places.map((mark) => [placeOf(FILE, mark), 3]),
    );
  });

  it('finds the place of a loop whose calls are not awaited but chained', async () => {
    holdClock();
    const detector = detect({ threshold: 3 });
    let last: Promise<unknown> = Promise.resolve();
    for (const userId of users(3)) last = last.then(() => books.pincex.bookkeeper.getAccount(userId, 'USD')); // chained
    await last;
    expect(detector.loops).toMatchObject([{ calls: 3, callSite: placeOf(FILE, 'chained') }]);
  });

  it('finds no loop in batches, in single reads of one turn, in streams and in sweeps', async () => {
    holdClock();
    const { pincex } = books;
    const detector = detect({ threshold: 2 });
    for (let n = 0; n < 3; n++) {
      await pincex.bookkeeper.batchGetAccounts(users(2), ['USD']);
      await Promise.all(users(3).map((userId) => pincex.bookkeeper.getAccount(userId, 'USD')));
      for await (const { version } of pincex.streamAccounts()) expect(version).toBeGreaterThan(0);
      await pincex.sweepExpired();
    }
    expect(detector.loops).toEqual([]);
  });

  it('counts each HTTP request apart, also on one connection', async () => {
    holdClock();
    const detector = detect({ threshold: 3 });
    const server = createServer((request, response) => {
      void getAccounts(users(Number(request.url?.slice(1)))).then(() => response.end());
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      server.close();
      server.closeAllConnections();
    });
    const get = async (count: number): Promise<void> => {
      const { port } = server.address() as AddressInfo;
      await (await fetch(`http://127.0.0.1:${port}/${count}`)).text();
    };
    for (let n = 0; n < 3; n++) await get(2);
    expect(detector.loops).toEqual([]);
    await get(4);
    expect(detector.loops).toMatchObject([{ runs: 1, calls: 4 }]);
  });

  it('counts apart what detector.run runs, and calls with a long pause between them', async () => {
    const clock = holdClock();
    const detector = detect({ threshold: 3 });
    for (let n = 0; n < 3; n++) await detector.run(() => getAccounts(users(2)));
    for (let n = 0; n < 3; n++) {
      await getAccounts(users(2));
      clock.pass(limits.nPlusOne.pauseMs + 1);
    }
    expect(detector.loops).toEqual([]);
    await getAccounts(users(2));
    clock.pass(limits.nPlusOne.pauseMs);
    await getAccounts(users(1));
    expect(detector.loops).toMatchObject([{ calls: 3 }]);
  });

  it('takes stacks only while it looks for loops', async () => {
    const calls = channel('pincex:call');
    expect(calls.hasSubscribers).toBe(false);
    const detector = detectNPlusOne({ threshold: 2 });
    expect(calls.hasSubscribers).toBe(true);
    detector.stop();
    expect(calls.hasSubscribers).toBe(false);
    await getAccounts(users(3));
    expect(detector.loops).toEqual([]);
  });

  it.each([
    [{ threshold: 1 }, 'threshold must be a whole number from 2 to 10000: got 1 (a number)'],
    [{ threshold: 2.5 }, 'threshold must be a whole number from 2 to 10000: got 2.5 (a number)'],
    [{ threshold: '5' }, 'threshold must be a whole number from 2 to 10000: got "5"'],
    [
      { treshold: 5 },
      '"treshold" is not an option of detectNPlusOne: the nearest is threshold, of threshold',
    ],
    [5, 'The options of detectNPlusOne are an object: got 5 (a number)'],
  ])('refuses the options %j', (options, message) => {
    expect(() => detectNPlusOne(anyway<NPlusOneOptions>(options))).toThrow(
      expect.objectContaining({ code: 'invalid_argument', message }) as Error,
    );
  });
});
