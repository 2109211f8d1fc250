import { Database } from '../database/database.ts';
import type { Statement } from '../database/statement.ts';

interface Recorded {
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
    this.#recorded?.push({ statement, values });
    const isWrite = statement.name.startsWith('persist:');
    return this.#recorded !== undefined && isWrite ? [] : super.query<Row>(statement, values);
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
