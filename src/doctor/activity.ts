import { duration, many, type Check } from './check.ts';
import { onlyLive, type LiveProcess, type ReportedProcess } from '../monitor/processes.ts';
import { processesToJudge } from './processes.ts';
import type { Finding } from './report.ts';
import type { Thresholds } from './thresholds.ts';

/** A transaction that is open. */
export interface OpenTransaction {
  readonly pid: number | null;
  readonly application: string;
  readonly user_name: string;
  /** `idle in transaction`, `active` …; `prepared` for a prepared transaction, which waits for its second phase. */
  readonly state: string;
  /** The id of a prepared transaction. */
  readonly gid: string | null;
  readonly open_ms: number;
  /** For how long it has been in this state. */
  readonly state_ms: number;
}

const readTransactions = `
  SELECT pid, application_name AS application, usename AS user_name, state, NULL AS gid,
    (extract(epoch FROM clock_timestamp() - xact_start) * 1000)::float8 AS open_ms,
    (extract(epoch FROM clock_timestamp() - state_change) * 1000)::float8 AS state_ms
  FROM pg_stat_activity
  WHERE datname = current_database() AND backend_type = 'client backend' AND xact_start IS NOT NULL
    AND pid <> pg_backend_pid()
  UNION ALL
  SELECT NULL, '', owner, 'prepared', gid, age.ms, age.ms
  FROM pg_prepared_xacts
  CROSS JOIN LATERAL (
    SELECT (extract(epoch FROM clock_timestamp() - prepared) * 1000)::float8 AS ms
  ) AS age
  WHERE database = current_database()
  ORDER BY open_ms DESC`;

export const transactions: Check = {
  name: 'transactions',
  promise: 'No transaction stays open for long',
  needsNoTables: true,
  async run({ client, thresholds }) {
    const { rows } = await client.query<OpenTransaction>(readTransactions);
    return longTransactions(rows, thresholds);
  },
};

export function longTransactions(
  open: readonly OpenTransaction[],
  { transactionMs, idleInTransactionMs }: Thresholds,
): Finding[] {
  return open.flatMap(({ pid, application, user_name, state, gid, open_ms, state_ms }): Finding[] => {
    const costs = 'other sessions wait for its locks, and vacuum cannot remove rows that died since';
    if (gid !== null) {
      if (open_ms < transactionMs) return [];
      return [
        {
          severity: 'hurts',
          subject: `prepared transaction ${gid}`,
          message: `of ${user_name} has waited for its second phase for ${duration(open_ms)}; ${costs}`,
          remedy: `Ask who prepared it, then in psql: ROLLBACK PREPARED '${gid}'; or COMMIT PREPARED '${gid}';`,
        },
      ];
    }
    const subject = `session ${pid ?? ''} (${application === '' ? user_name : application})`;
    const end = `SELECT pg_terminate_backend(${pid ?? ''});`;
    if (state.startsWith('idle in transaction') && state_ms >= idleInTransactionMs) {
      return [
        {
          severity: 'hurts',
          subject,
          message: `has an open transaction and did nothing for ${duration(state_ms)}; ${costs}`,
          remedy: `In psql: ${end} and let its program commit at once; idle_in_transaction_session_timeout ends such sessions by itself`,
        },
      ];
    }
    if (open_ms < transactionMs) return [];
    return [
      {
        severity: 'advice',
        subject,
        message: `has had a transaction open for ${duration(open_ms)}; ${costs}`,
        remedy: `If it is an audit, a dump or a report, let it end, and run the next one at a time of little load; else in psql: ${end}`,
      },
    ];
  });
}

export const deadlocks: Check = {
  name: 'deadlocks',
  promise: 'There was no deadlock since the last start',
  async run({ client, processes }) {
    const { rows } = await client.query<{ deadlocks: number }>(
      'SELECT deadlocks::float8 AS deadlocks FROM pg_stat_database WHERE datname = current_database()',
    );
    return deadlocksSince(rows[0]?.deadlocks ?? 0, processesToJudge(await processes()));
  },
};

