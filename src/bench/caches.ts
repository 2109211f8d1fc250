import type { Config } from '../config/load.ts';
import { Pincex, PincexError } from '../index.ts';
import { ACCOUNTS, CURRENCY, userOf } from './books/accounts.ts';
import { drawFrom } from './books/draw.ts';
import { withoutCache, withTtl } from './books/stores.ts';
import { interleave, median, medianRatio, rounded, timed, type Candidate } from './timing.ts';

/** A batch read of accounts that are all in the store. */
export interface CacheRow {
  readonly items: number;
  readonly store: 'postgresql' | 'process' | 'redis';
  readonly readMs: number;
  /** The ratio to the time of PostgreSQL; below 1 it is faster. */
  readonly timesPostgresql: number;
}

export interface CacheOptions {
  readonly budgetMs: number;
  readonly onProgress: (share: number, what: string) => void;
}

const SIZES = [10, 100, 1_000, 5_000];
/** Longer than any run, so that only hits are measured. */
const HOUR_MS = 3_600_000;

/**
 * Measures the gain of a warm cache: the same accounts from PostgreSQL, from the cache of the process, and from Redis if the
 * configuration names one. All three are read through the same call, in turn.
 */
export async function measureCaches(
  config: Config,
  { budgetMs, onProgress }: CacheOptions,
): Promise<CacheRow[]> {
  const cached = withTtl(config, HOUR_MS);
  const stores: Store[] = [];
  try {
    stores.push(await Store.open('postgresql', withoutCache(config)));
    stores.push(await Store.open('process', { ...cached, redis: null }));
    if (config.redis !== null) stores.push(await Store.open('redis', cached));

    const rows: CacheRow[] = [];
    for (const [done, items] of SIZES.entries()) {
      onProgress(done / SIZES.length, `warm caches, ${items} accounts`);
      const draw = drawFrom(ACCOUNTS, 'uniform', items);
      const userIds = Array.from({ length: items }, () => userOf(draw()));
      const candidates: Partial<Record<CacheRow['store'], Candidate>> = {};
      for (const store of stores) candidates[store.name] = await store.warm(userIds);
      const measured = await interleave(
        candidates as Record<CacheRow['store'], Candidate>,
        budgetMs / SIZES.length,
      );
      for (const { name } of stores) {
        rows.push({
          items,
          store: name,
          readMs: rounded(median(measured[name])),
          timesPostgresql: rounded(medianRatio(measured[name], measured.postgresql)),
        });
      }
    }
    return rows;
  } finally {
    await Promise.all(stores.map((store) => store.close()));
  }
}

/** Attempts at the first batch, since a connection to Redis may still be opening. */
const WARMING_ATTEMPTS = 20;

/** Books that are read from one store, with the number of misses. */
class Store {
  readonly name: CacheRow['store'];
  readonly #pincex: Pincex;
  readonly #misses: () => number;

  private constructor(name: CacheRow['store'], pincex: Pincex, misses: () => number) {
    this.name = name;
    this.#pincex = pincex;
    this.#misses = misses;
  }

  static async open(name: CacheRow['store'], config: Config): Promise<Store> {
    let misses = 0;
    const pincex = await Pincex.open({
      config,
      onCacheRead({ keys, hits }) {
        misses += keys - hits;
      },
    });
    return new Store(name, pincex, () => misses);
  }

  /** Reads until every key is a hit. Only hits may be measured afterwards. */
  async warm(userIds: readonly string[]): Promise<Candidate> {
    const read = async (): Promise<boolean> => {
      const before = this.#misses();
      await this.#pincex.bookkeeper.batchGetAccounts(userIds, [CURRENCY]);
      return this.#misses() === before;
    };
    for (let attempt = 1; !(await read()); attempt++) {
      if (attempt === WARMING_ATTEMPTS) throw this.#isCold();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return () =>
      timed(async () => {
        if (!(await read())) throw this.#isCold();
      });
  }

  close(): Promise<void> {
    return this.#pincex.close();
  }

  #isCold(): PincexError {
    return new PincexError(
      'invalid_configuration',
      `The ${this.name} cache does not keep what was read into it`,
    );
  }
}
