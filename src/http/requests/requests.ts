import { hash } from 'node:crypto';
import { v4 as uuidv4, validate as isUuid } from 'uuid';
import type { Session } from '../../database/database.ts';
import { persistently } from '../../database/retry.ts';
import type { Alongside } from '../../engine/persist.ts';
import { limits } from '../../limits.ts';
import type { Pincex } from '../../pincex.ts';
import type { Claim } from './claims.ts';
import { lookUp, type InterruptedBatch } from './interrupted.ts';
import { Leases } from './leases.ts';
import { Run } from './run.ts';
import {
  deleteExpiredRequest,
  deleteExpiredRequests,
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
  /** Told of what could not be written and is nobody's answer. */
  readonly onError?: (error: unknown) => void;
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

/** An answer as it is sent and kept. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** What is to be done with a call. */
export type Begun =
  | { readonly kind: 'run'; readonly run: Run }
  /** It ended before, with this answer. */
  | ({ readonly kind: 'finished' } & Answer)
  /** It is under way, here or elsewhere. */
  | { readonly kind: 'running'; readonly batchId: string }
  /** The key, or the batch id, was given to another call. */
  | { readonly kind: 'reused'; readonly what: 'key' | 'batchId' };

/** How a batch ended. */
export type Outcome =
  | ({ readonly kind: 'finished' } & Answer)
  | { readonly kind: 'running' }
  | { readonly kind: 'interrupted'; readonly batch: InterruptedBatch }
  /** There is none of that id, it has expired, or it is somebody else's. */
  | { readonly kind: 'unknown' };

interface RequestRow {
  batch_id: string;
  caller: string;
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
  readonly #retention: string;
  /** Calls of which nobody knows how they ended, by batch id, until they are noted. */
  readonly #leaving = new Map<string, Promise<void>>();

  constructor(
    { session, connectionString }: Pick<Pincex, 'session' | 'connectionString'>,
    options: RequestsOptions = {},
  ) {
    const { retentionMs, leaseMs } = { ...limits.requests, ...options };
    this.#session = session;
    this.#leases = new Leases(connectionString, leaseMs, options.onError ?? (() => undefined));
    this.#retention = `${retentionMs} milliseconds`;
  }

  /**
   * Notes a call before its batch is executed, and says what to do with it. Of any number that are the same at the
   * same time exactly one is told to run.
   *
   * @throws PincexError `database_unavailable`, `pool_exhausted`: nothing was executed
   */
  begin(request: NewRequest): Promise<Begun> {
    const runId = uuidv4();
    // An attempt whose connection broke may have made the row: the next one knows it by the id of the run.
    return persistently(() => this.#begin(request, runId), ['disconnected', 'refused']);
  }

  async #begin(request: NewRequest, runId: string): Promise<Begun> {
    const { batchId, caller, route, key, hash, items } = request;
    const { leaseMs } = this.#leases;
    const values = [
      batchId,
      caller,
      route,
      key,
      hash,
      JSON.stringify(items),
      runId,
      `${leaseMs} milliseconds`,
    ];
    let known = batchId;
    // Each turn but the last found something that another call changed before it could be used.
    for (let turn = 1; turn <= limits.attempts; turn++) {
      const made = await this.#session.query(insertRequest, [...values, this.#retention]);
      if (made.length > 0) return this.#run(batchId, runId);
      const found = await this.#session.query<RequestRow>(readRequests, [batchId, caller, route, key]);
      const expired = found.filter(
        (row) => row.is_expired === 't' && (row.status !== null || row.is_left === 't'),
      );
      for (const row of expired) await this.#session.query(deleteExpiredRequest, [row.batch_id]);
      const [row, other] = found;
      if (row === undefined || expired.length > 0) continue;
      if (other !== undefined || !isSame(row, request)) {
        const isOfKey =
          key !== null &&
          found.some((row) => row.idempotency_key === key && row.caller === caller && row.route === route);
        return { kind: 'reused', what: isOfKey ? 'key' : 'batchId' };
      }
      known = row.batch_id;
      if (row.run_id === runId) return this.#run(known, runId);
      if (row.status !== null) return { kind: 'finished', status: Number(row.status), body: row.body ?? '' };
      if (row.is_left === 'f') return { kind: 'running', batchId: known };
      const taking = [known, row.run_id, runId, `${leaseMs} milliseconds`];
      const taken = await this.#session.query(takeOverRequest, taking);
      if (taken.length > 0) return this.#run(known, runId);
    }
    return { kind: 'running', batchId: known };
  }

  #run(batchId: string, runId: string): Begun {
    return { kind: 'run', run: new Run(this.#session, batchId, runId, this.#leases) };
  }

  /** What notes a call alongside its batch, together with its answer. */
  noted({ batchId, caller, route }: ExecutedRequest, { status, body }: Answer): Alongside {
    return {
      ...insertFinishedRequest,
      values: [batchId, caller, route, String(status), body, this.#retention],
    };
  }

  /**
   * Notes a call of which nobody knows how it ended, as one that nobody runs; from then on its batch is not written any
   * more, where it was not. Its caller may be told meanwhile: who asks for the outcome here waits for the note. Never
   * fails: what cannot be written is told to `onError`.
   */
  async leave(request: NewRequest): Promise<void> {
    const note = async (): Promise<void> => {
      const begun = await this.begin(request);
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
   * @param isAdmin may ask for the batches of every caller
   */
  async outcome(batchId: string, caller: string, isAdmin: boolean): Promise<Outcome> {
    if (!isUuid(batchId)) return { kind: 'unknown' };
    await this.#leaving.get(batchId.toLowerCase());
    const [row] = await this.#session.query<{
      items: string;
      status: string | null;
      body: string | null;
      is_running: string;
    }>(readOutcome, [batchId, caller, String(isAdmin)]);
    if (row === undefined) return { kind: 'unknown' };
    if (row.status !== null) return { kind: 'finished', status: Number(row.status), body: row.body ?? '' };
    if (row.is_running === 't') return { kind: 'running' };
    const claims = JSON.parse(row.items) as Claim[];
    return { kind: 'interrupted', batch: await lookUp(this.#session, batchId.toLowerCase(), claims) };
  }

  /** Deletes what has expired, some rows at a time; says how many they were. */
  async sweep(rowsAtATime: number = limits.sweepItems): Promise<number> {
    let swept = 0;
    for (;;) {
      const deleted = await this.#session.query(deleteExpiredRequests, [String(rowsAtATime)]);
      swept += deleted.length;
      if (deleted.length < rowsAtATime) return swept;
    }
  }
}

function isSame(row: RequestRow, { caller, route, key, hash }: NewRequest): boolean {
  return (
    row.caller === caller && row.route === route && row.idempotency_key === key && row.content_hash === hash
  );
}
