/** The consequence of a failed statement for its sender. */
export type Failure =
  /** The guard was lost, or another batch inserted the same row meanwhile: decide again. */
  | 'guard_lost'
  /** A part of `writeWith` wrote no row: nothing of the batch was written, and it is not retried. */
  | 'superseded'
  /** Deadlock or serialization failure with foreign code: nothing was written; retry. */
  | 'collision'
  /** The server accepts no statements at present, or cancelled this one: nothing was written; retry. */
  | 'refused'
  /** The connection broke; a commit in flight may or may not have happened. */
  | 'disconnected'
  /** A retry does not help. */
  | 'other';

/** The meaning of a SQLSTATE, and the remedy. */
export interface Meaning {
  readonly failure: Failure;
  readonly remedy: string;
}

const SCHEMA =
  'the schema is not the one that this version needs (see "pincex migrate status"), or a statement of your own names something that does not exist';
const SESSION =
  'a pooler assigns the session to other clients between statements: use it in transaction mode, or connect to PostgreSQL directly';
const LOG = "see the server's log";
const FOREIGN =
  'a trigger, a function, a constraint or a statement that does not belong to Pincex causes this: correct it, or remove it';
const STATEMENT =
  "correct the statement if it is your own; otherwise report it, with the server's log, since Pincex sends no such statement";
const ENCODING = 'use a database whose encoding is UTF8, and texts without NUL';

/** Every class of PostgreSQL's "Error Codes", by the first two characters. */
const CLASSES: Readonly<Record<string, Meaning>> = {
  '00': other(STATEMENT),
  '01': other(STATEMENT),
  '02': other(STATEMENT),
  '03': other(STATEMENT),
  '08': { failure: 'disconnected', remedy: 'check the network, and any proxy or pooler on the way' },
  '09': other(FOREIGN),
  '0A': other(STATEMENT),
  '0B': other(STATEMENT),
  '0F': other(STATEMENT),
  '0L': other(STATEMENT),
  '0P': other('correct the role in database.url or in its options'),
  '0Z': other(STATEMENT),
  '10': other(STATEMENT),
  '20': other(FOREIGN),
  '21': other(STATEMENT),
  '22': other(STATEMENT),
  '23': other(FOREIGN),
  '24': other(STATEMENT),
  '25': other(STATEMENT),
  '26': other(SESSION),
  '27': other(FOREIGN),
  '28': other('check user and password in database.url, and pg_hba.conf of the server'),
  '2B': other(STATEMENT),
  '2D': other(STATEMENT),
  '2F': other(FOREIGN),
  '34': other(SESSION),
  '38': other(FOREIGN),
  '39': other(FOREIGN),
  '3B': other(SESSION),
  '3D': other('create the database, or correct its name in database.url'),
  '3F': other(SCHEMA),
  '40': { failure: 'collision', remedy: 'send it again' },
  '42': other(STATEMENT),
  '44': other(FOREIGN),
  '53': { failure: 'refused', remedy: 'give the server more of the resource that the message names' },
  '54': other('keep within the bound that the message names'),
  '55': other(LOG),
  '57': { failure: 'refused', remedy: 'wait until the operator is done' },
  '58': other(`check the server's disk and files, and ${LOG}`),
  '72': { failure: 'collision', remedy: 'send it again' },
  F0: other(`correct the server's configuration files: ${LOG}`),
  HV: other(FOREIGN),
  P0: other(FOREIGN),
  XX: other(`it may be broken: ${LOG}, and run "pincex audit"`),
};

/** Codes with another meaning than their class. */
const CODES: Readonly<Record<string, Meaning>> = {
  '22012': { failure: 'guard_lost', remedy: STATEMENT },
  // "cannot take square root of a negative number"
  '2201F': { failure: 'superseded', remedy: STATEMENT },
  '22021': other(ENCODING),
  '22P05': other(ENCODING),
  '23505': { failure: 'guard_lost', remedy: FOREIGN },
  '25006': {
    failure: 'refused',
    remedy: 'wait until a failover is over, or let database.url lead to the primary',
  },
  '25P02': other('let the error of a failed statement end the transaction'),
  '25P03': {
    failure: 'disconnected',
    remedy: 'send statements sooner, or raise idle_in_transaction_session_timeout of the server',
  },
  '25P04': { failure: 'disconnected', remedy: 'send fewer items at once, or raise transaction_timeout' },
  '40002': other(FOREIGN),
  '40003': { failure: 'disconnected', remedy: 'send it again' },
  '42501': other(
    'grant the user that Pincex runs as what "A server of your own" in docs/operations.md grants',
  ),
  '42703': other(SCHEMA),
  '42704': other(SCHEMA),
  '42883': other(SCHEMA),
  '42P01': other(SCHEMA),
  // A pooler changed the session between statements: an earlier client left a prepared statement in it.
  '42P05': other(SESSION),
  '53100': { failure: 'refused', remedy: 'make room on the disk of the server' },
  '53200': { failure: 'refused', remedy: 'give the server more memory, or send fewer items at once' },
  '53300': {
    failure: 'refused',
    remedy: 'lower database.pool.max, or raise max_connections or the CONNECTION LIMIT of the role',
  },
  '55006': { failure: 'refused', remedy: 'wait until it is no longer in use' },
  '55P03': { failure: 'collision', remedy: 'send it again' },
  '57014': {
    failure: 'refused',
    remedy: 'send fewer items at once, or raise database.pool.statement_timeout',
  },
  // Connections that were terminated, that crashed, or that were closed while idle.
  '57P01': { failure: 'disconnected', remedy: 'wait until it is back' },
  '57P02': { failure: 'disconnected', remedy: `wait until it is back, and ${LOG}` },
  '57P03': { failure: 'refused', remedy: 'wait until it has started' },
  '57P04': other('the database was dropped: restore it, or correct its name in database.url'),
  '57P05': { failure: 'disconnected', remedy: 'send it again, or raise idle_session_timeout of the server' },
  // Poolers send this if they have no server connection.
  '58000': { failure: 'refused', remedy: `wait until it is over, and ${LOG}` },
};

/** The meaning of a SQLSTATE of PostgreSQL or a pooler. An unknown class is `other`. */
export function meaningOf(sqlState: string): Meaning {
  return CODES[sqlState] ?? CLASSES[sqlState.slice(0, 2)] ?? other(LOG);
}

/**
 * SQLSTATEs after which a connection is not reused: its server takes no writes, or its prepared statements are not those that
 * we expect.
 */
export const SPOILT: ReadonlySet<string> = new Set(['25006', '0A000', '26000', '42P05']);

function other(remedy: string): Meaning {
  return { failure: 'other', remedy };
}

/**
 * The remedy if a new connection failed with a SQLSTATE: either the server refuses the startup settings of the connection, or
 * the SQLSTATE has its usual meaning.
 */
export function remedyOfStart(sqlState: string): string {
  return SETTING.has(sqlState)
    ? 'correct the settings in the options of database.url, or in PGOPTIONS'
    : meaningOf(sqlState).remedy;
}

/** SQLSTATEs of a setting that is unknown, has an invalid value, or cannot be set by a client. */
const SETTING: ReadonlySet<string> = new Set(['42704', '22023', '55P02']);
