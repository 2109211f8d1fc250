import type { Config } from '../config/load.ts';
import { Pincex } from '../index.ts';
import { applied } from './books/applied.ts';
import { ACCOUNTS, CURRENCY, lockItems, userOf } from './books/accounts.ts';
import { drawFrom } from './books/draw.ts';
import { withClient } from '../database/client.ts';
import { withDatabase } from '../database/connection/destination.ts';
import { DATABASE } from './books/scratch.ts';
import { seed } from './books/seed.ts';
import { withoutCache } from './books/stores.ts';
import { interleave, median, medianRatio, rounded, timed, type Candidate } from './timing.ts';

/** The times of one kind of batch on two tables that differ in one index. */
export interface CoveringIndexRow {
  readonly batch: string;
  readonly withoutMs: number;
  readonly withMs: number;
  /** The ratio of the time with the index to that without. */
  readonly ratio: number;
  /** The share of HOT updates of accounts, which change no index. */
  readonly hotShareWithout: number;
  readonly hotShareWith: number;
}

const CREATE = `
  CREATE UNIQUE INDEX accounts_covering
  ON accounts (user_id, currency) INCLUDE (balance, available, locked, updated_at)`;

interface Side {
  readonly pincex: Pincex;
  readonly url: string;
}

/**
 * Measures a covering index with the balances: the gain of reads, and the loss of locks. Both databases are on one server,
 * are seeded alike, and are measured in turn.
 */
export async function measureCoveringIndex(config: Config, durationMs: number): Promise<CoveringIndexRow[]> {
  const url = config.database.url ?? '';
  const name = `${DATABASE}_covered`;
  const covered = withDatabase(url, name);
  await seed(withoutCache(config));
  const maintenance = withDatabase(url, 'postgres');
  try {
    await withClient(maintenance, async (client) => {
      await client.query(`DROP DATABASE IF EXISTS ${name}`);
      await client.query(`CREATE DATABASE ${name} TEMPLATE ${DATABASE}`);
    });
    await withClient(covered, (client) => client.query(CREATE));
    return await compare(config, url, covered, durationMs);
  } finally {
    await withClient(maintenance, (client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
  }
}

async function compare(
  config: Config,
  plainUrl: string,
  coveredUrl: string,
  durationMs: number,
): Promise<CoveringIndexRow[]> {
  const open = async (url: string): Promise<Side> => ({
    url,
    pincex: await Pincex.open({ config: withoutCache({ ...config, database: { ...config.database, url } }) }),
  });
  const plain = await open(plainUrl);
  const covered = await open(coveredUrl);
  try {
    const steps: [string, (side: Side) => Candidate][] = [
      ['get 1,000 accounts, vacuumed', getAccounts],
      ['lock 500', lockFunds],
      ['get 1,000 accounts, after the locks', getAccounts],
    ];
    const rows: CoveringIndexRow[] = [];
    for (const [batch, candidate] of steps) {
      if (rows.length === 0) for (const { url } of [plain, covered]) await vacuum(url);
      const measured = await interleave(
        { without: candidate(plain), with: candidate(covered) },
        durationMs / steps.length,
      );
      rows.push({
        batch,
        withoutMs: rounded(median(measured.without)),
        withMs: rounded(median(measured.with)),
        ratio: rounded(medianRatio(measured.with, measured.without)),
        hotShareWithout: await hotShare(plain.url),
        hotShareWith: await hotShare(covered.url),
      });
    }
    return rows;
  } finally {
    await Promise.all([plain.pincex.close(), covered.pincex.close()]);
  }
}

function getAccounts({ pincex: { bookkeeper } }: Side): Candidate {
  const draw = drawFrom(ACCOUNTS, 'uniform', 1);
  return () => {
    const userIds = Array.from({ length: 1_000 }, () => userOf(draw()));
    return timed(() => bookkeeper.batchGetAccounts(userIds, [CURRENCY]));
  };
}

function lockFunds({ pincex: { bookkeeper } }: Side): Candidate {
  const draw = drawFrom(ACCOUNTS, 'uniform', 2);
  return () => {
    const locks = lockItems(500, draw);
    return timed(() => applied(bookkeeper.batchLockFunds(locks)));
  };
}

/** Vacuums to make the visibility map, without which an index-only scan reads the table. */
async function vacuum(url: string): Promise<void> {
  await withClient(url, (client) => client.query('VACUUM ANALYZE'));
}

async function hotShare(url: string): Promise<number> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<{ share: number | null }>(
      `SELECT (n_tup_hot_upd::float8 / nullif(n_tup_upd, 0)) AS share
       FROM pg_stat_user_tables WHERE relname = 'accounts'`,
    );
    return rounded(rows[0]?.share ?? 1);
  });
}
