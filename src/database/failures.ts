import pg from 'pg';
import { describe } from '../describe.ts';
import { PincexError, type ErrorCode } from '../errors.ts';
import type { Host, Proof } from './destination.ts';
import { isOfDriver } from './driver.ts';
import { meaningOf, remedyOfStart, SPOILT, type Failure } from './sqlStates.ts';

export type { Failure } from './sqlStates.ts';

/** The failure behind each error that is made here: the error itself shows callers no more than its code. */
const failures = new WeakMap<PincexError, Failure>();

/** Rows came up that were not locked in their turn: decide anew. */
export class Unlocked extends Error {}

export function failureOf(error: unknown): Failure {
  if (error instanceof Unlocked) return 'guard_lost';
  if (error instanceof PincexError) return failures.get(error) ?? 'other';
  if (!isOfServer(error)) return 'other';
  return error instanceof pg.DatabaseError ? meaningOf(error.code ?? '').failure : 'disconnected';
}

/** Whether a statement failed since a table is not there. */
export const lacksTable = (error: unknown): boolean => isOf(error, UNDEFINED_TABLE);

function isOf(error: unknown, code: string): boolean {
  const cause = error instanceof PincexError ? error.cause : error;
  return cause instanceof pg.DatabaseError && cause.code === code;
}

const UNDEFINED_TABLE = '42P01';
const UNIQUE_VIOLATION = '23505';

/** Whether a row that was to be made is there already. */
export const isTaken = (error: unknown): boolean => isOf(error, UNIQUE_VIOLATION);

/**
 * Whether PostgreSQL said it of a statement on a connection of ours, or the connection broke. Any other error of the
 * driver is a mistake of the code that sent the statement.
 */
export function isOfServer(error: unknown): boolean {
  if (!isOfDriver(error)) return false;
  return error instanceof pg.DatabaseError || ENDED.test(error.message) || 'syscall' in error;
}

/** The driver's own words for a connection that ended, or that no answer came on in time. It has no codes for them. */
const ENDED =
  /^(Query read timeout|Connection terminated|Client has encountered a connection error|Client was closed|Received unexpected|This socket has been ended)/;

/** The driver's own words for "no connection became free in time". */
export function isPoolTimeout(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('timeout exceeded when trying to connect');
}

/** Whether a connection on which this happened is of no use from now on, though the server may still be there. */
export function spoilsConnection(error: unknown): boolean {
  if (failureOf(error) === 'disconnected' || (error instanceof PincexError && elsewhere.has(error)))
    return true;
  const cause = error instanceof PincexError ? error.cause : error;
  return cause instanceof pg.DatabaseError && SPOILT.has(cause.code ?? '');
}

/** Whether a connection stood until it broke just now: a server was at the work. If no answer came, nobody knows. */
export function stoodUntilNow(error: unknown): boolean {
  if (failureOf(error) !== 'disconnected') return false;
  const cause = error instanceof PincexError ? error.cause : error;
  return !isUnanswered(cause) && !(cause instanceof Error && 'code' in cause && cause.code === 'ETIMEDOUT');
}

/** Whether a pooler turned a connection down because of the `options` that it was to start with. */
export function refusesOptions(error: unknown): boolean {
  const cause = error instanceof PincexError ? error.cause : error;
  return (
    cause instanceof pg.DatabaseError && /^unsupported startup parameter.*\boptions\b/.test(cause.message)
  );
}

/**
 * An error of PostgreSQL or the driver as callers see it: a stable code, the words of the server, and the remedy. Any other
 * error stays as it is.
 */
export function toCallerError(error: unknown): unknown {
  return isOfServer(error) ? translated(error) : error;
}

/** A statement of ours failed: so whatever is no answer of PostgreSQL's is a connection that broke. */
export function rethrow(error: unknown): never {
  throw translated(error);
}

function translated(error: unknown): PincexError {
  if (error instanceof PincexError) return error;
  if (error instanceof pg.DatabaseError) return ofServerError(error);
  const message = isUnanswered(error)
    ? 'PostgreSQL did not answer in time (database.pool.statement_timeout); the connection was given up'
    : `PostgreSQL cannot be reached: ${wordsOf(error)}`;
  return made('database_unavailable', 'disconnected', message, error);
}

/** The driver's own words for a statement that no answer came to in time. */
const isUnanswered = (error: unknown): boolean =>
  error instanceof Error && error.message === 'Query read timeout';

/** No connection was made: nothing was sent, so nothing was written. */
export function unconnected(error: unknown): PincexError {
  if (error instanceof PincexError) return error;
  if (error instanceof pg.DatabaseError) {
    const { code = '' } = error;
    const { failure } = meaningOf(code);
    return ofServerError(error, {
      failure: failure === 'disconnected' ? 'refused' : failure,
      remedy: remedyOfStart(code),
    });
  }
  const remedy = mistakeIn(error);
  if (remedy !== undefined) {
    const message = `No connection to PostgreSQL can be made: ${wordsOf(error)}; ${remedy}`;
    return made('database_refused', 'other', message, error);
  }
  const message = `PostgreSQL cannot be reached: ${wordsOf(error)}`;
  return made('database_unavailable', 'refused', message, error);
}

