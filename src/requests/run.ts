import type { Session } from '../database/database.ts';
import type { WritePart } from '../engine/write.ts';
import type { Answer, AnswerWriter } from './answer.ts';
import type { Leases } from './leases.ts';
import { pack } from './packed.ts';
import type { Room } from './room.ts';
import { finishRequest, releaseRequest } from './statements.ts';

/** The request that a run executes. */
export interface RunDetails {
  /** The id of the batch: that of the first run, if this run took the request over. */
  readonly batchId: string;
  readonly caller: string;
  /** The id of the run. */
  readonly id: string;
  /** The bytes that its items take until they are replaced by the answer. */
  readonly itemBytes: number;
}

/**
 * A request that this process runs, for as long as its lease is renewed. Another process takes it over only after this one
 * died, or had no connection to the database for that long. If this one lives on, it can then no longer write the batch: the
 * part that writes the answer finds no row of this run, which supersedes the batch.
 */
export class Run implements AnswerWriter {
  readonly batchId: string;
  readonly #session: Session;
  readonly #details: RunDetails;
  readonly #leases: Leases;
  readonly #room: Room;
  /** The bytes of its answer minus those of its items, which were counted when the row was inserted. */
  #moreBytes = 0;

  constructor(session: Session, details: RunDetails, leases: Leases, room: Room) {
    this.batchId = details.batchId;
    this.#session = session;
    this.#details = details;
    this.#leases = leases;
    this.#room = room;
    leases.keep(details.id, details.batchId);
  }

  /** The part that writes the answer: once it is committed, a call with the same key gets this answer. */
  partFor({ status, body }: Answer): WritePart {
    const { batchId, id, itemBytes } = this.#details;
    const packed = pack(body);
    this.#moreBytes = packed.length - itemBytes;
    return { ...finishRequest, values: [batchId, id, String(status), packed.toString('base64')] };
  }

  onWritten(): void {
    this.#leases.drop(this.#details.id);
    this.#room.add(this.#details.caller, this.#moreBytes);
  }

  /**
   * Releases the request after the call failed as a whole, so that the next call with its key runs it again. Never fails: an
   * error goes to `onError`, and the lease then expires.
   *
   * @returns false if the request has its answer or another run has taken it over; true otherwise, also after an error
   */
  async release(): Promise<boolean> {
    this.#leases.drop(this.#details.id);
    try {
      const isReleased =
        (await this.#session.query(releaseRequest, [this.batchId, this.#details.id])).length > 0;
      if (!isReleased) this.#room.add(this.#details.caller, this.#moreBytes);
      return isReleased;
    } catch (error) {
      this.#leases.onError(error);
      return true;
    }
  }
}
