import type pg from 'pg';
import type { Opened } from './client.ts';
import { rethrow } from './failures.ts';
import { chooseHints, type Hints, type Settings } from './hints.ts';
import { PreparedStatements } from './prepared.ts';
import { locally, startOptions } from './settings.ts';
import type { Statement } from './statement.ts';

/**
 * How statements get to PostgreSQL: over a session that is the connection's own, or through a pooler that lends a
 * session for each transaction, such as PgBouncer in transaction mode.
 */
export interface Transport {
  /** What a session starts with: the caller's, and those settings of ours that it keeps. */
  readonly options: string | undefined;
  /** Whether a statement by itself finds the settings that it needs, or only one in a transaction does. */
  readonly isSession: boolean;
  /** Begins a transaction in which the settings hold, in one round trip. */
  readonly begin: string;
  /** A statement as it is sent on a connection, and the name that it is kept under. */
  send(client: pg.ClientBase, statement: Statement): { readonly text: string; readonly name?: string };
}

/** Settings are given once, when a connection starts, and cost nothing from then on; statements are kept prepared. */
class DirectTransport implements Transport {
  readonly options: string;
  readonly isSession = true;
  readonly begin = 'BEGIN';
  readonly #hints: Hints;
  readonly #prepared = new PreparedStatements();

  constructor(given: string | undefined, settings: Settings, hints: Hints) {
    this.options = startOptions(given, { ...settings, ...hints.settings });
    this.#hints = hints;
  }

  send(client: pg.ClientBase, statement: Statement) {
    const text = this.#hints.textOf(statement);
    const kept = this.#prepared.nameFor(client, statement.name);
    return kept === undefined ? { text } : { text, name: kept };
  }
}

/**
 * Nothing is left behind in a session that others use next: no prepared statements, and settings that end with
 * their transaction. The isolation is named, since that of the session may be anything.
 */
class PooledTransport implements Transport {
  readonly options: string | undefined;
  readonly isSession = false;
  readonly begin: string;
  readonly #hints: Hints;

  constructor(given: string | undefined, settings: Settings, hints: Hints) {
    this.options = given;
    this.#hints = hints;
    this.begin = `BEGIN ISOLATION LEVEL READ COMMITTED${locally({ ...settings, ...hints.settings })}`;
  }

  send(_: pg.ClientBase, statement: Statement) {
    return { text: this.#hints.textOf(statement) };
  }
}

/**
 * Finds out, with a connection, how statements are to be sent on it and on those like it.
 *
 * @param given the `options` of the URL
 * @param settings what statements need, hints apart
 * @param wantsHints what `enable_query_hints` says
 * @throws PincexError `database_unavailable`
 */
export async function findTransport(
  { client, isSession }: Opened,
  given: string | undefined,
  settings: Settings,
  wantsHints: boolean,
): Promise<Transport> {
  const Found = isSession ? DirectTransport : PooledTransport;
  return new Found(given, settings, await hintsFor(client, wantsHints));
}

/** How plans are pinned in the sessions of this server. */
export async function hintsFor(client: pg.Client, isWanted: boolean): Promise<Hints> {
  return chooseHints(isWanted, isWanted && (await hasHintPlan(client)));
}

/** Whether pg_hint_plan is loaded and listens. That the extension was created says nothing: only the library plans. */
async function hasHintPlan(client: pg.Client): Promise<boolean> {
  const { rowCount } = await client
    .query(`SELECT FROM pg_settings WHERE name = 'pg_hint_plan.enable_hint' AND setting = 'on'`)
    .catch(rethrow);
  return rowCount === 1;
}
