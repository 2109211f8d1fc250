import type pg from 'pg';
import type { AuditOutcome, Hurt, Observation } from '../alerts/observation.ts';
import { ReportHistory } from '../alerts/reportHistory.ts';
import { observeBooks } from '../alerts/statements.ts';
import { batchOperations } from '../commands/operationNames.ts';
import { performanceMetrics } from '../monitor/performanceMetrics.ts';
import { liveProcesses, type LiveProcess } from '../monitor/processes.ts';
import { mergeTallies, restoreTallies, type Tallies } from '../monitor/tallies.ts';
import type { Pincex } from '../pincex.ts';
import { readOperations } from '../reads/operationNames.ts';

const DOCTOR_EVERY_MS = 60_000;

/** Observes all processes by their reports, and the books, for alerts. */
export class Observer {
  readonly #pincex: Pincex;
  /** By the id of the process. */
  #histories: ReadonlyMap<string, ReportHistory> = new Map();
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

  async observe(client: pg.ClientBase, hurts: readonly Hurt[] | null): Promise<Observation> {
    const { rows } = await client.query<BooksRow>({ text: observeBooks.text });
    const live = await liveProcesses(client);
    // Processes that no longer run are forgotten.
    this.#histories = new Map(live.map(({ id }) => [id, this.#histories.get(id) ?? new ReportHistory()]));
    const processes = live.flatMap((process) => this.#histories.get(process.id)?.observe(process) ?? []);
    const { windows, byOperation } = performanceMetrics(mergeTallies(live.map(ownTallies)));
    return {
      operations: windows,
      byOperation: Object.fromEntries(
        Object.entries(byOperation).map(([name, metrics]) => [name, metrics.windows]),
      ),
      processes,
      hurts,
      ...booksOf(rows[0]),
    };
  }
}

/** Those of Pincex itself: operations of a caller, and those that count as `other`, are no reason for an alert. */
function ownTallies({ report: { operations } }: LiveProcess): Tallies {
  const isOwn = (name: string): boolean => batchOperations.has(name) || readOperations.has(name);
  return restoreTallies(Object.fromEntries(Object.entries(operations).filter(([name]) => isOwn(name))));
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
