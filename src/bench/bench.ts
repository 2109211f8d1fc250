import { Pincex, type AuditReport } from '../index.ts';
import type { Config } from '../config/load.ts';
import { Database } from '../database/database.ts';
import { measureCaches, type CacheRow } from './caches.ts';
import { measureFloors, type FloorRow } from './floors.ts';
import { measureMonitor, type MonitorReport } from './monitor.ts';
import { runNPlusOne, type Comparison } from './nPlusOne.ts';
import { RecordingDatabase } from './day/recording.ts';
import { seed } from './books/seed.ts';
import { withoutCache } from './books/stores.ts';
import { measureStatusUpdates, type StatusUpdateRow } from './statusUpdates.ts';
import { measureThroughput, type ThroughputRow } from './throughput.ts';

/** The output of `pincex bench --json`. Compare figures of one run only: machines differ, and the same one by the hour. */
export interface BenchReport {
  readonly nPlusOne: readonly Comparison[];
  readonly throughput: readonly ThroughputRow[];
  readonly floors: readonly FloorRow[];
  readonly statusUpdates: readonly StatusUpdateRow[];
  readonly caches: readonly CacheRow[];
  readonly monitor: MonitorReport;
  readonly audit: AuditReport;
}

/** Called with the progress of the run, from 0 to 1, and the name of the current step. */
export type BenchProgress = (share: number, what: string) => void;

/** The parts of a run as shares of its time. The rest is for seeding, warming up and the audit. */
const SHARES = {
  nPlusOne: 0.18,
  throughput: 0.36,
  floors: 0.17,
  statusUpdates: 0.04,
  caches: 0.08,
  monitor: 0.12,
};
const FLOOR_SIZES = [50, 500, 5_000];
const STATUS_UPDATE_SIZES = [100, 1_000, 5_000];

/** Measures on the database of `config`, which must be migrated and empty. */
export async function runBench(
  config: Config,
  durationMs: number,
  onProgress: BenchProgress,
): Promise<BenchReport> {
  const url = config.database.url ?? '';
  const uncached = withoutCache(config);
  onProgress(0, 'seeding accounts');
  await seed(uncached);

  let began = 0.05;
  const part = (name: keyof typeof SHARES) => {
    const start = began;
    began += SHARES[name];
    return {
      budgetMs: durationMs * SHARES[name],
      onProgress: (share: number, what: string) => {
        onProgress(start + share * SHARES[name], what);
      },
    };
  };
  // Runs before any other Pincex is open, since the listeners of one make messages of the calls of all.
  const monitor = await measureMonitor(uncached, part('monitor'));

  let statements = 0;
  const pincex = await Pincex.open({ config: uncached, onStatement: () => statements++ });
  const { pool, optimizedRepository } = config.database;
  const options = { url, ...pool, max: 1, queryHints: optimizedRepository.enableQueryHints };
  const recording = new RecordingDatabase(options);
  const plain = new Database({ ...options, queryHints: false });
  try {
    const nPlusOne = await runNPlusOne(pincex, part('nPlusOne'));
    const floors = await measureFloors(recording, plain, FLOOR_SIZES, part('floors'));
    const throughput = await measureThroughput(pincex, {
      ...part('throughput'),
      statementCount: () => statements,
    });
    const updates = part('statusUpdates');
    updates.onProgress(0, 'status updates by CASE and by unnest');
    const statusUpdates = await measureStatusUpdates(pincex, plain, STATUS_UPDATE_SIZES, updates.budgetMs);
    const caches = await measureCaches(config, part('caches'));
    onProgress(began, 'audit');
    const audit = await pincex.audit();
    onProgress(1, 'done');
    return { nPlusOne, throughput, floors, statusUpdates, caches, monitor, audit };
  } finally {
    await Promise.all([pincex.close(), recording.close(), plain.close()]);
  }
}