/** The embedded server is gone: a new process starts a new one, at another address and with another password. */
export function ended(): PincexError {
  return made(
    'database_unavailable',
    'refused',
    'The embedded PostgreSQL server has ended: start again, or use a server of your own (DATABASE_URL)',
  );
}

/** The server at the other end takes no writes. */
export function readOnly(why: string): PincexError {
  return misplaced(`This server is read-only (${why}); ${meaningOf('25006').remedy}`);
}

/** The server at the other end is not what the URL wants it to be. */
export function unwanted(wanted: string, why: string): PincexError {
  return misplaced(
    `The URL of the database wants a server that is ${wanted} (target_session_attrs), and this one is not: ${why}`,
  );
}

function misplaced(message: string): PincexError {
  const error = made('database_unavailable', 'refused', message);
  elsewhere.add(error);
  return error;
}

/** Errors of servers that answered, and are not the one that is needed. */
const elsewhere = new WeakSet<PincexError>();

/**
 * The server asks for the password in a way in which it is not given it, or for none where the URL requires one.
 *
 * @param required what the URL says (`require_auth`)
 */
export function unproven(asked: Proof | 'none', required: Proof | undefined): PincexError {
  const what = {
    none: 'does not prove that it knows the password',
    password: 'asks for the password in plain text (password)',
    md5: 'asks for the password in a form by which it can be guessed (md5)',
    'scram-sha-256': 'asks for the password by SCRAM (scram-sha-256)',
  }[asked];
  const why =
    required === undefined
      ? `which it is told over TLS that is checked alone; ask for scram-sha-256 in its pg_hba.conf, use sslmode=verify-full, or add require_auth=${asked} to the URL where nobody stands between`
      : `and the URL takes nothing but ${required} (require_auth); whoever listens there may not be the server`;
  return made('database_refused', 'other', `The server ${what}, ${why}; it was told nothing`);
}

/** Tables would be looked for, and made, in another schema than all others look in. */
export function foreignSchema(schema: string | null): PincexError {
  const where = schema === null ? 'has no schema that it may use' : `works in the schema ${describe(schema)}`;
  return made(
    'database_refused',
    'other',
    `This connection ${where}, and Pincex knows its tables in public only: let search_path begin with public (a role or a database has it by ALTER … SET search_path, a URL or PGOPTIONS by options), or grant USAGE on public; for other books take another database`,
  );
}

/**
 * Whether the next host of a URL is to be tried, as libpq does: nobody answers at this one, or it takes no connections
 * just now, or is not what is wanted. Other servers would refuse for any other reason as well.
 */
export function leadsOn(error: unknown): boolean {
  if (!(error instanceof PincexError) || failures.get(error) !== 'refused') return false;
  return !(error.cause instanceof pg.DatabaseError) || error.cause.code === '57P03';
}

/** No host of a URL has the session that is wanted. */
export function noneServes(tried: readonly { host: Host; error: unknown }[]): unknown {
  if (tried.length === 1) return tried[0]?.error;
  const message = `None of the hosts of the database serves: ${tried
    .map(({ host, error }) => `${host.name}: ${wordsOf(error)}`)
    .join('; ')}`;
  const cause = new AggregateError(tried.map(({ error }) => error));
  return made('database_unavailable', 'refused', message, cause);
}

const TLS = 'see "TLS to PostgreSQL" in docs/operations.md';

/** The driver's own words, which have no codes. */
const ABOUT_TLS = /^(The server does not support SSL|SECURITY WARNING|.*sslnegotiation)/;

/** The mistake on this side that keeps a connection from being made. */
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

/** @param meaning where it is another than its code alone has */
function ofServerError(error: pg.DatabaseError, meaning = meaningOf(error.code ?? '')): PincexError {
  const { code = '', message } = error;
  const { failure: means, remedy } = meaning;
  if (code === '25006') {
    return made('database_unavailable', means, `This server is read-only: ${message}; ${remedy}`, error);
  }
  if (code === '57014') {
    const bound = message.includes('timeout')
      ? ' (database.pool.statement_timeout)'
      : ` (${code}); ${remedy}`;
    return made('database_unavailable', means, `PostgreSQL gave a statement up: ${message}${bound}`, error);
  }
  const what = means === 'disconnected' ? 'PostgreSQL ended the connection' : 'PostgreSQL refuses';
  return made(codeOf(code, means), means, `${what}: ${message} (${code}); ${remedy}`, error);
}

function codeOf(sqlState: string, failure: Failure): ErrorCode {
  if (sqlState === '25P02') return 'transaction_aborted';
  if (failure === 'collision') return 'conflict';
  return failure === 'refused' || failure === 'disconnected' ? 'database_unavailable' : 'database_refused';
}

function made(code: ErrorCode, failure: Failure, message: string, cause?: unknown): PincexError {
  const error = new PincexError(code, message, cause === undefined ? undefined : { cause });
  failures.set(error, failure);
  return error;
}

/** If all addresses of a host failed, the driver makes one error without words. */
function wordsOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') {
    return error.errors.map((each) => wordsOf(each)).join('; ');
  }
  // OpenSSL ends its words with the end of a line.
  return error instanceof Error ? error.message.trim() : String(error);
}
