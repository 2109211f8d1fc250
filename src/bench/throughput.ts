import type { Pincex } from '../index.ts';
import { ACCOUNTS, CURRENCY, lockItems, placeItems, userOf } from './books/accounts.ts';
import { applied } from './books/applied.ts';
import { drawFrom, type Distribution, type Draw } from './books/draw.ts';
import { interleave, median, percentile, rounded, timed, type Candidate } from './timing.ts';

export interface ThroughputRow {
  readonly operation: string;
  readonly distribution: Distribution;
  readonly items: number;
  readonly opsPerSecond: number;
  /** The median time of a batch. */
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  /** The number of SQL statements of one batch. */
  readonly statements: number;
}

const SIZES = [1, 10, 50, 100, 500, 1_000, 5_000] as const;
/** The share of the time for each size. Small batches take less time, so they need a smaller share. */
const SHARES: Readonly<Record<(typeof SIZES)[number], number>> = {
  1: 1,
  10: 1,
  50: 1,
  100: 1,
  500: 2,
  1_000: 3,
  5_000: 6,
};
const SHARES_OF_ALL = SIZES.reduce((sum, size) => sum + SHARES[size], 0);

/** Makes a batch. Only running it is measured. */
type Operation = (pincex: Pincex, items: number, draw: Draw) => () => Promise<unknown>;

const OPERATIONS: Readonly<Record<string, Operation>> = {
  getAccounts({ bookkeeper }, items, draw) {
    const userIds = Array.from({ length: items }, () => userOf(draw()));
    return () => bookkeeper.batchGetAccounts(userIds, [CURRENCY]);
  },
  lockFunds({ bookkeeper }, items, draw) {
    const locks = lockItems(items, draw);
    return () => applied(bookkeeper.batchLockFunds(locks));
  },
  placeOrders({ trading }, items, draw) {
    const orders = placeItems(items, draw);
    return () => applied(trading.batchPlaceOrders(orders));
  },
};

export interface ThroughputOptions {
  readonly budgetMs: number;
  /** Returns the number of statements so far. */
  readonly statementCount: () => number;
  readonly onProgress: (share: number, what: string) => void;
}

/** Runs batches of each size, uniform and Zipf in turn, one after the other, as a single caller would send them. */
export async function measureThroughput(
  pincex: Pincex,
  { budgetMs, statementCount, onProgress }: ThroughputOptions,
): Promise<ThroughputRow[]> {
  const rows: ThroughputRow[] = [];
  const operations = Object.entries(OPERATIONS);
  const draws = { uniform: drawFrom(ACCOUNTS, 'uniform', 1), zipf: drawFrom(ACCOUNTS, 'zipf', 2) };
  let done = 0;
  for (const [operation, make] of operations) {
    for (const items of SIZES) {
      onProgress(done / (operations.length * SHARES_OF_ALL), `${operation}, ${items} items`);
      const statements = { uniform: 0, zipf: 0 };
      const candidate =
        (distribution: Distribution): Candidate =>
        async () => {
          const run = make(pincex, items, draws[distribution]);
          const before = statementCount();
          const ms = await timed(run);
          statements[distribution] = statementCount() - before;
          return ms;
        };
      const measured = await interleave(
        { uniform: candidate('uniform'), zipf: candidate('zipf') },
        (budgetMs * SHARES[items]) / (operations.length * SHARES_OF_ALL),
      );
      for (const distribution of ['uniform', 'zipf'] as const) {
        const times = measured[distribution];
        rows.push({
          operation,
          distribution,
          items,
          opsPerSecond: rounded((items * 1_000) / median(times)),
          p50Ms: rounded(percentile(times, 0.5)),
          p95Ms: rounded(percentile(times, 0.95)),
          p99Ms: rounded(percentile(times, 0.99)),
          statements: statements[distribution],
        });
      }
      done += SHARES[items];
    }
  }
  return rows;
}
