import type { Session } from '../database/database.ts';
import type { Alongside } from '../engine/persist.ts';
import type { Leases } from './leases.ts';
import { pack } from './packed.ts';
import type { Answer, Noting } from './requests.ts';
import type { Room } from './room.ts';
import { finishRequest, releaseRequest } from './statements.ts';

/** What a run is of. */
export interface RunOf {
  /** What the batch is to be executed under: that of the first run, where this one took it over. */
  readonly batchId: string;
  readonly caller: string;
  /** Of the run itself. */
  readonly id: string;
  /** Bytes that its items take until it has its answer, and all else whether it has or not. */
  readonly size: { readonly items: number; readonly besides: number };
}

/**
 * A request that is this process's to run, for as long as its lease is renewed: only a process that died, or lost the
 * database for that long, loses it to another. One that lives on cannot write its batch then, since the answer that
 * goes with it has nowhere to be.
 */
export class Run implements Noting {
  readonly batchId: string;
  readonly #session: Session;
  readonly #of: RunOf;
  readonly #leases: Leases;
  readonly #room: Room;
  /** What is kept of it. */
  #bytes: number;

  constructor(session: Session, of: RunOf, leases: Leases, room: Room) {
    this.batchId = of.batchId;
    this.#session = session;
    this.#of = of;
    this.#leases = leases;
    this.#room = room;
    this.#bytes = of.size.besides + of.size.items;
    leases.keep(of.id, of.batchId);
  }

  /** What is written alongside the batch: from then on the answer is what the same key gets. */
  answered({ status, body }: Answer): Alongside {
    const { batchId, id, size } = this.#of;
    const packed = pack(body);
    this.#bytes = size.besides + packed.length;
    return { ...finishRequest, values: [batchId, id, String(status), packed.toString('base64')] };
  }

  /** It has its answer. */
  end(): void {
    this.#leases.drop(this.#of.id);
    this.#room.add(this.#of.caller, this.#bytes);
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
      return (await this.#session.query(releaseRequest, [this.batchId, this.#of.id])).length > 0;
    } catch (error) {
      this.#leases.onError(error);
      return true;
    }
  }
}
