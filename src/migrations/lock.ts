import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientBase } from 'pg';
import { isSession } from '../database/client.ts';
import { PincexError } from '../errors.ts';

/** The key of the advisory lock: any number that no other program uses in this database. */
const LOCK = 7_046_239_201;

const LONGEST_WAIT_MS = 10 * 60_000;

/**
 * Runs `work` while no other session migrates this database. The lock belongs to the session and ends with it. The lock is
 * polled rather than waited for: `CREATE INDEX CONCURRENTLY` waits for the snapshots of all other sessions, including a session
 * that waits for this lock, which would be a deadlock.
 *
 * Through a pooler the lock would be taken in one session and the work done in another, so that is refused.
 *
 * @throws PincexError `migration_failed` behind a pooler, and after ten minutes of waiting.
 */
export async function withMigrationLock<T>(client: ClientBase, work: () => Promise<T>): Promise<T> {
  if (!(await isSession(client))) {
    throw new PincexError(
      'migration_failed',
      'Migrations need one session of PostgreSQL from beginning to end, and this connection goes through a pooler such as PgBouncer. Connect to PostgreSQL itself to migrate.',
    );
  }
  const deadline = Date.now() + LONGEST_WAIT_MS;
  while (!(await tryLock(client))) {
    if (Date.now() > deadline) {
      throw new PincexError(
        'migration_failed',
        'Another process has been migrating this database for ten minutes.',
      );
    }
    await sleep(100);
  }
  try {
    // A migration may run for any time, whatever timeouts the role or the database sets.
    await client.query('SET statement_timeout = 0; SET lock_timeout = 0');
    return await work();
  } finally {
    // If the connection broke, the lock ended with it, and `work` has failed with that error.
    await client.query('RESET statement_timeout; RESET lock_timeout').catch(() => undefined);
    await client.query('SELECT pg_advisory_unlock($1)', [LOCK]).catch(() => undefined);
  }
}

async function tryLock(client: ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>('SELECT pg_try_advisory_lock($1) AS locked', [
    LOCK,
  ]);
  return rows[0]?.locked === true;
}
