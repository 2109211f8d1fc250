import pg from 'pg';
import { PincexError } from '../errors.ts';

/** What a failed statement means for whoever sent it. */
export type Failure =
  /** A guard missed, or a row was made by another batch meanwhile: decide anew. */
  | 'guard_lost'
  /** Deadlock or serialization failure with foreign code: nothing was written, try again. */
  | 'collision'
  /** The server takes no statement just now: nothing was written, try again. */
  | 'refused'
  /** The connection or the server went away; a commit under way may or may not have happened. */
  | 'disconnected'
  | 'other';

const DIVISION_BY_ZERO = '22012';
const UNIQUE_VIOLATION = '23505';
/** Serialization failure, deadlock, lock not available. */
const COLLISIONS: ReadonlySet<string> = new Set(['40001', '40P01', '55P03']);
/** Too many connections, still starting up, reading only after a failover. */
const REFUSALS: ReadonlySet<string> = new Set(['53300', '57P03', '25006']);
/** Terminated, crashed, or closed while idle. */
const SERVER_AWAY: ReadonlySet<string> = new Set(['57P01', '57P02', '57P05']);

export function failureOf(error: unknown): Failure {
  if (error instanceof PincexError) return error.code === 'database_unavailable' ? 'disconnected' : 'other';
  if (!(error instanceof pg.DatabaseError)) return 'other';
  const code = error.code ?? '';
  if (code === DIVISION_BY_ZERO || code === UNIQUE_VIOLATION) return 'guard_lost';
  if (COLLISIONS.has(code)) return 'collision';
  if (REFUSALS.has(code)) return 'refused';
  return SERVER_AWAY.has(code) || code.startsWith('08') ? 'disconnected' : 'other';
}

/** The driver's own words for "no connection became free in time". */
export function isPoolTimeout(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('timeout exceeded when trying to connect');
}

export function unavailable(error: unknown): PincexError {
  if (error instanceof PincexError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new PincexError('database_unavailable', `PostgreSQL cannot be reached: ${reason}`, { cause: error });
}

/** What PostgreSQL answers keeps its SQLSTATE; any other failure of a statement is one of the connection. */
export function rethrow(error: unknown): never {
  throw error instanceof pg.DatabaseError ? error : unavailable(error);
}
