import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Database, type Session } from '../../src/database/database.ts';
import {
  limits,
  Pincex,
  type AccountView,
  type OrderView,
  type PlaceOrder,
  type StatementRun,
} from '../../src/index.ts';
import * as kinds from '../../src/repository/kinds.ts';
import { isHit, type Cache, type CacheRead } from '../../src/repository/cache.ts';
import { ProcessCache } from '../../src/repository/processCache.ts';
import { RedisCache } from '../../src/repository/redisCache.ts';
import { Replica } from '../../src/repository/replica.ts';
import { Repository } from '../../src/repository/repository.ts';
import {
  anyway,
  configOf,
  expectApplied,
  expectBalanced,
  fresh,
  newUser,
  outcomes,
} from '../support/books.ts';
import { NO_REDIS, TestRedis } from '../support/redis.ts';
import { TestReplica } from '../support/replica.ts';
import { gate, until, type Gate } from '../support/waiting.ts';
import { redisConfig } from './support.ts';

/** A process that reads from the replica, and the statements that it has run, such as `replica get-accounts 3`. */
interface Process {
  readonly pincex: Pincex;
  readonly statements: string[];
}

const TTL_KEYS = ['ORDER_CACHE_TTL', 'TRADE_CACHE_TTL', 'USER_ORDERS_TTL', 'ACCOUNT_CACHE_TTL'];
const timesToLive = (ttl: string): Record<string, string> =>
  Object.fromEntries(TTL_KEYS.map((key) => [`PINCEX_DATABASE_OPTIMIZED_REPOSITORY_${key}`, ttl]));

const opened: Pincex[] = [];

async function open(
  { primaryUrl, replicaUrl }: Pick<TestReplica, 'primaryUrl' | 'replicaUrl'>,
  environment: Record<string, string> = {},
): Promise<Process> {
  const statements: string[] = [];
  const pincex = await Pincex.open({
    config: configOf(primaryUrl, { PINCEX_DATABASE_READ_URL: replicaUrl, ...environment }),
    onStatement: ({ server, name, rows }: StatementRun) => statements.push(`${server} ${name} ${rows}`),
  });
  opened.push(pincex);
  return { pincex, statements };
}

/** What a call returns, and the statements that it ran. */
async function traced<Result>(
  { statements }: Process,
  call: () => Promise<Result>,
): Promise<{ result: Result; ran: string[] }> {
  statements.length = 0;
  const result = await call();
  return { result, ran: [...statements] };
}

const onReplica = (ran: readonly string[]): string[] => ran.filter((run) => run.startsWith('replica'));
const onPrimary = (ran: readonly string[]): string[] => ran.filter((run) => run.startsWith('primary'));

let servers: TestReplica;
/** One without a cache, one with, and one that writes beside them: nobody is told of what it commits. */
let uncached: Process;
let cached: Process;
let writer: Process;

beforeAll(async () => {
  servers = await TestReplica.start();
  uncached = await open(servers, timesToLive('0s'));
  cached = await open(servers);
  writer = await open(servers, timesToLive('0s'));
  // The accounts of the outside world and of the fees are made once.
  await newUser(writer.pincex, { USD: '1', BTC: '1' });
});
afterEach(async () => {
  await servers.resumeReplay();
  await expectBalanced(writer.pincex);
});
afterAll(async () => {
  await Promise.all(opened.map((pincex) => pincex.close()));
  await servers.remove();
});

/** The version that a withdrawal of 1 USD made. */
async function withdraw({ pincex }: Process, userId: string): Promise<number> {
  const { results } = await pincex.bookkeeper.batchWithdraw([
    { id: fresh('out'), userId, currency: 'USD', amount: '1' },
  ]);
  const [result] = results;
  if (result?.status !== 'applied') throw new Error('The withdrawal was not applied');
  return result.data.version;
}

const orderOf = (userId: string, side: 'buy' | 'sell' = 'buy'): PlaceOrder => ({
  id: fresh('order'),
  userId,
  symbol: 'BTC/USD',
  side,
  type: 'limit',
  quantity: '0.1',
  price: '100.00',
});

async function place({ pincex }: Process, order: PlaceOrder): Promise<void> {
  expectApplied(await pincex.trading.placeOrders([order]));
}

