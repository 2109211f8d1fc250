import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientBase } from 'pg';
import { isSession } from '../database/client.ts';
import { PincexError } from '../errors.ts';

/** Any number will do that nobody else uses in this database. */
const LOCK = 7_046_239_201;

const LONGEST_WAIT_MS = 10 * 60_000;

/**
 * Runs `work` while no other session migrates this database. The lock belongs to the session and goes
 * with it. It is asked for again and again, not waited for: `CREATE INDEX CONCURRENTLY` waits for the
 * snapshots of all other sessions, also for that of one that waits for a lock, and so for ever.
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
    // A migration takes as long as it takes, whatever bounds the role or the database has.
    await client.query('SET statement_timeout = 0; SET lock_timeout = 0');
    return await work();
  } finally {
    // If the connection is gone, so is the lock; the error of `work` tells it.
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
