import { Database, type TransactionSession } from '../../database/database.ts';
import type { Statement } from '../../database/statement.ts';

export interface Recorded {
  readonly statement: Statement;
  readonly values: readonly (string | null)[];
}

/**
 * A database on which an engine can be watched: while it records, reads are run, and writes are kept and left
 * undone. Running what was recorded is then all that the engine did, with the deciding left out.
 */
export class RecordingDatabase extends Database {
  #recorded: Recorded[] | undefined;

  override async query<Row>(statement: Statement, values: readonly (string | null)[] = []): Promise<Row[]> {
    return this.#keeps(statement, values) ? [] : super.query<Row>(statement, values);
  }

  override transaction<Result>(work: (session: TransactionSession) => Promise<Result>): Promise<Result> {
    return super.transaction((session) =>
      work({
        client: session.client,
        query: async (statement, values = []) =>
          this.#keeps(statement, values) ? [] : session.query(statement, values),
      }),
    );
  }

  /** Keeps a statement while it records; answers whether that is all to be done with it. */
  #keeps(statement: Statement, values: readonly (string | null)[]): boolean {
    this.#recorded?.push({ statement, values });
    return this.#recorded !== undefined && statement.name.startsWith('persist:');
  }

  /** The statements that `work` would run. */
  async record(work: () => Promise<unknown>): Promise<readonly Recorded[]> {
    const recorded: Recorded[] = [];
    this.#recorded = recorded;
    try {
      await work();
    } finally {
      this.#recorded = undefined;
    }
    return recorded;
  }
}
