import type { Session } from '../database/database.ts';
import type { WritePart } from '../engine/write.ts';
import type { Answer, Noting } from './answer.ts';
import type { Leases } from './leases.ts';
import { pack } from './packed.ts';
import type { Room } from './room.ts';
import { finishRequest, releaseRequest } from './statements.ts';

/** What a run is of. */
export interface RunOf {
  /** What the batch is to be executed under: that of the first run, where this one took it over. */
  readonly batchId: string;
  readonly caller: string;
  /** Of the run itself. */
  readonly id: string;
  /** Bytes that its items take until it has its answer. */
  readonly itemBytes: number;
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
  /** The bytes of its answer, less those of its items, which were counted when its row was made. */
  #moreBytes = 0;

  constructor(session: Session, of: RunOf, leases: Leases, room: Room) {
    this.batchId = of.batchId;
    this.#session = session;
    this.#of = of;
    this.#leases = leases;
    this.#room = room;
    leases.keep(of.id, of.batchId);
  }

  /** Writes the answer in the same statement as the batch: from then on the same key gets this answer. */
  answered({ status, body }: Answer): WritePart {
    const { batchId, id, itemBytes } = this.#of;
    const packed = pack(body);
    this.#moreBytes = packed.length - itemBytes;
    return { ...finishRequest, values: [batchId, id, String(status), packed.toString('base64')] };
  }

  /** It has its answer. */
  end(): void {
    this.#leases.drop(this.#of.id);
    this.#room.add(this.#of.caller, this.#moreBytes);
  }

  /**
   * The batch failed as a whole, whether or not something of it was written: the next call runs it again. Never fails:
   * what cannot be written is told to `onError`, and the lease then ends by itself.
   *
   * @returns whether it was still this run's, as far as can be told: else it has its answer, or another runs it
   */
  async release(): Promise<boolean> {
    this.#leases.drop(this.#of.id);
    try {
      const isReleased = (await this.#session.query(releaseRequest, [this.batchId, this.#of.id])).length > 0;
      if (!isReleased) this.#room.add(this.#of.caller, this.#moreBytes);
      return isReleased;
    } catch (error) {
      this.#leases.onError(error);
      return true;
    }
  }
}