async function cancel({ pincex }: Process, { userId, id }: PlaceOrder): Promise<void> {
  expectApplied(await pincex.trading.cancelOrders([{ id: fresh('cancel'), userId, orderId: id }]));
}

const availableOf = (account: AccountView | null | undefined): string | undefined => account?.available;
const statusOf = (order: OrderView | null | undefined): string | undefined => order?.status;

const usd = async ({ pincex }: Process, userId: string): Promise<string | undefined> =>
  availableOf(await pincex.bookkeeper.getAccount(userId, 'USD'));

/** Every kind of read, of one user with one order. */
const readsOf = ({ pincex }: Process, { userId, id }: PlaceOrder) => ({
  account: async () => availableOf(await pincex.bookkeeper.getAccount(userId, 'USD')),
  accounts: async () => (await pincex.bookkeeper.batchGetAccounts([userId], ['USD'])).map(availableOf).join(),
  order: async () => statusOf(await pincex.trading.getOrder(id)),
  orders: async () => (await pincex.trading.batchGetOrdersByIds([id])).map(statusOf).join(),
  ofUser: async () => (await pincex.trading.getUserOrders(userId)).map(statusOf).join(),
  ofUsers: async () => (await pincex.trading.batchGetUserOrders([userId])).flat().map(statusOf).join(),
  cancelled: async () =>
    (await pincex.trading.getUserOrders(userId, { statuses: ['cancelled'] })).map(statusOf).join(),
  open: async () => (await pincex.trading.batchGetOpenOrdersByUsers([userId])).flat().map(statusOf).join(),
  trades: async () => (await pincex.trading.batchGetTradesByOrderIds([id])).flat().length,
});

async function readAll(process: Process, order: PlaceOrder): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  for (const [name, read] of Object.entries(readsOf(process, order))) found[name] = await read();
  return found;
}

const WHILE_OPEN = {
  account: '90',
  accounts: '90',
  order: 'open',
  orders: 'open',
  ofUser: 'open',
  ofUsers: 'open',
  cancelled: '',
  open: 'open',
  trades: 0,
};
const WHEN_CANCELLED = {
  account: '100',
  accounts: '100',
  order: 'cancelled',
  orders: 'cancelled',
  ofUser: 'cancelled',
  ofUsers: 'cancelled',
  cancelled: 'cancelled',
  open: '',
  trades: 0,
};

