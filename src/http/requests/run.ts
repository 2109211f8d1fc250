import type { Session } from '../../database/database.ts';
import type { Statement } from '../../database/statement.ts';
import { finishRequest, releaseRequest, renewLease } from './statements.ts';

/** How long a request is its runner's, and whom failures are told that are nobody's answer. */
export interface Lease {
  readonly leaseMs: number;
  readonly onError: (error: unknown) => void;
}

/**
 * A request that is this process's to run. Its lease is renewed for as long as it runs, so that only a process that
 * died, or lost the database for that long, loses it to another.
 *
 * Both ways to end never fail: the batch has its outcome by then, and whoever asked is to be told. What could not be
 * written is told to `onError`; the lease then ends by itself, and the outcome is looked up.
 */
export class Run {
  /** What the batch is to be executed under: that of the first run, where this one took it over. */
  readonly batchId: string;
  readonly #id: string;
  readonly #session: Session;
  readonly #lease: Lease;
  readonly #renewing: NodeJS.Timeout;

  constructor(session: Session, batchId: string, id: string, lease: Lease) {
    this.batchId = batchId;
    this.#id = id;
    this.#session = session;
    this.#lease = lease;
    const renew = () => void this.#write(renewLease, `${lease.leaseMs} milliseconds`);
    this.#renewing = setInterval(renew, lease.leaseMs / 3).unref();
  }

  /** Stores the answer: from now on it is what the same key gets. */
  finish(status: number, body: string): Promise<void> {
    clearInterval(this.#renewing);
    return this.#write(finishRequest, String(status), body);
  }

  /** The batch failed as a whole, whether or not something of it was written: the next call runs it again. */
  release(): Promise<void> {
    clearInterval(this.#renewing);
    return this.#write(releaseRequest);
  }

  async #write(statement: Statement, ...values: readonly string[]): Promise<void> {
    try {
      await this.#session.query(statement, [this.batchId, this.#id, ...values]);
    } catch (error) {
      this.#lease.onError(error);
    }
  }
}
