import pg from 'pg';
import { PincexError } from '../errors.ts';

/** What a failed statement means for whoever sent it. */
export type Failure =
  /** A guard missed, or a row was made by another batch meanwhile: decide anew. */
  | 'guard_lost'
  /** What was to be written alongside is not there to be written: nothing was written, nor will it be. */
  | 'superseded'
  /** Deadlock or serialization failure with foreign code: nothing was written, try again. */
  | 'collision'
  /** The server takes no statement just now, or gave this one up: nothing was written, try again. */
  | 'refused'
  /** The connection or the server went away; a commit under way may or may not have happened. */
  | 'disconnected'
  | 'other';

const DIVISION_BY_ZERO = '22012';
/** "cannot take square root of a negative number" */
const NO_ROOT = '2201F';
const UNIQUE_VIOLATION = '23505';
/** Serialization failure, deadlock, lock not available. */
const COLLISIONS: ReadonlySet<string> = new Set(['40001', '40P01', '55P03']);
/** Too many connections, still starting up, reading only after a failover. */
const REFUSALS: ReadonlySet<string> = new Set(['53300', '57P03', '25006']);
/** Terminated, crashed, or closed while idle. */
const SERVER_AWAY: ReadonlySet<string> = new Set(['57P01', '57P02', '57P05']);

export function failureOf(error: unknown): Failure {
  if (error instanceof PincexError) {
    if (error.code !== 'database_unavailable') return 'other';
    return isCancelled(error.cause) ? 'refused' : 'disconnected';
  }
  if (isUnanswered(error)) return 'disconnected';
  if (!(error instanceof pg.DatabaseError)) return 'other';
  const code = error.code ?? '';
  if (code === DIVISION_BY_ZERO || code === UNIQUE_VIOLATION) return 'guard_lost';
  if (code === NO_ROOT) return 'superseded';
  if (COLLISIONS.has(code)) return 'collision';
  if (REFUSALS.has(code)) return 'refused';
  return isAway(error) ? 'disconnected' : 'other';
}

/** Whether a statement failed since a table is not there. */
export function lacksTable(error: unknown): boolean {
  const cause = error instanceof PincexError ? error.cause : error;
  return cause instanceof pg.DatabaseError && cause.code === UNDEFINED_TABLE;
}

const UNDEFINED_TABLE = '42P01';

/** `statement_timeout`, or an operator's `pg_cancel_backend`. */
const QUERY_CANCELED = '57014';

/** PostgreSQL stopped the statement: it wrote nothing, and its connection is sound. */
function isCancelled(error: unknown): error is pg.DatabaseError {
  return error instanceof pg.DatabaseError && error.code === QUERY_CANCELED;
}

/** The driver's own words for "no answer came in time": its connection still waits for one, and is of no use. */
function isUnanswered(error: unknown): boolean {
  return error instanceof Error && error.message === 'Query read timeout';
}

/** The driver's own words for "no connection became free in time". */
export function isPoolTimeout(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('timeout exceeded when trying to connect');
}

/** Whether a pooler turned a connection down because of the `options` that it was to start with. */
export function refusesOptions(error: unknown): boolean {
  const cause = error instanceof PincexError ? error.cause : error;
  return (
    cause instanceof pg.DatabaseError && /^unsupported startup parameter.*\boptions\b/.test(cause.message)
  );
}

export function unavailable(error: unknown): PincexError {
  if (error instanceof PincexError) return error;
  if (isCancelled(error)) {
    const message = `PostgreSQL gave a statement up: ${error.message} (database.pool.statement_timeout)`;
    return new PincexError('database_unavailable', message, { cause: error });
  }
  if (isUnanswered(error)) {
    const message =
      'PostgreSQL did not answer in time (database.pool.statement_timeout); the connection was given up';
    return new PincexError('database_unavailable', message, { cause: error });
  }
  const reason = error instanceof Error ? error.message : String(error);
  return new PincexError('database_unavailable', `PostgreSQL cannot be reached: ${reason}`, { cause: error });
}

/** What PostgreSQL answers keeps its SQLSTATE; any other failure of a statement is one of the connection. */
export function rethrow(error: unknown): never {
  const isAnswer = error instanceof pg.DatabaseError && !isCancelled(error) && !isAway(error);
  throw isAnswer ? error : unavailable(error);
}

/** The server's last word on a connection. */
const isAway = ({ code = '' }: pg.DatabaseError): boolean => SERVER_AWAY.has(code) || code.startsWith('08');
