import pg from 'pg';
import type { Config } from '../config/load.ts';
import { connect } from '../database/client.ts';
import { failureOf, toCallerError } from '../database/failures.ts';
import { limits } from '../limits.ts';
import { connections, deadlocks, durability, transactions } from './activity.ts';
import { reportedProcesses, type ReportedProcess } from '../monitor/processes.ts';
import type { Check, Patient } from './check.ts';
import { indexesDistinct, indexesThere, indexesUsed } from './indexes.ts';
import { plans } from './plans.ts';
import { batchSizes, cache, pool } from './processes.ts';
import { replicas } from './replicas.ts';
import type { DoctorFinding, DoctorReport, Finding } from './report.ts';
import { room } from './room.ts';
import { migrated } from './schema.ts';
import { analyzed, hotUpdates, vacuumed } from './tables.ts';
import { thresholds, type Thresholds } from './thresholds.ts';

/** All checks, in the order of the report. */
export const checks: readonly Check[] = [
  migrated,
  indexesThere,
  indexesDistinct,
  indexesUsed,
  plans,
  vacuumed,
  hotUpdates,
  analyzed,
  transactions,
  deadlocks,
  connections,
  durability,
  replicas,
  pool,
  cache,
  batchSizes,
  room,
];

export interface DoctorOptions {
  /** `postgres://…` of the books. */
  readonly url: string;
  /** `database.optimized_repository.enable_query_hints`. */
  readonly queryHints: boolean;
  /** The URL of the replica that reads go to, if there is one. */
  readonly readUrl?: string | null;
  /** `service.idempotency_room`, in bytes. */
  readonly idempotencyRoom?: number;
  /** Thresholds that replace the usual ones, for tests. */
  readonly thresholds?: Partial<Thresholds>;
}

/** The options for the books at `url`, by the configuration. */
export function doctorOptions({ database, service }: Config, url: string): DoctorOptions {
  const { optimizedRepository, readUrl } = database;
  const { idempotencyRoom } = service;
  return { url, queryHints: optimizedRepository.enableQueryHints, readUrl, idempotencyRoom };
}

/**
 * Looks for problems of the books' database and of the processes that use it, and proposes remedies. It only reads, on one
 * connection of its own, and waits for no lock longer than a second.
 *
 * @throws PincexError `database_unavailable`
 */
export async function diagnose(options: DoctorOptions): Promise<DoctorReport> {
  const bounds: Thresholds = { ...thresholds, ...options.thresholds };
  const client = await connect({
    connectionString: options.url,
    application_name: 'pincex doctor',
    lock_timeout: bounds.lockMs,
    query_timeout: bounds.queryMs,
  });
  let processes: Promise<readonly ReportedProcess[]> | undefined;
  try {
    const patient: Patient = {
      client,
      queryHints: options.queryHints,
      readUrl: options.readUrl ?? null,
      idempotencyRoom: options.idempotencyRoom ?? limits.requests.room,
      processes: () => (processes ??= reportedProcesses(client)),
      thresholds: bounds,
    };
    const findings: DoctorFinding[] = [];
    const made: string[] = [];
    for (const check of checks) {
      // If migrations are pending, checks that need the tables are left out.
      const isBehind = findings.some((finding) => finding.check === migrated.name);
      if (isBehind && check.needsNoTables !== true) continue;
      made.push(check.name);
      for (const finding of await runCheck(check, patient)) findings.push({ check: check.name, ...finding });
    }
    return { ok: findings.every(({ severity }) => severity !== 'hurts'), findings, checks: made };
  } catch (error) {
    throw toCallerError(error);
  } finally {
    await client.end();
  }
}

/** If PostgreSQL refuses to answer a check, that is a finding, not the end of the report. */
async function runCheck(check: Check, patient: Patient): Promise<readonly Finding[]> {
  try {
    return await check.run(patient);
  } catch (error) {
    if (!(error instanceof pg.DatabaseError) || failureOf(error) === 'disconnected') throw error;
    const remedy =
      error.code === LOCK_NOT_AVAILABLE
        ? 'Something holds a lock on the tables: see the transactions above and pg_locks, and run "pincex doctor" again'
        : 'Grant the user that Pincex runs as what "A server of your own" in docs/operations.md grants; tables that came with a migration need it anew';
    const message = `could not be made: ${error.message}`;
    return [{ severity: 'hurts', subject: `check ${check.name}`, message, remedy }];
  }
}

const LOCK_NOT_AVAILABLE = '55P03';
