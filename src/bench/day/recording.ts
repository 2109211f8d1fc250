import { Database, type TransactionSession } from '../../database/database.ts';
import type { Statement } from '../../database/statement.ts';

export interface Recorded {
  readonly statement: Statement;
  readonly values: readonly (string | null)[];
}

/**
 * A database that records the statements of an engine: while it records, reads are run, and writes are recorded but not run.
 * Running the recorded statements then does the work of the engine without its decisions.
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

  /** Records a statement, and returns whether it is not to be run. */
  #keeps(statement: Statement, values: readonly (string | null)[]): boolean {
    this.#recorded?.push({ statement, values });
    return this.#recorded !== undefined && statement.name.startsWith('persist:');
  }

  /** Returns the statements that `work` would run. */
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
