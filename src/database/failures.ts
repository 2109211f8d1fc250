import pg from 'pg';
import { describe } from '../describe.ts';
import { PincexError, type ErrorCode } from '../errors.ts';
import type { Host, Proof } from './connection/destination.ts';
import { isOfDriver } from './connection/driver.ts';
import { meaningOf, remedyOfStart, SPOILT, type Failure } from './sqlStates.ts';

export type { Failure } from './sqlStates.ts';

/** The failure behind each error that is made here. Callers see only its code. */
const failures = new WeakMap<PincexError, Failure>();

/** A row was loaded that the lock statements had not locked: the batch has to be decided again. */
export class MissedLock extends Error {}

export function failureOf(error: unknown): Failure {
  if (error instanceof MissedLock) return 'guard_lost';
  if (error instanceof PincexError) return failures.get(error) ?? 'other';
  if (!isOfServer(error)) return 'other';
  return error instanceof pg.DatabaseError ? meaningOf(error.code ?? '').failure : 'disconnected';
}

/** Whether a statement failed because a table does not exist. */
export const lacksTable = (error: unknown): boolean => isOf(error, UNDEFINED_TABLE);

function isOf(error: unknown, code: string): boolean {
  const cause = error instanceof PincexError ? error.cause : error;
  return cause instanceof pg.DatabaseError && cause.code === code;
}

const UNDEFINED_TABLE = '42P01';
const UNIQUE_VIOLATION = '23505';

/** Whether an insert failed because the row exists already. */
export const isTaken = (error: unknown): boolean => isOf(error, UNIQUE_VIOLATION);

/**
 * Whether PostgreSQL sent the error for a statement on one of our connections, or the connection broke. Any other error of the
 * driver is a mistake of the code that sent the statement.
 */
export function isOfServer(error: unknown): boolean {
  if (!isOfDriver(error)) return false;
  return error instanceof pg.DatabaseError || ENDED.test(error.message) || 'syscall' in error;
}

/** The driver's messages for a connection that ended, or a statement without an answer in time. It has no codes for them. */
const ENDED =
  /^(Query read timeout|Connection terminated|Client has encountered a connection error|Client was closed|Received unexpected|This socket has been ended)/;

/** The driver's message if no connection became free in time. */
export function isPoolTimeout(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('timeout exceeded when trying to connect');
}

/** Whether a connection cannot be reused after this error, even if the server still runs. */
export function spoilsConnection(error: unknown): boolean {
  if (failureOf(error) === 'disconnected' || (error instanceof PincexError && wrongServers.has(error)))
    return true;
  const cause = error instanceof PincexError ? error.cause : error;
  return cause instanceof pg.DatabaseError && SPOILT.has(cause.code ?? '');
}

/** Whether the connection was working until it broke. True proves that a server was running; after a timeout, false proves nothing. */
export function stoodUntilNow(error: unknown): boolean {
  if (failureOf(error) !== 'disconnected') return false;
  const cause = error instanceof PincexError ? error.cause : error;
  return !isUnanswered(cause) && !(cause instanceof Error && 'code' in cause && cause.code === 'ETIMEDOUT');
}

/** Whether a pooler refused a connection because of its startup `options`. */
export function refusesOptions(error: unknown): boolean {
  const cause = error instanceof PincexError ? error.cause : error;
  return (
    cause instanceof pg.DatabaseError && /^unsupported startup parameter.*\boptions\b/.test(cause.message)
  );
}

/**
 * An error of PostgreSQL or the driver as callers get it: a stable code, the server's message, and the remedy. Any other
 * error is returned as it is.
 */
export function toCallerError(error: unknown): unknown {
  return isOfServer(error) ? toPincexError(error) : error;
}

/** For errors of our own statements: an error that PostgreSQL did not send means that the connection broke. */
export function rethrow(error: unknown): never {
  throw toPincexError(error);
}

function toPincexError(error: unknown): PincexError {
  if (error instanceof PincexError) return error;
  if (error instanceof pg.DatabaseError) return serverError(error);
  const message = isUnanswered(error)
    ? 'PostgreSQL did not answer in time (database.pool.statement_timeout); the connection was closed'
    : `PostgreSQL cannot be reached: ${messageOf(error)}`;
  return errorWith('database_unavailable', 'disconnected', message, error);
}

/** Whether the driver got no answer to a statement in time. */
const isUnanswered = (error: unknown): boolean =>
  error instanceof Error && error.message === 'Query read timeout';

/** For a connection that was not established: no statement was sent, so nothing was written. */
export function connectionFailed(error: unknown): PincexError {
  if (error instanceof PincexError) return error;
  if (error instanceof pg.DatabaseError) {
    const { code = '' } = error;
    const { failure } = meaningOf(code);
    return serverError(error, {
      failure: failure === 'disconnected' ? 'refused' : failure,
      remedy: remedyOfStart(code),
    });
  }
  const remedy = mistakeIn(error);
  if (remedy !== undefined) {
    const message = `No connection to PostgreSQL can be made: ${messageOf(error)}; ${remedy}`;
    return errorWith('database_refused', 'other', message, error);
  }
  const message = `PostgreSQL cannot be reached: ${messageOf(error)}`;
  return errorWith('database_unavailable', 'refused', message, error);
}

/** The embedded server ended. Another process may start one at another address, with another password. */
export function embeddedServerEnded(): PincexError {
  return errorWith(
    'database_unavailable',
    'refused',
    'The embedded PostgreSQL server has ended: start again, or use a server of your own (DATABASE_URL)',
  );
}

