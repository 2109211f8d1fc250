import type { LiveProcess } from '../monitor/processes.ts';
import type { CacheUse, ObservedProcess } from './observation.ts';

const RECENT_MS = 5 * 60_000;
const PAST_MS = 60 * 60_000;

/** Counters of a process that only grow, at the time of a report. */
interface Counters {
  readonly at: number;
  readonly waits: number;
  readonly cache: CacheUse;
}

/** The reports of one process, for as long as its cache is compared with them. Times are by the clock of the database. */
export class ReportHistory {
  #reports: readonly Counters[] = [];

  /** Notes the last report of the process, and compares it with the earlier ones. */
  observe(process: LiveProcess): ObservedProcess {
    const { host, pid, pool } = process.report;
    const now = countersIn(process);
    // A report may be seen twice.
    const earlier = this.#reports.filter(({ at }) => at < now.at && now.at - at <= RECENT_MS + PAST_MS);
    this.#reports = [...earlier, now];
    const last = earlier.at(-1);
    const recent = earlier.findLast(({ at }) => now.at - at >= RECENT_MS);
    const [oldest] = earlier;
    return {
      name: `${host}:${pid}`,
      pool: { inUse: pool.inUse, max: pool.max },
      poolWaits: last ? ((now.waits - last.waits) / (now.at - last.at)) * 60_000 : null,
      cache:
        recent && oldest
          ? { recent: less(now.cache, recent.cache), past: less(recent.cache, oldest.cache) }
          : null,
    };
  }
}

function countersIn({ seenAt, report: { pool, cache } }: LiveProcess): Counters {
  const kinds = Object.values(cache.reads);
  const sum = (name: keyof CacheUse): number => kinds.reduce((total, kind) => total + kind[name], 0);
  return { at: seenAt.getTime(), waits: pool.waits, cache: { hits: sum('hits'), misses: sum('misses') } };
}

const less = (now: CacheUse, then: CacheUse): CacheUse => ({
  hits: now.hits - then.hits,
  misses: now.misses - then.misses,
});
