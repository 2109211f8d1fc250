import { indexesOfOurTables } from '../doctor/indexes.ts';
import type { DoctorFinding } from '../doctor/report.ts';
import { withOwnConnection } from '../monitor/connection.ts';
import type { Pincex } from '../pincex.ts';
import type { AuditLine } from './frame.ts';
import { readAudit } from './sources.ts';

/** The doctor reads much, so all callers share what it found for so long. */
const FRESH_MS = 30_000;

/** The state of the database: what the doctor finds, how indexes are used, and the last audit. */
export interface DatabaseState {
  readonly findings: readonly DoctorFinding[];
  readonly indexes: readonly IndexUse[];
  readonly audit: AuditLine | null;
  /** When it was looked at: ISO 8601 in UTC. */
  readonly at: string;
}

export interface IndexUse {
  readonly table: string;
  readonly name: string;
  /** Scans since the counters of PostgreSQL were reset. */
  readonly scans: number;
  readonly sizeBytes: number;
  readonly isUnique: boolean;
}

/** Looks at the database at most once in 30 seconds, however many callers ask. */
export class DatabaseStates {
  readonly #pincex: Pincex;
  #latest: Promise<DatabaseState> | undefined;
  #lookedAt = -Infinity;

  constructor(pincex: Pincex) {
    this.#pincex = pincex;
  }

  /** @throws PincexError `database_unavailable`; the next caller looks again */
  read(): Promise<DatabaseState> {
    if (this.#latest !== undefined && performance.now() - this.#lookedAt < FRESH_MS) return this.#latest;
    const looking = this.#look();
    this.#latest = looking;
    // Until it has ended, everyone waits for it.
    this.#lookedAt = Infinity;
    looking.then(
      () => {
        this.#lookedAt = performance.now();
      },
      () => {
        this.#latest = undefined;
      },
    );
    return looking;
  }

  async #look(): Promise<DatabaseState> {
    const { findings } = await this.#pincex.doctor();
    const rest = await withOwnConnection(this.#pincex.connectionString, async (client) => ({
      indexes: (await indexesOfOurTables(client)).map(({ table, name, scans, bytes, is_unique }) => ({
        ...{ table, name, scans },
        sizeBytes: bytes,
        isUnique: is_unique,
      })),
      audit: await readAudit(client),
    }));
    return { findings, ...rest, at: new Date().toISOString() };
  }
}
