import { describe, expect, test } from 'vitest';
import { newUser } from '../support/books.ts';
import {
  cached,
  cancel,
  onPrimary,
  onReplica,
  open,
  orderOf,
  place,
  readAll,
  servers,
  traced,
  usd,
  WHEN_CANCELLED,
  withdraw,
  writer,
  useReplica,
  WHILE_OPEN,
} from './replicas.ts';
import { LASTING, timesToLive } from './support.ts';

/** A process that caches never reads anything older than a commit of its own, although the replica is behind. */

useReplica();

describe('with a cache', () => {
  test('a commit is seen by every later read of its process, although the replica is behind', async () => {
    const userId = await newUser(cached.pincex, { USD: '100' });
    const order = orderOf(userId);
    await servers.catchUp();
    await servers.pauseReplay();
    await place(cached, order);
    expect(await readAll(cached, order)).toEqual({ ...WHILE_OPEN });
    await cancel(cached, order);
    const { result, ran } = await traced(cached, () => readAll(cached, order));
    // A list by status is in no cache, so it is read from the replica, however far that has come.
    expect(result).toEqual({ ...WHEN_CANCELLED, cancelled: '' });
    expect(onReplica(ran).filter((run) => run.startsWith('replica get-'))).toEqual([
      'replica get-user-orders-by-status 0',
    ]);
    await servers.resumeReplay();
    expect(await readAll(cached, order)).toEqual(WHEN_CANCELLED);
  });

  test('once the replica has caught up, it is asked for rows that are not in the cache', async () => {
    const userIds = await Promise.all([1, 2, 3].map(() => newUser(writer.pincex, { USD: '100' })));
    const read = (userId: string) => traced(cached, () => usd(cached, userId));
    await withdraw(cached, userIds[0]!);
    await servers.catchUp();
    expect(await read(userIds[0]!)).toEqual({
      result: '99',
      ran: ['replica replica-position 1', 'replica get-accounts 1'],
    });
    expect((await read(userIds[0]!)).ran).toEqual([]);
    await servers.pauseReplay();
    await withdraw(cached, userIds[1]!);
    expect(await read(userIds[1]!)).toEqual({
      result: '99',
      ran: ['replica replica-position 1', 'primary get-accounts 1'],
    });
    // A row that was not changed is read from the primary too, since the position does not tell which rows were.
    expect((await read(userIds[2]!)).ran).toEqual(['replica replica-position 1', 'primary get-accounts 1']);
  });

  test('a process that has published nothing asks the primary for its log position', async () => {
    const userId = await newUser(writer.pincex, { USD: '100' });
    await servers.catchUp();
    const reader = await open(servers, LASTING);
    const first = await traced(reader, () => usd(reader, userId));
    expect(first.ran).toEqual([
      'primary primary-position 1',
      'replica replica-position 1',
      'replica get-accounts 1',
    ]);
    await servers.pauseReplay();
    const other = await newUser(writer.pincex, { USD: '7' });
    const { result, ran } = await traced(reader, () => usd(reader, other));
    expect(result).toBe('7');
    expect(onPrimary(ran)).toEqual(['primary primary-position 1', 'primary get-accounts 1']);
  });

  test.each([
    ['1h', 3],
    ['1ms', 4],
  ])(
    'no order of writes, reads, pauses and resumptions undoes a commit when entries live %s',
    async (ttl, steps) => {
      const process = await open(servers, timesToLive(ttl));
      const behind: string[] = [];
      for (const order of everyOrder(['write', 'read', 'replay'] as const, steps)) {
        const userId = await newUser(process.pincex, { USD: '100' });
        await servers.resumeReplay();
        let isPaused = false;
        let left = 100;
        const read = async (): Promise<void> => {
          const found = await usd(process, userId);
          if (found !== String(left)) behind.push(`${order.join()}: ${found} after ${left}`);
        };
        for (const step of order) {
          if (step === 'write') {
            await withdraw(process, userId);
            left--;
          } else if (step === 'read') {
            await read();
          } else {
            await (isPaused ? servers.resumeReplay() : servers.pauseReplay());
            isPaused = !isPaused;
          }
        }
        await read();
        await read();
      }
      expect(behind).toEqual([]);
    },
  );

  test('a fresh row that is in the cache is not undone by the older replica', async () => {
    const userId = await newUser(writer.pincex, { USD: '100' });
    const order = orderOf(userId);
    await place(writer, order);
    await servers.catchUp();
    // The reader knows a position, and the replica has reached it.
    const reader = await open(servers, LASTING);
    await newUser(reader.pincex, { USD: '1' });
    await servers.catchUp();
    await servers.pauseReplay();
    await cancel(writer, order);
    const { trading, bookkeeper } = reader.pincex;
    expect(await trading.getUserOrders(userId)).toMatchObject([{ status: 'open' }]);
    expect(await trading.getUserOrders(userId, { fresh: true })).toMatchObject([{ status: 'cancelled' }]);
    expect(await trading.getUserOrders(userId)).toMatchObject([{ status: 'cancelled' }]);
    expect(await trading.getOrder(order.id, { minVersion: 2 })).toMatchObject({ status: 'cancelled' });
    expect(await trading.getOrder(order.id)).toMatchObject({ status: 'cancelled' });
    expect(await bookkeeper.getAccount(userId, 'USD')).toMatchObject({ available: '100' });
  });
});

/** Every list of this length that can be made of these steps. */
function everyOrder<Step>(steps: readonly Step[], length: number): Step[][] {
  if (length === 0) return [[]];
  return everyOrder(steps, length - 1).flatMap((order) => steps.map((step) => [...order, step]));
}