describe('without a cache', () => {
  test('reads come from the replica and from nowhere else, each by one statement', async () => {
    const userId = await newUser(writer.pincex, { USD: '100' });
    const order = orderOf(userId);
    await place(writer, order);
    await servers.catchUp();
    for (const [name, read] of Object.entries(readsOf(uncached, order))) {
      const { ran } = await traced<unknown>(uncached, read);
      expect(ran, name).toEqual([expect.stringMatching(/^replica get-/)]);
    }
    expect(await readAll(uncached, order)).toEqual(WHILE_OPEN);
    await servers.pauseReplay();
    await cancel(uncached, order);
    expect(await readAll(uncached, order)).toEqual(WHILE_OPEN);
    await servers.resumeReplay();
    expect(await readAll(uncached, order)).toEqual(WHEN_CANCELLED);
  });

  test('order books come from the replica', async () => {
    const userId = await newUser(writer.pincex, { USD: '100' });
    const order = { ...orderOf(userId), price: '7.77' };
    const standing = async () => {
      const { result, ran } = await traced(uncached, () =>
        uncached.pincex.trading.getOrderBook('BTC/USD', 1_000),
      );
      expect(onPrimary(ran)).toEqual([]);
      expect(onReplica(ran)).toHaveLength(1);
      return result.bids.some(({ price }) => price === order.price);
    };
    await servers.pauseReplay();
    await place(writer, order);
    expect(await standing()).toBe(false);
    await servers.resumeReplay();
    expect(await standing()).toBe(true);
  });

  test('decisions are made by what the primary has, and ask the replica for nothing', async () => {
    const { pincex } = uncached;
    await servers.catchUp();
    await servers.pauseReplay();
    const { ran } = await traced(uncached, async () => {
      // The replica knows neither these users nor their orders.
      const buyer = await newUser(pincex, { USD: '100' });
      const seller = await newUser(pincex, { BTC: '1' });
      const lock = { userId: buyer, currency: 'USD', amount: '60', orderId: fresh('o') };
      const locks = [1, 2].map((n) => ({ ...lock, id: `lock-${n}` }));
      expect(outcomes(await pincex.bookkeeper.batchLockFunds(locks))).toEqual([
        'applied',
        'insufficient_funds',
      ]);
      expect(outcomes(await pincex.bookkeeper.batchLockFunds(locks.slice(0, 1)))).toEqual(['replayed']);
      const [buy, sell] = [orderOf(buyer), orderOf(seller, 'sell')];
      expectApplied(await pincex.trading.placeOrders([buy, sell]));
      expectApplied(
        await pincex.trading.settleTrades([
          {
            id: fresh('trade'),
            symbol: 'BTC/USD',
            price: '100.00',
            quantity: '0.1',
            buyUserId: buyer,
            buyOrderId: buy.id,
            sellUserId: seller,
            sellOrderId: sell.id,
            takerSide: 'sell',
          },
        ]),
      );
      const again = { id: fresh('cancel'), userId: buyer, orderId: buy.id };
      expect(outcomes(await pincex.trading.cancelOrders([again]))).toEqual(['invalid_transition']);
      expectApplied(await pincex.execute([{ command: 'unlockFunds', ...lock, id: fresh('unlock') }]));
      await pincex.sweepExpired();
      await pincex.audit();
      await pincex.catalog.get();
    });
    expect(onReplica(ran)).toEqual([]);
    expect(ran.length).toBeGreaterThan(10);
  });

  test('a read that knows a version gets it, though the replica is behind', async () => {
    const userId = await newUser(writer.pincex, { USD: '100' });
    await servers.catchUp();
    await servers.pauseReplay();
    const minVersion = await withdraw(writer, userId);
    const { result, ran } = await traced(uncached, () =>
      uncached.pincex.bookkeeper.getAccount(userId, 'USD', { minVersion }),
    );
    expect(result).toMatchObject({ available: '99', version: minVersion });
    expect(ran).toEqual(['replica get-accounts 1', 'primary get-accounts 1']);
    // Who knows nothing is not told either.
    expect(await usd(uncached, userId)).toBe('100');
    await servers.resumeReplay();
    const later = await traced(uncached, () =>
      uncached.pincex.bookkeeper.getAccount(userId, 'USD', { minVersion }),
    );
    expect(later.ran).toEqual(['replica get-accounts 1']);
    expect(later.result).toEqual(result);
  });

  test('of many only those that are behind are asked for at the primary', async () => {
    const { bookkeeper, trading } = uncached.pincex;
    const userIds = await Promise.all(
      Array.from({ length: 10 }, () => newUser(writer.pincex, { USD: '100' })),
    );
    const placed = userIds.map((userId) => orderOf(userId));
    for (const order of placed) await place(writer, order);
    await servers.catchUp();
    await servers.pauseReplay();
    const moved = [1, 4, 7];
    for (const n of moved) await cancel(writer, placed[n]!);
    const versions = (stands: number, isMoved: number) =>
      userIds.map((_, n) => (moved.includes(n) ? isMoved : n === 0 ? null : stands));

    const accounts = await traced(uncached, () =>
      bookkeeper.batchGetAccounts(userIds, ['USD'], { minVersions: versions(2, 3) }),
    );
    expect(accounts.ran).toEqual(['replica get-accounts 10', 'primary get-accounts 3']);
    expect(accounts.result.map(availableOf)).toEqual(
      userIds.map((_, n) => (moved.includes(n) ? '100' : '90')),
    );

    const orders = await traced(uncached, () =>
      trading.batchGetOrdersByIds(
        placed.map(({ id }) => id),
        { minVersions: versions(1, 2) },
      ),
    );
    expect(orders.ran).toEqual(['replica get-orders-by-ids 10', 'primary get-orders-by-ids 3']);
    expect(orders.result.map(statusOf)).toEqual(
      userIds.map((_, n) => (moved.includes(n) ? 'cancelled' : 'open')),
    );

    // The single forms are gathered, and then are the same.
    const gathered = await traced(uncached, () =>
      Promise.all(
        versions(2, 3).map((minVersion, n) => bookkeeper.getAccount(userIds[n]!, 'USD', { minVersion })),
      ),
    );
    expect(gathered.ran).toEqual(accounts.ran);
    expect(gathered.result).toEqual(accounts.result);
  });

  test('a version that never was gets what the primary has', async () => {
    const userId = await newUser(writer.pincex, { USD: '100' });
    await servers.catchUp();
    await servers.pauseReplay();
    await withdraw(writer, userId);
    for (const process of [uncached, cached]) {
      const { bookkeeper, trading } = process.pincex;
      const minVersion = Number.MAX_SAFE_INTEGER;
      expect(await bookkeeper.getAccount(userId, 'USD', { minVersion })).toMatchObject({ available: '99' });
      expect(await bookkeeper.getAccount(fresh('nobody'), 'USD', { minVersion })).toBeNull();
      expect(await trading.getOrder(fresh('none'), { minVersion })).toBeNull();
    }
  });

  test.each([-1, 1.5, Number.NaN, Infinity, 2 ** 53, '2', {}, 2n])('%s is no version', async (value) => {
    const minVersion = anyway<number>(value);
    const { bookkeeper, trading } = uncached.pincex;
    const minVersions = [minVersion];
    for (const call of [
      () => bookkeeper.getAccount('ann', 'USD', { minVersion }),
      () => bookkeeper.batchGetAccounts(['ann'], ['USD'], { minVersions }),
      () => trading.getOrder('order', { minVersion }),
      () => trading.batchGetOrdersByIds(['order'], { minVersions }),
    ]) {
      const { result, ran } = await traced(uncached, () => call().catch((error: unknown) => error));
      expect(result).toMatchObject({ code: 'invalid_argument' });
      expect(ran).toEqual([]);
    }
  });

  test.each([[5], ['abc'], [{}], [null], [[1, 2]], [[]]])(
    '%j are no versions of one account',
    async (value) => {
      const minVersions = anyway<number[]>(value);
      const { bookkeeper, trading } = uncached.pincex;
      for (const call of [
        bookkeeper.batchGetAccounts(['ann'], ['USD'], { minVersions }),
        trading.batchGetOrdersByIds(['order'], { minVersions }),
      ]) {
        await expect(call).rejects.toMatchObject({ name: 'PincexError', code: 'invalid_argument' });
      }
    },
  );

  test('lists that are asked for fresh come from the primary', async () => {
    const { trading } = uncached.pincex;
    const userId = await newUser(writer.pincex, { USD: '100' });
    const order = orderOf(userId);
    await place(writer, order);
    await servers.catchUp();
    await servers.pauseReplay();
    await cancel(writer, order);
    const lists = (fresh: boolean): (() => Promise<OrderView[][]>)[] => [
      () => trading.batchGetUserOrders([userId], { fresh }),
      async () => [await trading.getUserOrders(userId, { fresh })],
      () => trading.batchGetUserOrders([userId], { fresh, symbol: 'BTC/USD' }),
      async () => [await trading.getUserOrders(userId, { fresh, statuses: ['open', 'cancelled'] })],
    ];
    for (const read of lists(false)) expect((await read()).flat().map(statusOf)).toEqual(['open']);
    for (const read of lists(true)) expect((await read()).flat().map(statusOf)).toEqual(['cancelled']);
    expect(await trading.batchGetOpenOrdersByUsers([userId])).toMatchObject([[{ status: 'open' }]]);
    expect(await trading.batchGetOpenOrdersByUsers([userId], { fresh: true })).toEqual([[]]);
    const trades = await traced(uncached, () =>
      trading.batchGetTradesByOrderIds([order.id], { fresh: true }),
    );
    expect(onPrimary(trades.ran)).toEqual(['primary get-trades-by-orders 0']);
  });

  test('a transaction reads on its own connection only', async () => {
    for (const process of [uncached, cached]) {
      const { pincex } = process;
      const userId = await newUser(writer.pincex, { USD: '100' });
      const order = orderOf(userId);
      await servers.catchUp();
      const { ran } = await traced(process, () =>
        pincex.transaction(async (tx) => {
          const inside = { pincex: anyway<Pincex>(tx), statements: [] };
          expectApplied(await tx.trading.placeOrders([order]));
          expect(await readAll(inside, order)).toEqual(WHILE_OPEN);
          await cancel(inside, order);
          expect(await readAll(inside, order)).toEqual(WHEN_CANCELLED);
          await tx.trading.getOrderBook('BTC/USD');
        }),
      );
      expect(onReplica(ran)).toEqual([]);
    }
  });
});

