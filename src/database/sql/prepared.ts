import type pg from 'pg';
import { limits } from '../../limits.ts';

/**
 * The prepared statements of each connection: the first ones that it sends, up to a bound. Every prepared statement takes
 * memory of the server for as long as the connection lives, and batches combine parts into many different statements.
 */
export class PreparedStatements {
  readonly #names = new WeakMap<pg.ClientBase, Set<string>>();

  /** The name under which a statement is prepared, or `undefined` if the connection has reached the bound. */
  nameFor(client: pg.ClientBase, name: string): string | undefined {
    let names = this.#names.get(client);
    if (names === undefined) this.#names.set(client, (names = new Set()));
    if (names.has(name)) return name;
    if (names.size >= limits.database.preparedStatements) return undefined;
    names.add(name);
    return name;
  }
}
