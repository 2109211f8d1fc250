import { hash } from 'node:crypto';
import { v4 as uuidv4, validate as isUuid } from 'uuid';
import type { Session } from '../database/database.ts';
import { persistently } from '../database/retry.ts';
import { limits } from '../limits.ts';
import type { Answer, Noting } from './answer.ts';
import type { Claim } from './claims.ts';
import { lookUp, type InterruptedBatch } from './interrupted.ts';
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
  /** For how long an answer is kept, from the beginning of its call. Default: a day. */
  readonly retentionMs?: number;
  /** How long a request stays with a process that died. */
  readonly leaseMs?: number;
  /** Bytes of answers that are kept, of all callers together; one alone has a quarter. */
  readonly room?: number;
  /** Told once each time that a caller, or all of them, come close to what they may take of it. */
  readonly onScarce?: (scarcity: Scarcity) => void;
  /** Told of what could not be written and is nobody's answer. */
  readonly onError?: (error: unknown) => void;
}

/** Where the table stands: the pool, and what a driver connects by. */
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
  /** Of all that was asked: see {@link contentHash}. */
  readonly hash: string;
  /** A UUID, in small letters. */
  readonly batchId: string;
  readonly items: readonly Claim[];
}

/** A call that is noted only with its batch. */
export type ExecutedRequest = Pick<NewRequest, 'caller' | 'route' | 'batchId'>;

/** What is to be done with a call. */
export type Begun =
  | { readonly kind: 'run'; readonly run: Run }
  /** It ended before, with this answer. */
  | ({ readonly kind: 'finished' } & Answer)
  /** It is under way, here or elsewhere. */
  | { readonly kind: 'running'; readonly batchId: string }
  /** The key, or the batch id, was given to another call of the same caller. */
  | { readonly kind: 'reused'; readonly what: 'key' | 'batchId' }
  /** Its answer could not be kept. */
  | ({ readonly kind: 'full' } & Shortage);

/** How a batch ended. */
export type Outcome =
  | ({ readonly kind: 'finished' } & Answer)
  | { readonly kind: 'running' }
  | { readonly kind: 'interrupted'; readonly batch: InterruptedBatch }
  /** There is none of that id, it has expired, or it is somebody else's. */
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

/** What tells the same call from another: SHA-256 of the route and of the body as it came. */
export function contentHash(route: string, body: string): string {
  return hash('sha256', `${route}\0${body}`, 'base64url');
}

/**
 * The calls that execute batches, each once for its idempotency key, and what became of them. All of it stands in the
 * table `requests`, so any process answers for any other.
 */
export class Requests {
  readonly #session: Session;
  readonly #leases: Leases;
  readonly #room: Room;
  readonly #retention: string;
  /** Calls of which nobody knows how they ended, by batch id, until they are noted. */
  readonly #leaving = new Map<string, Promise<void>>();

  constructor({ session, connectionString }: Connected, options: RequestsOptions = {}) {
    const { retentionMs, leaseMs, room, onScarce = () => undefined } = { ...limits.requests, ...options };
    this.#session = session;
    this.#leases = new Leases(connectionString, leaseMs, options.onError ?? (() => undefined));
    this.#room = new Room(session, { room, retentionMs, onScarce });
    this.#retention = `${retentionMs} milliseconds`;
  }

  /**
   * Notes a call before its batch is executed, and says what to do with it. Of any number that are the same at the
   * same time exactly one is told to run. Where there is no room only what was noted before goes on: its answer is told, or
   * it is brought to its end.
   *
   * @throws PincexError `database_unavailable`, `pool_exhausted`: nothing was executed
   */
  async begin(request: NewRequest): Promise<Begun> {
    return this.#persistentlyBegin(request, await this.#room.shortageOf(request.caller));
  }

  /** What stands in the way of keeping one more answer for the caller, if anything does. */
  async full(caller: string): Promise<Extract<Begun, { kind: 'full' }> | undefined> {
    const shortage = await this.#room.shortageOf(caller);
    return shortage && { kind: 'full', ...shortage };
  }

  #persistentlyBegin(request: NewRequest, shortage?: Shortage): Promise<Begun> {
    const runId = uuidv4();
    // An attempt whose connection broke may have made the row: the next one knows it by the id of the run.
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
    // Each turn but the last found something that another call changed before it could be used.
    for (let turn = 1; turn <= limits.database.attempts; turn++) {
      if (shortage === undefined) {
        const made = await this.#session.query(insertRequest, [...values, this.#retention]);
        if (made.length > 0) {
          // The key stands in an index as well.
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

  /** Notes a call only with its batch. */
  noting({ batchId, caller, route }: ExecutedRequest): Noting {
    let bytes = 0;
    return {
      answered: ({ status, body }) => {
        const packed = pack(body);
        bytes = limits.requests.rowBytes + packed.length;
        const values = [batchId, caller, route, String(status), packed.toString('base64'), this.#retention];
        return { ...insertFinishedRequest, values };
      },
      end: () => {
        this.#room.add(caller, bytes);
      },
    };
  }

  /**
   * Notes a call of which nobody knows how it ended, as one that nobody runs; from then on its batch is not written any
   * more, where it was not. Its caller may be told meanwhile: who asks for the outcome here waits for the note. Never
   * fails: what cannot be written is told to `onError`.
   */
  async leave(request: NewRequest): Promise<void> {
    const note = async (): Promise<void> => {
      const begun = await this.#persistentlyBegin(request);
      if (begun.kind === 'run') await begun.run.release();
    };
    const leaving = note().catch(this.#leases.onError);
    this.#leaving.set(request.batchId, leaving);
    await leaving;
    this.#leaving.delete(request.batchId);
  }

  /**
   * How a batch ended, however the call that made it did.
   *
   * @param isAdmin may ask for the batches of every caller; of those that have the same id for its own, else for the oldest
   */
  async outcome(batchId: string, caller: string, isAdmin: boolean): Promise<Outcome> {
    if (!isUuid(batchId)) return { kind: 'unknown' };
    await this.#leaving.get(batchId.toLowerCase());
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
    const claims = JSON.parse(textOf(row.items)) as Claim[];
    const sent = { batchId: batchId.toLowerCase(), caller: row.caller };
    return { kind: 'interrupted', batch: await lookUp(this.#session, sent, claims) };
  }

  /** Deletes what has expired, some rows at a time; says how many they were. */
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

  /** Writes down what room was taken: no call does so any more. Never fails: what cannot be written is told to `onError`. */
  async stop(): Promise<void> {
    await this.#room.save().catch(this.#leases.onError);
  }
}

function isSame(row: RequestRow, { route, key, hash }: NewRequest): boolean {
  return row.route === route && row.idempotency_key === key && row.content_hash === hash;
}

/** What was packed, as PostgreSQL encodes it. */
const textOf = (base64: string | null): string => unpack(Buffer.from(base64 ?? '', 'base64'));
