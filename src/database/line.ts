import type pg from 'pg';
import { connect, isSession } from './client.ts';
import { refusesOptions, rethrow } from './failures.ts';
import { chooseHints, type Hints, type Settings } from './hints.ts';
import { PreparedStatements } from './prepared.ts';
import type { Statement } from './statement.ts';

/**
 * How statements get to PostgreSQL: over a session that is the connection's own, or through a pooler that lends a
 * session for each transaction, such as PgBouncer in transaction mode.
 */
export interface Line {
  /** What a connection is made with. */
  readonly config: pg.ClientConfig;
  /** Whether a statement by itself finds the settings that it needs, or only one in a transaction does. */
  readonly isSession: boolean;
  /** Begins a transaction in which the settings hold, in one round trip. */
  readonly begin: string;
  /** A statement as it is sent on a connection, and the name that it is kept under. */
  send(client: pg.ClientBase, statement: Statement): { readonly text: string; readonly name?: string };
}

/** Settings are given once, when a connection starts, and cost nothing from then on; statements are kept prepared. */
class DirectLine implements Line {
  readonly config: pg.ClientConfig;
  readonly isSession = true;
  readonly begin = 'BEGIN';
  readonly #hints: Hints;
  readonly #prepared = new PreparedStatements();

  constructor(url: string, settings: Settings, hints: Hints) {
    this.config = directConfig(url, { ...settings, ...hints.settings });
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
class PooledLine implements Line {
  readonly config: pg.ClientConfig;
  readonly isSession = false;
  readonly begin: string;
  readonly #hints: Hints;

  constructor(url: string, settings: Settings, hints: Hints) {
    this.config = pooledConfig(url);
    this.#hints = hints;
    const local = Object.entries({ ...settings, ...hints.settings }).map(
      ([name, value]) => `; SET LOCAL ${name} = '${value}'`,
    );
    this.begin = `BEGIN ISOLATION LEVEL READ COMMITTED${local.join('')}`;
  }

  send(_: pg.ClientBase, statement: Statement) {
    return { text: this.#hints.textOf(statement) };
  }
}

/**
 * Finds out, with one connection, what stands at `url`.
 *
 * @param settings what statements need, hints apart
 * @param wantsHints what `enable_query_hints` says
 * @throws PincexError `database_unavailable`
 */
export async function findLine(
  url: string,
  settings: Settings,
  wantsHints: boolean,
  bounds: pg.ClientConfig,
): Promise<Line> {
  const client = await connectAnyhow(url, settings, bounds);
  try {
    const hints = await hintsFor(client, wantsHints);
    const Found = (await isSession(client)) ? DirectLine : PooledLine;
    return new Found(url, settings, hints);
  } finally {
    await client.end();
  }
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

/** PgBouncer refuses `options` unless it is told to ignore them. */
async function connectAnyhow(url: string, settings: Settings, bounds: pg.ClientConfig): Promise<pg.Client> {
  try {
    return await connect({ ...directConfig(url, settings), ...bounds });
  } catch (error) {
    if (!refusesOptions(error)) throw error;
    return connect({ ...pooledConfig(url), ...bounds });
  }
}

/** Our settings come after those of the URL, which the driver would take instead of them. */
export function directConfig(url: string, settings: Settings): pg.ClientConfig {
  const own = Object.entries({ ...settings, default_transaction_isolation: 'read committed' }).map(
    ([name, value]) => `-c ${name}=${value.replaceAll(' ', '\\ ')}`,
  );
  const { connectionString, options } = pooledConfig(url);
  return { connectionString, options: [options, ...own].filter(Boolean).join(' ') };
}

/** What the caller put into the URL is the caller's: it is sent, whatever stands there. */
function pooledConfig(url: string): pg.ClientConfig {
  const parsed = new URL(url);
  const given = parsed.searchParams.getAll('options');
  parsed.searchParams.delete('options');
  return { connectionString: parsed.href, ...(given.length > 0 && { options: given.join(' ') }) };
}
