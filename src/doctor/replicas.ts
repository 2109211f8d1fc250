import { withClient } from '../database/client.ts';
import { duration, many, type Check } from './check.ts';
import type { Finding } from './report.ts';
import type { Thresholds } from './thresholds.ts';

/** A replica as the primary sees it. */
export interface Replica {
  readonly name: string;
  readonly state: string;
  /** The bytes of the log that it has not replayed yet. */
  readonly bytes: number | null;
  /** Null if it has replayed everything: PostgreSQL would still show the lag of the last commit. */
  readonly lag_ms: number | null;
}

const readReplicas = `
  SELECT coalesce(nullif(application_name, ''), host(client_addr), 'local') AS name, state,
    pg_wal_lsn_diff(pg_current_wal_lsn(), coalesce(replay_lsn, flush_lsn, sent_lsn))::float8 AS bytes,
    CASE
      WHEN replay_lsn < pg_current_wal_lsn() THEN (extract(epoch FROM replay_lag) * 1000)::float8
    END AS lag_ms
  FROM pg_stat_replication
  WHERE state <> 'backup'
  ORDER BY name`;

/** The server that reads go to. */
export interface ReadServer {
  readonly is_replica: boolean;
  /** The identifier of the cluster, which a replica has in common with its primary, and the name of the database. */
  readonly system: string;
  /** The time of its start, by which a promoted replica is told apart from the primary itself. */
  readonly started: string;
  /** The age of the commit that it replayed last; null if it has replayed all that it received. */
  readonly delay_ms: number | null;
}

const readReadServer = `
  SELECT pg_is_in_recovery() AS is_replica, system_identifier || ' ' || current_database() AS system,
    pg_postmaster_start_time()::text AS started,
    CASE
      WHEN pg_is_in_recovery() AND pg_last_wal_receive_lsn() IS DISTINCT FROM pg_last_wal_replay_lsn()
        THEN (extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000)::float8
    END AS delay_ms
  FROM pg_control_system()`;

export const replicas: Check = {
  name: 'replicas',
  promise: 'Replicas keep up',
  needsNoTables: true,
  async run({ client, readUrl, thresholds }) {
    const { rows } = await client.query<Replica>(readReplicas);
    const lagging = laggingReplicas(rows, thresholds);
    if (readUrl === null) return lagging;
    const own = await client.query<ReadServer>(readReadServer);
    const server = await withClient(readUrl, (reader) => reader.query<ReadServer>(readReadServer)).catch(
      (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
    );
    if (server instanceof Error) return [...lagging, unreachable(server)];
    const [primary] = own.rows;
    const [reader] = server.rows;
    if (primary === undefined || reader === undefined) return lagging;
    return [...lagging, ...readServerFindings(primary, reader, thresholds)];
  },
};

export function laggingReplicas(
  replicas: readonly Replica[],
  { replicaLagMs, replicaLagBytes }: Thresholds,
): Finding[] {
  return replicas.flatMap(({ name, state, bytes, lag_ms }): Finding[] => {
    if ((bytes ?? 0) < replicaLagBytes && (lag_ms ?? 0) < replicaLagMs) return [];
    const time = lag_ms === null ? '' : ` and ${duration(lag_ms)}`;
    return [
      {
        severity: 'hurts',
        subject: `replica ${name}`,
        message: `(${state}) is ${many((bytes ?? 0) / 1024)} kB${time} behind`,
        remedy: `${REPLAY} If it is gone for good, drop its replication slot: it keeps the primary's log`,
      },
    ];
  });
}

const REPLAY =
  'On the replica, end long queries (they hold its replay up: max_standby_streaming_delay), see that pg_is_wal_replay_paused() is false, and look at its disk and network.';

/**
 * @param primary the server that takes writes
 * @param reader the server of `database.read_url`
 */
export function readServerFindings(
  primary: ReadServer,
  reader: ReadServer,
  { replicaLagMs }: Thresholds,
): Finding[] {
  const subject = 'database.read_url';
  if (reader.system !== primary.system || (!reader.is_replica && reader.started !== primary.started)) {
    return [
      {
        severity: 'hurts',
        subject,
        message:
          'is another database and no replica of database.url: reads there never see what is written here',
        remedy: 'Set database.read_url to a replica of database.url, or take it out',
      },
    ];
  }
  if (reader.delay_ms === null || reader.delay_ms < replicaLagMs) return [];
  return [
    {
      severity: 'hurts',
      subject,
      message: `is ${duration(reader.delay_ms)} behind: reads there are that old`,
      remedy: `${REPLAY} Until it has caught up, take database.read_url out`,
    },
  ];
}

function unreachable(error: Error): Finding {
  return {
    severity: 'hurts',
    subject: 'database.read_url',
    message: `cannot be read: ${error.message}`,
    remedy: 'Start the replica, or set database.read_url to one that runs, or take it out',
  };
}
