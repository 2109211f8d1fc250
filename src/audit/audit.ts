import type pg from 'pg';
import type { Database } from '../database/database.ts';
import { rethrow } from '../database/failures.ts';
import { rounded } from '../duration.ts';
import type { Migration } from '../migrations/files.ts';
import { ping, type AppliedRow } from '../migrations/history.ts';
import { requireSchema } from '../migrations/states.ts';
import { checks, type Check } from './checks.ts';

export interface AuditFinding {
  readonly check: string;
  /** The row at fault: its table and key. */
  readonly subject: string;
  readonly problem: string;
}

export interface AuditReport {
  /** Whether every check held. */
  readonly ok: boolean;
  readonly checks: readonly { readonly name: string; readonly promise: string; readonly findings: number }[];
  /** The first rows at fault, at most {@link NAMED_FINDINGS} of each check. */
  readonly findings: readonly AuditFinding[];
  readonly accounts: number;
  readonly journalEntries: number;
  readonly openHolds: number;
  readonly durationMs: number;
}

/** Rows at fault that a report names for each check; it counts all of them. */
export const NAMED_FINDINGS = 100;

const FETCH_ROWS = 1_000;

/**
 * Proves the books from the tables alone, in one snapshot, while others go on writing. PostgreSQL streams the
 * journal in the order of its key and answers only with rows at fault, so memory stays flat here and there.
 *
 * @throws PincexError `migration_failed` where the tables are not those of these migrations: nothing can be said of them
 */
export async function audit(database: Database, migrations: readonly Migration[]): Promise<AuditReport> {
  const began = performance.now();
  const client = await database.connect();
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    await requireSchema(migrations, async () => (await client.query<AppliedRow>(ping.text)).rows);
    const findings: AuditFinding[] = [];
    const summaries = [];
    for (const check of checks) {
      const count = await run(client, check, findings);
      summaries.push({ name: check.name, promise: check.promise, findings: count });
    }
    const counts = await client.query<Record<'accounts' | 'journal' | 'holds', string>>(
      `SELECT (SELECT count(*) FROM accounts) AS accounts, (SELECT count(*) FROM journal) AS journal,
         (SELECT count(*) FROM holds) AS holds`,
    );
    await client.query('COMMIT');
    const [row] = counts.rows;
    return {
      ok: summaries.every((summary) => summary.findings === 0),
      checks: summaries,
      findings,
      accounts: Number(row?.accounts),
      journalEntries: Number(row?.journal),
      openHolds: Number(row?.holds),
      durationMs: rounded(performance.now() - began),
    };
  } catch (error) {
    return rethrow(error);
  } finally {
    await client.end();
  }
}

/** Counts the rows at fault and keeps the first of them. */
async function run(client: pg.Client, { name, text }: Check, findings: AuditFinding[]): Promise<number> {
  await client.query(`DECLARE findings NO SCROLL CURSOR FOR ${text}`);
  let count = 0;
  for (;;) {
    const { rows } = await client.query<{ subject: string; problem: string }>(
      `FETCH ${FETCH_ROWS} FROM findings`,
    );
    for (const row of rows.slice(0, Math.max(0, NAMED_FINDINGS - count)))
      findings.push({ check: name, ...row });
    count += rows.length;
    if (rows.length < FETCH_ROWS) break;
  }
  await client.query('CLOSE findings');
  return count;
}
