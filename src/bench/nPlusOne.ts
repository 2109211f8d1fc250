import type { CreateOrder, LockFunds, Pincex } from '../index.ts';
import { Database } from '../database/database.ts';
import { applied } from './books/applied.ts';
import { newId } from './books/accounts.ts';
import { lockFundsInLoop, updateOrdersInLoop, type StatusChange } from './loops.ts';
import { interleave, median, medianRatio, rounded, timed, type Candidate } from './timing.ts';

export interface Comparison {
  readonly operation: string;
  /** The median time of a loop over single calls. */
  readonly loopMs: number;
  /** The median time of one batch. */
  readonly batchMs: number;
  /** The ratio of the loop to the batch: the median of the rounds. */
  readonly ratio: number;
}

const USERS = 100;
const LOCKS = 50;
const UPDATES = 100;
const ORDERS_PER_USER = 30;
const LATEST = 20;
const CURRENCY = 'USD';

export interface NPlusOneOptions {
  /** The duration of the measurement in milliseconds. */
  readonly budgetMs?: number;
  /** Called with the progress, from 0 to 1, and the name of the current step. */
  readonly onProgress?: (share: number, operation: string) => void;
}

/**
 * Measures loops over single calls against batches, in turn, on the same database, through the same driver, both with prepared
 * statements. It creates its own users by deposits, and leaves books that balance.
 *
 * @param pincex must have no cache, or reads of the cache would be measured
 */
export async function runNPlusOne(
  pincex: Pincex,
  { budgetMs = 10_000, onProgress }: NPlusOneOptions = {},
): Promise<Comparison[]> {
  const { pool, optimizedRepository } = pincex.config.database;
  const database = new Database({
    url: pincex.connectionString,
    ...pool,
    max: 1,
    queryHints: optimizedRepository.enableQueryHints,
  });
  try {
    const userIds = await makeUsers(pincex);
    const pairs = pairsOf(pincex, database, userIds);
    const comparisons: Comparison[] = [];
    for (const [done, { operation, loop, batch }] of pairs.entries()) {
      onProgress?.(done / pairs.length, operation);
      const measured = await interleave({ loop, batch }, budgetMs / pairs.length, 3);
      comparisons.push({
        operation,
        loopMs: rounded(median(measured.loop)),
        batchMs: rounded(median(measured.batch)),
        ratio: rounded(medianRatio(measured.loop, measured.batch)),
      });
    }
    return comparisons;
  } finally {
    await database.close();
  }
}

interface Pair {
  readonly operation: string;
  readonly loop: Candidate;
  readonly batch: Candidate;
}

function pairsOf(pincex: Pincex, database: Database, userIds: readonly string[]): Pair[] {
  const { bookkeeper, trading } = pincex;
  return [
    {
      operation: `get ${USERS} accounts`,
      loop: () =>
        timed(async () => {
          for (const userId of userIds) await bookkeeper.getAccount(userId, CURRENCY);
        }),
      batch: () => timed(() => bookkeeper.batchGetAccounts(userIds, [CURRENCY])),
    },
    {
      operation: `lock ${LOCKS} funds`,
      loop: () => {
        const locks = makeLocks(userIds);
        return timed(() => lockFundsInLoop(database, locks));
      },
      batch: () => {
        const locks = makeLocks(userIds);
        return timed(() => applied(bookkeeper.batchLockFunds(locks)));
      },
    },
    {
      operation: `update ${UPDATES} orders`,
      loop: async () => {
        const changes = await makeChanges(pincex, userIds);
        return timed(() => updateOrdersInLoop(database, changes));
      },
      batch: async () => {
        const changes = await makeChanges(pincex, userIds);
        return timed(() => applied(trading.batchUpdateOrderStatus(changes)));
      },
    },
    {
      operation: `get the ${LATEST} latest orders of each of ${USERS} users`,
      loop: () =>
        timed(async () => {
          for (const userId of userIds) await trading.getUserOrders(userId, { limit: LATEST });
        }),
      batch: () => timed(() => trading.batchGetUserOrders(userIds, { limit: LATEST })),
    },
  ];
}

async function makeUsers({ bookkeeper, trading }: Pincex): Promise<string[]> {
  const userIds = Array.from({ length: USERS }, () => `bench-${newId()}`);
  const deposits = userIds.map((userId) => ({ id: newId(), userId, currency: CURRENCY, amount: '1000000' }));
  await applied(bookkeeper.batchDeposit(deposits));
  // One batch for each order of a user: a user's orders differ in their time, and are spread over the table.
  for (let round = 0; round < ORDERS_PER_USER; round++) {
    await applied(trading.batchCreateOrders(userIds.map(makeOrder)));
  }
  return userIds;
}

const makeOrder = (userId: string): CreateOrder => ({
  id: newId(),
  userId,
  symbol: 'BTC/USD',
  side: 'buy',
  type: 'limit',
  quantity: '0.015',
  price: '1000.25',
});

function makeLocks(userIds: readonly string[]): LockFunds[] {
  return userIds.slice(0, LOCKS).map((userId) => {
    const id = newId();
    return { id, userId, currency: CURRENCY, amount: '0.01', orderId: id };
  });
}

/** Open orders, and their status updates. */
async function makeChanges({ trading }: Pincex, userIds: readonly string[]): Promise<StatusChange[]> {
  const orders = userIds.slice(0, UPDATES).map(makeOrder);
  await applied(trading.batchCreateOrders(orders));
  return orders.map(({ id, userId }) => ({ id: newId(), userId, orderId: id, status: 'cancelled' }));
}