describe('with a cache', () => {
  test('a commit is seen by whoever reads after it, though the replica is behind', async () => {
    const userId = await newUser(cached.pincex, { USD: '100' });
    const order = orderOf(userId);
    await servers.catchUp();
    await servers.pauseReplay();
    await place(cached, order);
    expect(await readAll(cached, order)).toEqual({ ...WHILE_OPEN });
    await cancel(cached, order);
    const { result, ran } = await traced(cached, () => readAll(cached, order));
    // What no cache holds is read however far the replica has come.
    expect(result).toEqual({ ...WHEN_CANCELLED, cancelled: '' });
    expect(onReplica(ran).filter((run) => run.startsWith('replica get-'))).toEqual([
      'replica get-user-orders-by-status 0',
    ]);
    await servers.resumeReplay();
    expect(await readAll(cached, order)).toEqual(WHEN_CANCELLED);
  });

  test('once the replica has caught up, it is asked for what is not in the cache', async () => {
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
    // So is what was not changed: nobody knows that by the position.
    expect((await read(userIds[2]!)).ran).toEqual(['replica replica-position 1', 'primary get-accounts 1']);
  });

  test('a process that has published nothing asks the primary how far it is', async () => {
    const userId = await newUser(writer.pincex, { USD: '100' });
    await servers.catchUp();
    const reader = await open(servers);
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
    ['1m', 3],
    ['1ms', 4],
  ])(
    'no order of writes, reads, pauses and resumptions undoes a commit: entries live %s',
    async (ttl, steps) => {
      const process = await open(servers, {
        ...timesToLive(ttl),
        PINCEX_DATABASE_OPTIMIZED_REPOSITORY_TTL: 'fixed',
      });
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

  test('what was read anew is not undone by the replica either', async () => {
    const userId = await newUser(writer.pincex, { USD: '100' });
    const order = orderOf(userId);
    await place(writer, order);
    await servers.catchUp();
    // It knows a position, and the replica has reached that.
    const reader = await open(servers);
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

/** Knows positions, and has neither entries nor leases: as a cluster of which one node is away. */
class LeaselessCache extends ProcessCache {
  override async read(...[keys, asked]: Parameters<Cache['read']>): Promise<CacheRead> {
    const read = await super.read(keys, asked);
    return { ...read, entries: keys.map(() => ({ lease: null })) };
  }
}

/** The steps of one reader and one commit, each held until the test lets it go on. */
describe('step by step', () => {
  let primary: Database;
  let replica: Database;

  beforeAll(() => {
    const options = {
      max: 4,
      connectionTimeoutMs: 10_000,
      maxWaiting: 1_000,
      statementTimeoutMs: 60_000,
      idleTimeoutMs: 30_000,
      queryHints: true,
    };
    primary = new Database({ ...options, url: servers.primaryUrl });
    replica = new Database({ ...options, url: servers.replicaUrl, server: 'replica' });
  });
  afterAll(() => Promise.all([primary.close(), replica.close()]));

  /** A process on these servers. What `hold` names is held once it has run. */
  function heldRepository(cache: Cache = new ProcessCache()) {
    const holds = new Map<string, { ran: Gate; goOn: Gate }>();
    const held = (session: Session): Session => ({
      async query<Row>(...[statement, values]: Parameters<Session['query']>) {
        const rows = await session.query<Row>(statement, values);
        const hold = holds.get(statement.name);
        holds.delete(statement.name);
        hold?.ran.open();
        await hold?.goOn.opened;
        return rows;
      },
    });
    const repository = new Repository({
      primary: held(primary),
      replica: new Replica({ withSession: (work) => replica.withSession((session) => work(held(session))) }),
      cache,
      ttlMs: { accounts: 60_000, orders: 60_000, userOrders: 60_000, trades: 60_000 },
      ttl: 'fixed',
      batchSize: 100,
    });
    const hold = (statement: string) => {
      const steps = { ran: gate(), goOn: gate() };
      holds.set(statement, steps);
      return steps;
    };
    // Not gathered: it takes its place in what is being read at once.
    const read = async (userId: string): Promise<string | undefined> => {
      const [account] = await repository.getMany(kinds.accounts, [{ userId, currency: 'USD' }]);
      return availableOf(account);
    };
    const publish = (userId: string): Promise<void> =>
      repository.publish({ replaced: [], removed: [kinds.accounts.keyOf({ userId, currency: 'USD' })] });
    return { hold, read, publish };
  }

  test('what was read at the replica before a commit is not stored after it', async () => {
    const userId = await newUser(writer.pincex, { USD: '100' });
    await servers.catchUp();
    const { hold, read, publish } = heldRepository();
    const reading = hold('get-accounts');
    const before = read(userId);
    await reading.ran.opened;
    await servers.pauseReplay();
    await withdraw(writer, userId);
    await publish(userId);
    reading.goOn.open();
    expect(await before).toBe('100');
    expect(await read(userId)).toBe('99');
  });

  test('who comes after a commit does not share what was read while it was published', async () => {
    const userId = await newUser(writer.pincex, { USD: '100' });
    const { hold, read, publish } = heldRepository();
    await publish('anybody');
    await servers.catchUp();
    await servers.pauseReplay();
    await withdraw(writer, userId);
    const publishing = hold('primary-position');
    const published = publish(userId);
    await publishing.ran.opened;
    const reading = hold('get-accounts');
    const meanwhile = read(userId);
    await reading.ran.opened;
    publishing.goOn.open();
    await published;
    const after = read(userId);
    reading.goOn.open();
    expect(await after).toBe('99');
    expect(await meanwhile).toBe('100');
    expect(await read(userId)).toBe('99');
  });

  test('a position that came without a lease is not believed: a node that is away may have missed a later one', async () => {
    const userId = await newUser(writer.pincex, { USD: '100' });
    const { read, publish } = heldRepository(new LeaselessCache());
    await publish('anybody');
    await servers.catchUp();
    await servers.pauseReplay();
    await withdraw(writer, userId);
    expect(await read(userId)).toBe('99');
  });

  describe.each(['process', 'redis'] as const)('with the cache in %s', (store) => {
    const skipped = store === 'redis' && NO_REDIS !== null;
    let redis: TestRedis | undefined;
    let cache: Cache;

    beforeEach(async () => {
      redis = store === 'redis' && !skipped ? await TestRedis.start() : undefined;
      cache =
        redis === undefined ? new ProcessCache() : new RedisCache(redisConfig({ url: redis.url }), 'books');
      await until('the cache to answer', async () => {
        const { entries } = await cache.read(['any']);
        return entries.some((entry) => isHit(entry) || entry.lease !== null);
      });
    });
    afterEach(async () => {
      await cache.close();
      await redis?.remove();
    });

    test.skipIf(skipped)(
      'a position that could not be asked for keeps readers from the replica until it can be',
      async () => {
        const [userId, other] = [
          await newUser(writer.pincex, { USD: '100' }),
          await newUser(writer.pincex, { USD: '7' }),
        ];
        await servers.catchUp();
        await servers.pauseReplay();
        await withdraw(writer, userId);
        let isAway = true;
        let onReplica = 0;
        const repository = new Repository({
          primary: {
            query: (statement, values) =>
              isAway ? Promise.reject(new Error('away')) : primary.query(statement, values),
          },
          replica: new Replica({
            withSession: (work) =>
              replica.withSession((session) =>
                work({
                  query(statement, values) {
                    if (statement.name === 'get-accounts') onReplica++;
                    return session.query(statement, values);
                  },
                }),
              ),
          }),
          cache,
          ttlMs: { accounts: 60_000, orders: 60_000, userOrders: 60_000, trades: 60_000 },
          ttl: 'fixed',
          batchSize: 100,
        });
        const read = async (userId: string) =>
          availableOf(await repository.get(kinds.accounts, { userId, currency: 'USD' }));
        await repository.publish({ replaced: [], removed: ['anything'] });
        isAway = false;
        expect(await read(userId)).toBe('99');
        expect(onReplica).toBe(0);
        await servers.resumeReplay();
        await servers.catchUp();
        expect(await read(other)).toBe('7');
        expect(onReplica).toBe(1);
      },
    );

    test.skipIf(skipped)(
      'the lower of two positions, told after all was lost, does not let an old row in',
      async () => {
        const userId = await newUser(writer.pincex, { USD: '100' });
        const { hold, read, publish } = heldRepository(cache);
        const slow = hold('primary-position');
        const published = publish('anybody');
        await slow.ran.opened;
        await servers.catchUp();
        await servers.pauseReplay();
        await withdraw(writer, userId);
        await publish(userId);
        await redis?.command('FLUSHALL');
        slow.goOn.open();
        await published;
        expect(await read(userId)).toBe('99');
        expect(await read(userId)).toBe('99');
      },
    );
  });
});

describe('a replica that fails', () => {
  const timeOf = async <Result>(call: () => Promise<Result>): Promise<number> => {
    const began = performance.now();
    await call();
    return performance.now() - began;
  };

  /** Reads that go on all the time, in eight lanes, until they are told to end. */
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
        // What is in the cache is answered without the event loop.
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
    'by %s does not fail a read, and is used again when it is back',
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

  test('is not needed for opening the books', async () => {
    const userId = await newUser(writer.pincex, { USD: '100' });
    await servers.catchUp();
    await servers.stopReplica();
    const process = await open(servers, timesToLive('0s'));
    expect(await usd(process, userId)).toBe('100');
    expect((await process.pincex.trading.getOrderBook('BTC/USD')).symbol).toBe('BTC/USD');
    await servers.startReplica();
    await untilUsed(process, userId);
  });

  test('since it knows nothing of the books, or lets nobody in, does not fail a read', async () => {
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

  test('is not left alone for what callers do wrong', async () => {
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

  test('by saying nothing at all is waited for once, and then left alone', async () => {
    const process = await open(servers, timesToLive('0s'));
    const userId = await newUser(writer.pincex, { USD: '100' });
    await servers.catchUp();
    // New connections are not answered.
    servers.signalReplica('SIGSTOP');
    try {
      const gathered = [
        () => usd(process, userId),
        () => process.pincex.trading.getOrder('none'),
        () => process.pincex.trading.getOrderBook('BTC/USD'),
      ];
      expect(await timeOf(() => Promise.all(gathered.map((read) => read())))).toBeGreaterThan(
        limits.replicaWaitMs - 50,
      );
      const { ran } = await traced(process, () => usd(process, userId));
      expect(ran).toEqual(['primary get-accounts 1']);
    } finally {
      servers.signalReplica('SIGCONT');
    }
    await untilUsed(process, userId);
  });

  test('and comes back behind where it was undoes nothing', async () => {
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
    // It knows what it had written to its disk, and learns the rest in an hour.
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

test.skipIf(NO_REDIS !== null)(
  'what Redis was not told in time is told as it is, or as unknown',
  async () => {
    const redis = await TestRedis.start();
    const cache = new RedisCache(redisConfig({ url: redis.url }), 'books');
    try {
      const position = async (): Promise<bigint | null> => (await cache.read(['any'])).position;
      const changes = { replaced: [], removed: ['any'] };
      await until('Redis to know a position', async () => {
        const { position, learn } = await cache.read(['any']);
        await learn?.(500n);
        return position === 500n;
      });
      for (const [missed, known] of [
        [600n, 600n],
        ['unknown', null],
      ] as const) {
        redis.signal('SIGSTOP');
        await cache.publish(changes, missed);
        redis.signal('SIGCONT');
        await until('Redis to be told', async () => {
          const { position, entries } = await cache.read(['any']);
          return entries.every((entry) => isHit(entry) || entry.lease !== null) && position === known;
        });
      }
      expect(await position()).toBeNull();
    } finally {
      await cache.close();
      await redis.remove();
    }
  },
);

test('a server that is no replica any more is not asked for what was published', async () => {
  const own = await TestReplica.start();
  try {
    const process = await open(own);
    const userId = await newUser(process.pincex, { USD: '100' });
    await own.catchUp();
    await own.replica('SELECT pg_promote()');
    await until('the replica to be a primary', async () => {
      const [row] = await own.replica<{ yes: boolean }>('SELECT NOT pg_is_in_recovery() AS yes');
      return row?.yes === true;
    });
    // Its log is longer than the primary's, and tells another story.
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

/** Every list of so many of these. */
function everyOrder<Step>(steps: readonly Step[], length: number): Step[][] {
  if (length === 0) return [[]];
  return everyOrder(steps, length - 1).flatMap((order) => steps.map((step) => [...order, step]));
}
