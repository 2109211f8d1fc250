import type { Session } from '../../database/database.ts';
import type { Alongside } from '../../engine/persist.ts';
import type { Leases } from './leases.ts';
import type { Answer } from './requests.ts';
import { finishRequest, releaseRequest } from './statements.ts';

/**
 * A request that is this process's to run, for as long as its lease is renewed: only a process that died, or lost the
 * database for that long, loses it to another. One that lives on cannot write its batch then, since the answer that
 * goes with it has nowhere to be.
 */
export class Run {
  /** What the batch is to be executed under: that of the first run, where this one took it over. */
  readonly batchId: string;
  readonly #id: string;
  readonly #session: Session;
  readonly #leases: Leases;

  constructor(session: Session, batchId: string, id: string, leases: Leases) {
    this.batchId = batchId;
    this.#id = id;
    this.#session = session;
    this.#leases = leases;
    leases.keep(id, batchId);
  }

  /** What is written alongside the batch: from then on the answer is what the same key gets. */
  answered({ status, body }: Answer): Alongside {
    return { ...finishRequest, values: [this.batchId, this.#id, String(status), body] };
  }

  /** It has its answer. */
  end(): void {
    this.#leases.drop(this.#id);
  }

  /**
   * The batch failed as a whole, whether or not something of it was written: the next call runs it again. Never fails:
   * what cannot be written is told to `onError`, and the lease then ends by itself.
   *
   * @returns whether it was still this run's, as far as can be told: else it has its answer, or another runs it
   */
  async release(): Promise<boolean> {
    this.end();
    try {
      return (await this.#session.query(releaseRequest, [this.batchId, this.#id])).length > 0;
    } catch (error) {
      this.#leases.onError(error);
      return true;
    }
  }
}