export function deadlocksSince(count: number, processes: readonly ReportedProcess[]): Finding[] {
  const [first] = processes.toSorted((a, b) => a.startedAt.getTime() - b.startedAt.getTime());
  if (first === undefined) return [];
  // If there are fewer than at the start, the counters were reset since.
  const since = count < first.deadlocksAtStart ? count : count - first.deadlocksAtStart;
  if (since === 0) return [];
  const age = duration(first.seenAt.getTime() + first.ageMs - first.startedAt.getTime());
  return [
    {
      severity: 'advice',
      subject: 'deadlocks',
      message: `${many(since)} in the ${age} since Pincex was started; batches do not deadlock with each other, and a batch that deadlocked with another program was tried again`,
      remedy:
        "The server's log names both statements. Let the other program lock accounts before orders before the rest, each ordered by its key, or go through pincex.transaction()",
    },
  ];
}

export const connections: Check = {
  name: 'connections',
  promise: 'PostgreSQL takes as many connections as the processes may open',
  async run({ client, processes }) {
    const { rows } = await client.query<{ available: number }>(
      `SELECT (current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
        - coalesce(current_setting('reserved_connections', true), '0')::int) AS available`,
    );
    return tooFewConnections(rows[0]?.available ?? Infinity, onlyLive(await processes()));
  },
};

/** Beside the pool a process opens one connection for an audit, one for its start or a report, and one for alerts. */
const BESIDE_THE_POOL = 3;

export function tooFewConnections(available: number, live: readonly LiveProcess[]): Finding[] {
  const needed = live.reduce((sum, { report }) => sum + report.pool.max + BESIDE_THE_POOL, 0);
  if (needed <= available) return [];
  const processes = live.length === 1 ? 'one process' : `${live.length} processes`;
  return [
    {
      severity: 'hurts',
      subject: 'max_connections',
      message: `${processes} may open ${needed} connections, and PostgreSQL takes ${available}`,
      remedy: `Lower database.pool.max to ${Math.max(1, Math.floor(available / live.length) - BESIDE_THE_POOL)}, or in psql: ALTER SYSTEM SET max_connections = ${needed + 20}; and restart PostgreSQL`,
    },
  ];
}

export const durability: Check = {
  name: 'durability',
  promise: 'Committed batches survive a crash of the server',
  needsNoTables: true,
  async run({ client }) {
    const { rows } = await client.query<Setting>(
      `SELECT name, setting, source FROM pg_settings
       WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit')
       ORDER BY name`,
    );
    return unsafeSettings(rows);
  },
};

interface Setting {
  readonly name: string;
  readonly setting: string;
  /** The source of the setting, as PostgreSQL names it. */
  readonly source: string;
}

export function unsafeSettings(settings: readonly Setting[]): Finding[] {
  const loss: Readonly<Record<string, string>> = {
    fsync: 'a crash of the machine can leave all books corrupt',
    full_page_writes: 'a crash of the machine can leave pages half written, and the books corrupt',
    synchronous_commit: 'a crash of the server loses batches that callers were told are applied',
  };
  return settings.flatMap(({ name, setting, source }): Finding[] => {
    if (setting !== 'off') return [];
    const remedy =
      source === 'database' || source === 'user' || source === 'database user'
        ? `It is set for this ${source}; in psql: ALTER ${source === 'user' ? 'ROLE' : 'DATABASE'} … RESET ${name}; and restart Pincex`
        : source === 'client'
          ? `Take it out of the options in database.url, and restart Pincex`
          : `In psql: ALTER SYSTEM SET ${name} = on; SELECT pg_reload_conf();`;
    return [
      { severity: 'hurts', subject: `setting ${name}`, message: `is off: ${loss[name] ?? ''}`, remedy },
    ];
  });
}
