import { hash } from 'node:crypto';
import { v4 as uuidv4, validate as isUuid } from 'uuid';
import type { Session } from '../database/database.ts';
import { persistently } from '../database/retry.ts';
import { limits } from '../limits.ts';
import type { Answer, AnswerWriter } from './answer.ts';
import type { OperationKey } from './operationKeys.ts';
import { lookUpInterrupted, type InterruptedBatch } from './interrupted.ts';
import { Leases } from './leases.ts';
import { pack, unpack } from './packed.ts';
import { Room, type Scarcity, type Shortage } from './room.ts';
import { Run } from './run.ts';
import {
  deleteExpiredRequest,
  deleteExpiredRequests,
  deleteExpiredUsage,
  insertFinishedRequest,
  insertRequest,
  readOutcome,
  readRequests,
  takeOverRequest,
} from './statements.ts';

export interface RequestsOptions {
  /** How long an answer is stored, from the beginning of its call. Default: a day. */
  readonly retentionMs?: number;
  /** How long a request belongs to its process after the last renewal of its lease. */
  readonly leaseMs?: number;
  /** The bytes that stored answers of all callers may take. A caller that is the only one may take a quarter. */
  readonly room?: number;
  /** Called once each time that a caller, or all of them together, come close to their bound. */
  readonly onScarce?: (scarcity: Scarcity) => void;
  /** Called with errors of writes that no call waits for. */
  readonly onError?: (error: unknown) => void;
}

/** The database with the table `requests`: the pool, and the URL with its password, for connections beside the pool. */
export interface Connected {
  readonly session: Session;
  readonly connectionString: string;
}

/** A call that is about to execute a batch. */
export interface NewRequest {
  /** The id of the API key. */
  readonly caller: string;
  readonly route: string;
  /** The idempotency key, if there is one. */
  readonly key: string | null;
  /** See {@link requestHash}. */
  readonly hash: string;
  /** A UUID in lower case. */
  readonly batchId: string;
  readonly items: readonly OperationKey[];
}

/** A call whose row is inserted only with its batch, together with its answer. */
export type ExecutedRequest = Pick<NewRequest, 'caller' | 'route' | 'batchId'>;

/** The outcome of {@link Requests.begin}: whether to run the call, and if not, why. */
export type Begun =
  | { readonly kind: 'run'; readonly run: Run }
  /** An earlier call with the same key ended with this answer. */
  | ({ readonly kind: 'finished' } & Answer)
  /** An earlier call with the same key is still running, in this process or another one. */
  | { readonly kind: 'running'; readonly batchId: string }
  /** The caller used the key, or the batch id, for another call before. */
  | { readonly kind: 'reused'; readonly what: 'key' | 'batchId' }
  /** The caller, or all of them together, have no room for one more answer. */
  | ({ readonly kind: 'full' } & Shortage);

/** The outcome of a batch. */
export type Outcome =
  | ({ readonly kind: 'finished' } & Answer)
  | { readonly kind: 'running' }
  | { readonly kind: 'interrupted'; readonly batch: InterruptedBatch }
  /** No batch has this id, or it has expired, or it belongs to another caller. */
  | { readonly kind: 'unknown' };

interface RequestRow {
  batch_id: string;
  route: string;
  idempotency_key: string | null;
  content_hash: string;
  run_id: string;
  status: string | null;
  body: string | null;
  is_left: string;
  is_expired: string;
}

/** Tells a repeated call from another one with the same key: SHA-256 of the route and of the raw body. */
export function requestHash(route: string, body: string): string {
  return hash('sha256', `${route}\0${body}`, 'base64url');
}

/**
 * The calls that execute batches, each once for its idempotency key, and their outcomes. They are stored in the table
 * `requests`, so that any process can answer for any other.
 */
export class Requests {
  readonly #session: Session;
  readonly #leases: Leases;
  readonly #room: Room;
  readonly #retention: string;
  /** Calls that are being marked as interrupted, by batch id. */
  readonly #interrupting = new Map<string, Promise<void>>();

  constructor({ session, connectionString }: Connected, options: RequestsOptions = {}) {
    const { retentionMs, leaseMs, room, onScarce = () => undefined } = { ...limits.requests, ...options };
    this.#session = session;
    this.#leases = new Leases(connectionString, leaseMs, options.onError ?? (() => undefined));
    this.#room = new Room(session, { room, retentionMs, onScarce });
    this.#retention = `${retentionMs} milliseconds`;
  }

  /**
   * Inserts the row of a call before its batch is executed, and tells what to do with the call. If identical calls
   * come at the same time, exactly one of them is to run. Without room for another answer, only calls whose row exists already go on:
   * their answer is returned, or their batch is run to its end.
   *
   * @throws PincexError `database_unavailable`, `pool_exhausted`: nothing was executed
   */
  async begin(request: NewRequest): Promise<Begun> {
    return this.#persistentlyBegin(request, await this.#room.shortageOf(request.caller));
  }

  /** The refusal of a call for lack of room, if the caller has none for one more answer. */
  async full(caller: string): Promise<Extract<Begun, { kind: 'full' }> | undefined> {
    const shortage = await this.#room.shortageOf(caller);
    return shortage && { kind: 'full', ...shortage };
  }

  #persistentlyBegin(request: NewRequest, shortage?: Shortage): Promise<Begun> {
    const runId = uuidv4();
    // An attempt whose connection broke may have inserted the row: the next one recognizes it by the id of the run.
    return persistently(() => this.#begin(request, runId, shortage), ['disconnected', 'refused']);
  }

