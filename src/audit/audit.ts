import type pg from 'pg';
import type { Database } from '../database/database.ts';
import { rounded } from '../duration.ts';
import type { Migration } from '../migrations/files.ts';
import { ping, type AppliedRow } from '../migrations/history.ts';
import { requireSchema } from '../migrations/states.ts';
import { checks, type Check } from './checks.ts';

export interface AuditFinding {
  /** The name of the check that found it. */
  readonly check: string;
  /** The row at fault: its table and key. */
  readonly subject: string;
  /** The fault, in words. */
  readonly problem: string;
}

export interface AuditReport {
  /** Whether every check held. */
  readonly ok: boolean;
  /** Every check, with its promise and the number of rows at fault. */
  readonly checks: readonly {
    /** Stable, such as `fills_are_paid`. */
    readonly name: string;
    /** The statement that holds if nothing is found. */
    readonly promise: string;
    /** Rows at fault. */
    readonly findings: number;
  }[];
  /** The first rows at fault, at most {@link NAMED_FINDINGS} of each check. */
  readonly findings: readonly AuditFinding[];
  /** The number of accounts. */
  readonly accounts: number;
  /** The number of journal entries. */
  readonly journalEntries: number;
  /** The number of open holds. */
  readonly openHolds: number;
  /** The time of the audit in milliseconds. */
  readonly durationMs: number;
}

/** The number of rows at fault that a report lists for each check. All of them are counted. */
export const NAMED_FINDINGS = 100;

const FETCH_ROWS = 1_000;

/**
 * Proves the books from the tables alone, in one snapshot, while other processes go on writing. PostgreSQL streams the
 * journal in the order of its key and returns only rows at fault, so that both it and this process need little memory.
 *
 * @throws PincexError `migration_failed` if the schema is not that of this version, so that the checks do not fit it
 */
export async function audit(database: Database, migrations: readonly Migration[]): Promise<AuditReport> {
  const began = performance.now();
  return database.snapshot(async (client) => {
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
  });
}

/** Counts the rows at fault and keeps the first of them. */
async function run(client: pg.ClientBase, { name, text }: Check, findings: AuditFinding[]): Promise<number> {
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