/** The server takes no writes. */
export function readOnlyServer(why: string): PincexError {
  return wrongServer(`This server is read-only (${why}); ${meaningOf('25006').remedy}`);
}

/** The server does not match `target_session_attrs` of the URL. */
export function wrongSession(wanted: string, why: string): PincexError {
  return wrongServer(
    `The URL of the database wants a server that is ${wanted} (target_session_attrs), and this one is not: ${why}`,
  );
}

function wrongServer(message: string): PincexError {
  const error = errorWith('database_unavailable', 'refused', message);
  wrongServers.add(error);
  return error;
}

/** Errors of servers that answered but are not the wanted one. */
const wrongServers = new WeakSet<PincexError>();

/**
 * The server asks for the password by a method that is refused, or asks for none although the URL requires a method.
 *
 * @param required `require_auth` of the URL
 */
export function authenticationRefused(asked: Proof | 'none', required: Proof | undefined): PincexError {
  const what = {
    none: 'does not prove that it knows the password',
    password: 'asks for the password in plain text (password)',
    md5: 'asks for the password in a form by which it can be guessed (md5)',
    'scram-sha-256': 'asks for the password by SCRAM (scram-sha-256)',
  }[asked];
  const why =
    required === undefined
      ? `which is answered only over TLS with a verified certificate; set scram-sha-256 in its pg_hba.conf, use sslmode=verify-full, or add require_auth=${asked} to the URL if nobody can intercept the connection`
      : `and the URL accepts only ${required} (require_auth); the program at this address may not be the server`;
  return errorWith('database_refused', 'other', `The server ${what}, ${why}; no password was sent`);
}

/** The connection would look up and create tables in another schema than all other connections do. */
export function foreignSchema(schema: string | null): PincexError {
  const where = schema === null ? 'has no schema that it may use' : `works in the schema ${describe(schema)}`;
  return errorWith(
    'database_refused',
    'other',
    `This connection ${where}, and Pincex knows its tables in public only: let search_path begin with public (a role or a database has it by ALTER … SET search_path, a URL or PGOPTIONS by options), or grant USAGE on public; for other books take another database`,
  );
}

/**
 * Whether the next host of a URL is to be tried, as in libpq: this one does not answer, takes no connections at present, or
 * is not the wanted one. Any other error would occur at the other hosts too.
 */
export function triesNextHost(error: unknown): boolean {
  if (!(error instanceof PincexError) || failures.get(error) !== 'refused') return false;
  return !(error.cause instanceof pg.DatabaseError) || error.cause.code === '57P03';
}

/** No host of a URL offers the wanted session. */
export function noHostServes(tried: readonly { host: Host; error: unknown }[]): unknown {
  if (tried.length === 1) return tried[0]?.error;
  const message = `None of the hosts of the database serves: ${tried
    .map(({ host, error }) => `${host.name}: ${messageOf(error)}`)
    .join('; ')}`;
  const cause = new AggregateError(tried.map(({ error }) => error));
  return errorWith('database_unavailable', 'refused', message, cause);
}

const TLS = 'see "TLS to PostgreSQL" in docs/operations.md';

/** The driver's messages about TLS. It has no codes for them. */
const ABOUT_TLS = /^(The server does not support SSL|SECURITY WARNING|.*sslnegotiation)/;

/** The remedy if a mistake on this side keeps a connection from being established. */
function mistakeIn(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { message, code = '', syscall } = error as Error & { code?: string; syscall?: string };
  if (syscall === 'open' || code === 'EISDIR') return `database.url names that file; ${TLS}`;
  const isRefused = /^(ERR_(TLS|SSL|OSSL)_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH)/.test(
    code,
  );
  if (isRefused || ABOUT_TLS.test(message)) return TLS;
  if (message.startsWith('SASL')) return meaningOf('28P01').remedy;
  return undefined;
}

/** @param meaning overrides the meaning of the code */
function serverError(error: pg.DatabaseError, meaning = meaningOf(error.code ?? '')): PincexError {
  const { code = '', message } = error;
  const { failure: means, remedy } = meaning;
  if (code === '25006') {
    return errorWith('database_unavailable', means, `This server is read-only: ${message}; ${remedy}`, error);
  }
  if (code === '57014') {
    const bound = message.includes('timeout')
      ? ' (database.pool.statement_timeout)'
      : ` (${code}); ${remedy}`;
    return errorWith(
      'database_unavailable',
      means,
      `PostgreSQL cancelled a statement: ${message}${bound}`,
      error,
    );
  }
  const what = means === 'disconnected' ? 'PostgreSQL ended the connection' : 'PostgreSQL refuses';
  return errorWith(codeOf(code, means), means, `${what}: ${message} (${code}); ${remedy}`, error);
}

function codeOf(sqlState: string, failure: Failure): ErrorCode {
  if (sqlState === '25P02') return 'transaction_aborted';
  if (failure === 'collision') return 'conflict';
  return failure === 'refused' || failure === 'disconnected' ? 'database_unavailable' : 'database_refused';
}

function errorWith(code: ErrorCode, failure: Failure, message: string, cause?: unknown): PincexError {
  const error = new PincexError(code, message, cause === undefined ? undefined : { cause });
  failures.set(error, failure);
  return error;
}

/** The message of an error. If all addresses of a host failed, the driver makes one error without a message. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') {
    return error.errors.map((each) => messageOf(each)).join('; ');
  }
  // Messages of OpenSSL end with a newline.
  return error instanceof Error ? error.message.trim() : String(error);
}