  async #begin(request: NewRequest, runId: string, shortage: Shortage | undefined): Promise<Begun> {
    const { batchId, caller, route, key, hash } = request;
    const { leaseMs } = this.#leases;
    const items = pack(JSON.stringify(request.items));
    const runOf = (batchId: string): Begun => ({
      kind: 'run',
      run: new Run(
        this.#session,
        { batchId, caller, id: runId, itemBytes: items.length },
        this.#leases,
        this.#room,
      ),
    });
    const values = [
      batchId,
      caller,
      route,
      key,
      hash,
      items.toString('base64'),
      runId,
      `${leaseMs} milliseconds`,
    ];
    let known = batchId;
    // An attempt is repeated if another call changed a row between the statements of this one.
    for (let attempt = 1; attempt <= limits.database.attempts; attempt++) {
      if (shortage === undefined) {
        const made = await this.#session.query(insertRequest, [...values, this.#retention]);
        if (made.length > 0) {
          // The key is stored in the row and in an index.
          this.#room.add(caller, limits.requests.rowBytes + 2 * (key?.length ?? 0) + items.length);
          return runOf(batchId);
        }
      }
      const found = await this.#session.query<RequestRow>(readRequests, [batchId, caller, route, key]);
      const expired = found.filter(
        (row) => row.is_expired === 't' && (row.status !== null || row.is_left === 't'),
      );
      for (const row of expired) await this.#session.query(deleteExpiredRequest, [row.batch_id, caller]);
      const [row, other] = found;
      if (row === undefined || expired.length > 0) {
        if (shortage === undefined) continue;
        return { kind: 'full', ...shortage };
      }
      if (other !== undefined || !isSame(row, request)) {
        const isOfKey =
          key !== null && found.some((row) => row.idempotency_key === key && row.route === route);
        return { kind: 'reused', what: isOfKey ? 'key' : 'batchId' };
      }
      known = row.batch_id;
      if (row.run_id === runId) return runOf(known);
      if (row.status !== null)
        return { kind: 'finished', status: Number(row.status), body: textOf(row.body) };
      if (row.is_left === 'f') return { kind: 'running', batchId: known };
      const taking = [known, row.run_id, runId, `${leaseMs} milliseconds`];
      const taken = await this.#session.query(takeOverRequest, taking);
      if (taken.length > 0) return runOf(known);
    }
    return { kind: 'running', batchId: known };
  }

  /** Inserts the row of a call only with its batch, together with the answer. */
  answerWriter({ batchId, caller, route }: ExecutedRequest): AnswerWriter {
    let bytes = 0;
    return {
      partFor: ({ status, body }) => {
        const packed = pack(body);
        bytes = limits.requests.rowBytes + packed.length;
        const values = [batchId, caller, route, String(status), packed.toString('base64'), this.#retention];
        return { ...insertFinishedRequest, values };
      },
      onWritten: () => {
        this.#room.add(caller, bytes);
      },
    };
  }

  /**
   * Marks a call whose outcome is unknown as one that no process runs. A batch that is not
   * written by then never will be. The caller may get its answer meanwhile: `outcome` waits for the mark. Never fails: an error goes to `onError`.
   */
  async markInterrupted(request: NewRequest): Promise<void> {
    const mark = async (): Promise<void> => {
      const begun = await this.#persistentlyBegin(request);
      if (begun.kind === 'run') await begun.run.release();
    };
    const marking = mark().catch(this.#leases.onError);
    this.#interrupting.set(request.batchId, marking);
    await marking;
    this.#interrupting.delete(request.batchId);
  }

  /**
   * Looks up the outcome of a batch, even if its call got no answer.
   *
   * @param isAdmin whether the caller may ask for batches of every caller. If several have the id, its own is found first, then
   * the oldest
   */
  async outcome(batchId: string, caller: string, isAdmin: boolean): Promise<Outcome> {
    if (!isUuid(batchId)) return { kind: 'unknown' };
    await this.#interrupting.get(batchId.toLowerCase());
    const [row] = await this.#session.query<{
      caller: string;
      items: string | null;
      status: string | null;
      body: string | null;
      is_running: string;
    }>(readOutcome, [batchId, caller, String(isAdmin)]);
    if (row === undefined) return { kind: 'unknown' };
    if (row.status !== null) return { kind: 'finished', status: Number(row.status), body: textOf(row.body) };
    if (row.is_running === 't') return { kind: 'running' };
    const keys = JSON.parse(textOf(row.items)) as OperationKey[];
    const sent = { batchId: batchId.toLowerCase(), caller: row.caller };
    return { kind: 'interrupted', batch: await lookUpInterrupted(this.#session, sent, keys) };
  }

  /** Deletes expired rows, `rowsAtATime` with each statement, and returns the number of requests that were deleted. */
  async sweep(rowsAtATime: number = limits.batches.sweepItems): Promise<number> {
    let swept = 0;
    for (;;) {
      const deleted = await this.#session.query(deleteExpiredRequests, [String(rowsAtATime)]);
      swept += deleted.length;
      if (deleted.length < rowsAtATime) break;
    }
    await this.#session.query(deleteExpiredUsage);
    return swept;
  }

  /** Saves the room that was counted in this process, after its last call. Never fails: an error goes to `onError`. */
  async stop(): Promise<void> {
    await this.#room.save().catch(this.#leases.onError);
  }
}

function isSame(row: RequestRow, { route, key, hash }: NewRequest): boolean {
  return row.route === route && row.idempotency_key === key && row.content_hash === hash;
}

/** Unpacks a `bytea`, which the statement encoded as base64. */
const textOf = (base64: string | null): string => unpack(Buffer.from(base64 ?? '', 'base64'));
