import type { KindName } from '../diagnostics.ts';
import { onlyLive, type LiveProcess, type ReportedProcess } from '../monitor/processes.ts';
import type { BatchSize } from '../monitor/tally.ts';
import { many, percent, type Check, type Patient } from './check.ts';
import type { Finding } from './report.ts';
import type { Thresholds } from './thresholds.ts';

/** The processes that run; if none does, the one that reported last. */
export function processesToJudge(processes: readonly ReportedProcess[]): readonly ReportedProcess[] {
  const live = onlyLive(processes);
  return live.length > 0 ? live : processes;
}

async function judgeEach(
  { processes, thresholds }: Patient,
  judge: (process: ReportedProcess, thresholds: Thresholds) => readonly Finding[],
): Promise<Finding[]> {
  return processesToJudge(await processes()).flatMap((process) => judge(process, thresholds));
}

const subjectOf = ({ id, startedAt }: ReportedProcess): string =>
  `process ${id.slice(-8)} of ${startedAt.toISOString().slice(0, 19)}Z`;

export const pool: Check = {
  name: 'pool',
  promise: 'Calls find a connection free',
  run: (patient) => judgeEach(patient, poolFindings),
};

export function poolFindings(process: ReportedProcess, { poolWaits, poolWaitMs }: Thresholds): Finding[] {
  const { max, waits, waitMs, longestWaitMs, refused } = process.report.pool;
  const subject = subjectOf(process);
  const remedy = `Raise database.pool.max (it is ${max}), or send fewer and larger batches at once; inside transaction(async (tx) => …) call tx, not pincex`;
  if (refused > 0) {
    const message = `calls that got no connection in time and failed with pool_exhausted: ${many(refused)}`;
    return [{ severity: 'hurts', subject, message, remedy }];
  }
  if (waits < poolWaits || waitMs / waits < poolWaitMs) return [];
  const message = `${many(waits)} calls waited for a connection, ${many(waitMs / waits)} ms on average and ${many(longestWaitMs)} ms at the most`;
  return [{ severity: 'advice', subject, message, remedy }];
}

export const cache: Check = {
  name: 'cache',
  promise: 'The cache answers, and is worth its keep',
  async run(patient) {
    const live = onlyLive(await patient.processes());
    return [...(await judgeEach(patient, cacheFindings)), ...separateCaches(live)];
  },
};

/** The settings that say how long each kind stays in the cache. */
const TTL_KEYS: Readonly<Record<KindName, string>> = {
  accounts: 'account_cache_ttl',
  orders: 'order_cache_ttl',
  userOrders: 'user_orders_ttl',
  trades: 'trade_cache_ttl',
};

export function cacheFindings(process: ReportedProcess, { cacheReads, cacheHitRate }: Thresholds): Finding[] {
  const { reads, failures } = process.report.cache;
  const findings: Finding[] = [];
  if (failures > 0) {
    findings.push({
      severity: 'advice',
      subject: subjectOf(process),
      message: `failed calls of the cache, for which PostgreSQL was asked instead: ${many(failures)}`,
      remedy: 'See that Redis runs and can be reached at redis.host, and has memory left',
    });
  }
  for (const kind of Object.keys(reads) as KindName[]) {
    const { hits, misses } = reads[kind];
    const count = hits + misses;
    if (count <= cacheReads || hits / count >= cacheHitRate) continue;
    findings.push({
      severity: 'advice',
      subject: `${subjectOf(process)}, cache of ${kind}`,
      message: `${percent(hits / count)} of ${many(count)} reads were found in it`,
      remedy: `Raise database.optimized_repository.${TTL_KEYS[kind]}, or give the cache more room; where the same keys are seldom read twice, set it to 0s`,
    });
  }
  return findings;
}

/** The cache of a process learns only of the commits of that process. */
export function separateCaches(live: readonly LiveProcess[]): Finding[] {
  const isCaching = ({ report: { cache } }: LiveProcess): boolean =>
    cache.store === 'process' && Object.values(cache.reads).some(({ hits, misses }) => hits + misses > 0);
  const isAtWork = (process: LiveProcess): boolean => process.report.batches.count > 0;
  const stale = live.filter(
    (process) => isCaching(process) && live.some((other) => other !== process && isAtWork(other)),
  );
  if (stale.length === 0) return [];
  return [
    {
      severity: 'advice',
      subject: 'cache',
      message: `${live.length} processes run, and ${stale.length} of them keep a cache of their own, which does not learn of the commits of the others: a read may be stale for as long as its time to live`,
      remedy: 'Set redis.host for all of them, so that they share one cache',
    },
  ];
}

export const batchSizes: Check = {
  name: 'batch_sizes',
  promise: 'Batches are large enough to be fast',
  run: (patient) => judgeEach(patient, batchSizeFindings),
};

const SMALL: readonly BatchSize[] = ['1', '2-9'];

/** The figures are those of docs/benchmarks.md. */
export function batchSizeFindings(
  process: ReportedProcess,
  { batches: least, batchesPerSecond, smallBatchShare }: Thresholds,
): Finding[] {
  const { startedAt, seenAt, report } = process;
  const { count, items, bySize } = report.batches;
  const seconds = Math.max(1, (seenAt.getTime() - startedAt.getTime()) / 1_000);
  const small = SMALL.reduce((sum, size) => sum + bySize[size], 0);
  // A few batches a second are no load, whatever their size.
  if (count < least || count / seconds < batchesPerSecond || small / count < smallBatchShare) return [];
  return [
    {
      severity: 'advice',
      subject: subjectOf(process),
      message: `${percent(small / count)} of ${many(count)} batches had fewer than 10 items, ${(items / count).toFixed(1)} on average; measured, locks go 1,180 a second one by one, 19,500 in batches of 100 and 23,900 in batches of 500`,
      remedy: 'Collect the items that come within some milliseconds, and send 100 to 500 of them at once',
    },
  ];
}
