import type pg from 'pg';
import type { Opened } from '../client.ts';
import { rethrow } from '../failures.ts';
import { chooseHints, type Hints, type Settings } from '../sql/hints.ts';
import { PreparedStatements } from '../sql/prepared.ts';
import { locally, startOptions } from './settings.ts';
import type { Statement } from '../statement.ts';

/**
 * The way that statements are sent to PostgreSQL: directly, where each connection is one session, or through a pooler that
 * assigns a session for each transaction, such as PgBouncer in transaction mode.
 */
export interface StatementTransport {
  /** The startup `options` of a session: those of the caller, and on a direct connection also our settings. */
  readonly options: string | undefined;
  /** Whether our settings apply in the whole session; if not, only in a transaction. */
  readonly isSession: boolean;
  /** Begins a transaction in which our settings apply, in one round trip. */
  readonly begin: string;
  /** The text of a statement as it is sent on a connection, and the name under which it is prepared. */
  send(client: pg.ClientBase, statement: Statement): { readonly text: string; readonly name?: string };
}

/** Settings are sent once, when a connection starts, and statements are prepared. */
class DirectTransport implements StatementTransport {
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
 * Leaves nothing in a session that other clients use next: statements are not prepared, and settings end with their
 * transaction. BEGIN names the isolation level, since that of the session may be any.
 */
class PooledTransport implements StatementTransport {
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
 * Determines the transport for a connection and for others to the same host.
 *
 * @param given the `options` of the URL
 * @param settings the settings that statements need, except those for hints
 * @param wantsHints the setting `enable_query_hints`
 * @throws PincexError `database_unavailable`
 */
export async function findTransport(
  { client, isSession }: Opened,
  given: string | undefined,
  settings: Settings,
  wantsHints: boolean,
): Promise<StatementTransport> {
  const Found = isSession ? DirectTransport : PooledTransport;
  return new Found(given, settings, await hintsFor(client, wantsHints));
}

/** The hints for the sessions of this server. */
export async function hintsFor(client: pg.Client, isWanted: boolean): Promise<Hints> {
  return chooseHints(isWanted, isWanted && (await hasHintPlan(client)));
}

/** Whether pg_hint_plan is loaded and enabled. The extension in the catalog does not matter: the library does the planning. */
async function hasHintPlan(client: pg.Client): Promise<boolean> {
  const { rowCount } = await client
    .query(`SELECT FROM pg_settings WHERE name = 'pg_hint_plan.enable_hint' AND setting = 'on'`)
    .catch(rethrow);
  return rowCount === 1;
}
