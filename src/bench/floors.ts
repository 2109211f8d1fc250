import type { LockFunds } from '../index.ts';
import { CatalogStore } from '../catalog/store.ts';
import type { Session } from '../database/database.ts';
import { Engine, type Strategy } from '../engine/engine.ts';
import { HISTORIED, lockItems } from './books/accounts.ts';
import { runConventionally, type Duplicates } from './conventional.ts';
import { drawFrom, type Distribution, type Draw } from './books/draw.ts';
import { RecordingDatabase } from './day/recording.ts';
import { interleave, median, medianRatio, rounded, timed, type Candidate } from './timing.ts';

/** A way to lock funds, measured in turn with the engine. */
export interface FloorRow {
  readonly operation: 'lockFunds';
  readonly items: number;
  readonly shape: string;
  readonly p50Ms: number;
  readonly microsecondsPerItem: number;
  /** The ratio to the time of the engine; below 1 it is faster. */
  readonly timesEngine: number;
}

export interface FloorOptions {
  readonly budgetMs: number;
  readonly onProgress: (share: number, what: string) => void;
}

/**
 * Measures the cost of the engine over its bare statements, and its gain over the conventional statement. All are measured in
 * turn on the same tables, on accounts with a history, and leave books that balance.
 *
 * @param plain a session without the planner settings of the engine, which would slow the conventional statement down
 */
export async function measureFloors(
  database: RecordingDatabase,
  plain: Session,
  sizes: readonly number[],
  { budgetMs, onProgress }: FloorOptions,
): Promise<FloorRow[]> {
  const catalog = new CatalogStore(database);
  const run = (engine: Engine, locks: readonly LockFunds[]) => engine.run('lockFunds', locks);
  const recorder = new Engine(database, catalog, 'guard');
  // The statements of the floor are recorded by reading its rows, so the rows of the other ways are read too, to be as warm.
  const prepare = async (items: number, draw: Draw) => {
    const locks = lockItems(items, draw, HISTORIED);
    return { locks, statements: await database.record(() => run(recorder, locks)) };
  };
  const engine = (strategy: Strategy, items: number, distribution: Distribution): Candidate => {
    const engine = new Engine(database, catalog, strategy);
    const draw = drawFrom(HISTORIED, distribution, items);
    return async () => {
      const { locks } = await prepare(items, draw);
      return timed(() => run(engine, locks));
    };
  };
  const floor = (items: number): Candidate => {
    const draw = drawFrom(HISTORIED, 'uniform', items + 1);
    return async () => {
      const { statements } = await prepare(items, draw);
      return timed(async () => {
        for (const { statement, values } of statements) await database.query(statement, values);
      });
    };
  };
  const conventional = (items: number, duplicates: Duplicates): Candidate => {
    const draw = drawFrom(HISTORIED, 'uniform', items + 2);
    return async () => {
      const { locks } = await prepare(items, draw);
      return timed(() => runConventionally(plain, locks, duplicates));
    };
  };

  const rows: FloorRow[] = [];
  for (const [done, items] of sizes.entries()) {
    onProgress(done / sizes.length, `floors of lockFunds, ${items} items`);
    const measured = await interleave(
      {
        engine: engine('auto', items, 'uniform'),
        'engine, guard': engine('guard', items, 'uniform'),
        'engine, lock': engine('lock', items, 'uniform'),
        'engine, Zipf': engine('auto', items, 'zipf'),
        'bare SQL floor': floor(items),
        'conventional, duplicates by the journal': conventional(items, 'journal'),
        'conventional, duplicates by a key': conventional(items, 'operations'),
      },
      budgetMs / sizes.length,
    );
    for (const [shape, times] of Object.entries(measured)) {
      const p50Ms = median(times);
      rows.push({
        operation: 'lockFunds',
        items,
        shape,
        p50Ms: rounded(p50Ms),
        microsecondsPerItem: rounded((p50Ms * 1_000) / items),
        timesEngine: rounded(medianRatio(times, measured.engine)),
      });
    }
  }
  return rows;
}
