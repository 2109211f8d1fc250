import type pg from 'pg';
import { limits } from '../limits.ts';

/**
 * The prepared statements of each connection: those that came first, up to a bound. Every prepared statement
 * takes memory of the server for as long as its connection lives, and combinations of parts make many of them.
 */
export class PreparedStatements {
  readonly #names = new WeakMap<pg.ClientBase, Set<string>>();

  /** The name that a statement is kept under, or `undefined` where this connection keeps no more of them. */
  nameFor(client: pg.ClientBase, name: string): string | undefined {
    let names = this.#names.get(client);
    if (names === undefined) this.#names.set(client, (names = new Set()));
    if (names.has(name)) return name;
    if (names.size >= limits.database.preparedStatements) return undefined;
    names.add(name);
    return name;
  }
}
