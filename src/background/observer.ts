import type pg from 'pg';
import { History } from '../alerts/history.ts';
import type { AuditOutcome, CacheUse, Hurt, Observation } from '../alerts/observation.ts';
import { observeBooks } from '../alerts/statements.ts';
import { performanceMetrics } from '../monitor/performanceMetrics.ts';
import { liveProcesses, talliesExcept } from '../monitor/processes.ts';
import { mergeTallies } from '../monitor/tallies.ts';
import type { Pincex } from '../pincex.ts';

const DOCTOR_EVERY_MS = 60_000;
const RECENT_MS = 5 * 60_000;
const PAST_MS = 60 * 60_000;

interface Counters {
  readonly waits: number;
  readonly cache: CacheUse;
}

/** Observes the operations of all processes, the pool and the cache of this one, and the books, for alerts. */
export class Observer {
  readonly #pincex: Pincex;
  readonly #history = new History<Counters>(RECENT_MS + PAST_MS);
  #doctorAt: number;

  constructor(pincex: Pincex) {
    this.#pincex = pincex;
    // The doctor is not asked by a process that has just begun, or runs for less than a minute.
    this.#doctorAt = performance.now();
  }

  /** Findings of the doctor that hurt, at most once a minute; else null. It has a connection of its own. */
  async examine(): Promise<readonly Hurt[] | null> {
    if (!this.#pincex.config.alerts.doctor || performance.now() - this.#doctorAt < DOCTOR_EVERY_MS)
      return null;
    this.#doctorAt = performance.now();
    const { findings } = await this.#pincex.doctor();
    return findings.filter(({ severity }) => severity === 'hurts');
  }

  /** Notes the counters. A process that does not judge notes them too, to know its past once it does. */
  sample(): Pick<Observation, 'poolWaits' | 'cache'> {
    const now = performance.now();
    const counters = countersOf(this.#pincex);
    const last = this.#history.before(now, 1);
    const recent = this.#history.before(now, RECENT_MS)?.counters;
    const { oldest } = this.#history;
    this.#history.add(now, counters);
    return {
      poolWaits: last ? ((counters.waits - last.counters.waits) / last.ageMs) * 60_000 : null,
      cache:
        recent && oldest
          ? { recent: less(counters.cache, recent.cache), past: less(recent.cache, oldest.cache) }
          : null,
    };
  }

  async observe(
    client: pg.ClientBase,
    known: Pick<Observation, 'poolWaits' | 'cache' | 'hurts'>,
  ): Promise<Observation> {
    const { rows } = await client.query<BooksRow>({ text: observeBooks.text });
    const { monitor, statistics } = this.#pincex;
    const others = talliesExcept(await liveProcesses(client), statistics.id);
    const { windows, byOperation } = performanceMetrics(mergeTallies([monitor.allTallies(), ...others]));
    const { max, inUse } = statistics.snapshot().pool;
    return {
      ...known,
      minute: windows.minute,
      hour: windows.hour,
      minuteByOperation: Object.fromEntries(
        Object.entries(byOperation).map(([name, metrics]) => [name, metrics.windows.minute]),
      ),
      pool: { used: inUse, max },
      ...booksOf(rows[0]),
    };
  }
}

interface BooksRow {
  readonly overdueMs: number;
  readonly replica: string | null;
  readonly lagMs: number | null;
  readonly findings: number | null;
  readonly checks: readonly string[] | null;
  readonly madeAt: number | null;
}

function booksOf(row: BooksRow | undefined): Pick<Observation, 'overdueMs' | 'replica' | 'audit'> {
  if (row === undefined) throw new Error('A SELECT without a condition returned no row');
  const { overdueMs, replica, lagMs, findings, checks, madeAt } = row;
  const audit: AuditOutcome | undefined =
    findings !== null && checks !== null && madeAt !== null
      ? { findings, checks, madeAt: new Date(madeAt).toISOString() }
      : undefined;
  return {
    overdueMs,
    replica: replica !== null && lagMs !== null ? { name: replica, lagMs } : undefined,
    audit,
  };
}

function countersOf({ statistics }: Pincex): Counters {
  const { pool, cache } = statistics.snapshot();
  const kinds = Object.values(cache.reads);
  const sum = (name: keyof CacheUse): number => kinds.reduce((total, kind) => total + kind[name], 0);
  return { waits: pool.waits, cache: { hits: sum('hits'), misses: sum('misses') } };
}

const less = (now: CacheUse, then: CacheUse): CacheUse => ({
  hits: now.hits - then.hits,
  misses: now.misses - then.misses,
});
