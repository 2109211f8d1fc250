import { v7 as uuidv7 } from 'uuid';
import type { Books, LoadedBooks } from '../books/books.ts';
import { Rejection } from '../books/rejection.ts';
import { CatalogBehind, type Catalog } from '../catalog/catalog.ts';
import type { CatalogStore } from '../catalog/store.ts';
import type { Command } from '../commands/command.ts';
import { Keys } from '../commands/keys.ts';
import type { Database, Session, TransactionSession } from '../database/database.ts';
import { failureOf, isTaken } from '../database/failures.ts';
import { takeMoments } from '../database/moment.ts';
import { Attempts, persistently } from '../database/retry.ts';
import { Diagnostics } from '../diagnostics.ts';
import { PincexError } from '../errors.ts';
import { namesOf, readOptions } from '../known.ts';
import { limits } from '../limits.ts';
import { summarize, type BatchMode, type BatchResult } from '../results.ts';
import { Contention } from './contention.ts';
import { contentHash, decide, type Decision, type Item } from './decide.ts';
import { load, type PlacedBooks } from './load.ts';
import { lockRows, requireLocked } from './locks.ts';
import { noteOrphans, readOrphans } from './orphans.ts';
import { persist, type Alongside } from './persist.ts';
import {
  copyBatch,
  missesCatalog,
  readActor,
  readBatchId,
  requireBatch,
  type ReadBatch,
  type Reader,
} from './read.ts';

/**
 * How a batch is kept apart from others that run at the same time.
 *
 * - `guard`: read without locks, write only over the versions read; whoever loses decides anew. Two statements.
 * - `lock`: lock the rows in one order first, in a transaction; nothing is lost, others wait.
 * - `auto`: guard, unless rows of the batch collided a moment ago; lock after a lost guard.
 */
export type Strategy = (typeof STRATEGIES)[number];

export const STRATEGIES = ['auto', 'guard', 'lock'] as const;

export interface BatchOptions {
  /** Default `partial`. */
  readonly mode?: BatchMode | undefined;
  /**
   * The id of the batch, a UUID that no other batch has: for a caller who has to know it before the batch has run.
   * Default: a new one, version 7.
   */
  readonly batchId?: string | undefined;
  /**
   * Who sends it, such as the name of an employee or of a service: 1 to 128 characters as an id has them. Kept with each
   * operation of the batch, and no part of what a replay is compared by. Default: nobody is named.
   */
  readonly actor?: string | undefined;
}

/**
 * Makes of a result what is written with it, in the same transaction: so whoever finds the one finds the other. What is
 * decided anew has another result, and the last one is the one that was written. Its `durationMs` ends before that.
 */
export type WriteAlongside = (result: BatchResult<unknown>) => Alongside;

/** The options of the sweeper's batches: no caller's `actor` is `@sweeper`. */
export const BY_SWEEPER: BatchOptions = {};

/** What only the service asks for. */
interface ServiceOptions {
  readonly alongside?: WriteAlongside | undefined;
  /** The only markets whose orders the batch may touch. Default: all. */
  readonly markets?: readonly string[] | undefined;
}

const serviceOptions = new WeakMap<object, ServiceOptions>();

/** Options with what only the service asks for, and nobody can by a name of theirs. */
export function writing(
  alongside: WriteAlongside,
  options: BatchOptions = {},
  markets?: readonly string[],
): BatchOptions {
  const own = { ...options };
  serviceOptions.set(own, { alongside, markets });
  return own;
}

export interface EngineListeners {
  /** Told of every commit before its caller is. */
  readonly publish?: Publish;
  /** Where batches are told. Default: where nobody listens. */
  readonly diagnostics?: Diagnostics;
}

/** The one way in which money moves: load, decide, persist. */
export class Engine {
  readonly #database: Database;
  readonly #catalog: CatalogStore;
  readonly #strategy: Strategy;
  readonly #publish: Publish;
  readonly #diagnostics: Diagnostics;
  readonly #contention = new Contention();

  /**
   * @param strategy other than `auto` only to measure or test one way by itself
   */
  constructor(
    database: Database,
    catalog: CatalogStore,
    strategy: Strategy = 'auto',
    { publish = () => Promise.resolve(), diagnostics = new Diagnostics() }: EngineListeners = {},
  ) {
    this.#database = database;
    this.#catalog = catalog;
    this.#strategy = strategy;
    this.#publish = publish;
    this.#diagnostics = diagnostics;
  }

  /**
   * Runs a batch.
   *
   * @param within the caller's transaction, which then holds the locks until it ends, and publishes what it commits
   * @throws PincexError where the whole call fails: `invalid_batch`, `batch_too_large`, `conflict`,
   * `database_unavailable`, `pool_exhausted`, `outcome_unknown`
   */
  async execute<Data>(
    rawItems: readonly unknown[],
    reader: Reader,
    options?: BatchOptions,
    within?: Within,
  ): Promise<BatchResult<Data>> {
    const began = performance.now();
    const known = readOptions('a batch', options, OPTIONS, 'invalid_batch');
    const { mode = 'partial', batchId: ownId } = known;
    const actor =
      options === BY_SWEEPER ? '@sweeper' : known.actor === undefined ? null : readActor(known.actor);
    const { alongside, markets } = (options == null ? undefined : serviceOptions.get(options)) ?? {};
    const read = copyBatch(rawItems, requireBatch(rawItems, mode), reader);
    const batchId = ownId === undefined ? uuidv7() : readBatchId(ownId);
    const begun = () => ({ batchId });
    return this.#diagnostics.trace('batch', begun, async () => {
      const prepared = await persistently(() => this.#prepare(read, within?.session), AGAIN);
      const batch: Batch = {
        ...prepared,
        batchId,
        actor,
        mode,
        began,
        alongside,
        markets,
        isReread: false,
        seeksOrphans: false,
      };
      const run = (batch: Batch) =>
        within === undefined ? this.#run(batch) : this.#runWithin(batch, within);
      const decision = await run(batch).catch(async (error: unknown) => {
        if (!(error instanceof CatalogBehind)) throw error;
        return run({ ...batch, catalog: await this.#catalog.reread(within?.session), isReread: true });
      });
      return resultOf(batch, decision) as BatchResult<Data>;
    });
  }

  async #prepare(
    read: ReadBatch,
    within: Session | undefined,
  ): Promise<Pick<Batch, 'items' | 'keys' | 'catalog' | 'hashes'>> {
    let catalog = await this.#catalog.get(within);
    let items = read(catalog);
    const newer = missesCatalog(items) ? await this.#catalog.refreshed(within) : undefined;
    if (newer !== undefined) {
      catalog = newer;
      items = read(catalog);
    }
    const keys = new Keys();
    for (const { command } of items) {
      if (command instanceof Rejection) continue;
      for (const claim of command.claims) keys.operations.add(claim);
      command.touch(keys);
    }
    return { items, keys, catalog, hashes: new Map() };
  }

  /** Tries until the batch is written over what it was decided from, or the bounds are reached. */
  async #run(batch: Batch): Promise<Decided> {
    if (needsNoBooks(batch)) return decideBatch(NOTHING, batch);
    const cutOff: Decided[] = [];
    const attempts = new Attempts();
    try {
      return await persistently(() => this.#attempt(batch, cutOff), AGAIN, attempts);
    } catch (error) {
      for (const { books } of cutOff) await this.#publish(books, 'in doubt');
      throw explained(error, batch.batchId, attempts, cutOff.length > 0);
    }
  }

  /** @param cutOff takes every decision whose writing was cut off: it may have happened */
  async #attempt(batch: Batch, cutOff: Decided[]): Promise<Decided> {
    const decision =
      this.#begins(batch, cutOff) === 'guard'
        ? await this.#guarded(batch, cutOff)
        : await this.#locked(batch, cutOff);
    await this.#publish(decision.books, 'committed');
    return decision;
  }

  async #guarded(batch: Batch, cutOff: Decided[]): Promise<Decided> {
    const loaded = await loadBatch(this.#database, batch);
    const written = writtenBefore(cutOff, batch, loaded);
    if (written !== undefined) return written;
    const decision = decideBatch(loaded, batch);
    try {
      await persistBatch(this.#database, batch, loaded, decision);
      return decision;
    } catch (error) {
      const failure = failureOf(error);
      if (failure === 'disconnected') cutOff.push(decision);
      if (failure !== 'guard_lost' || this.#strategy === 'guard') throw error;
      return this.#locked(batch, cutOff, loaded);
    }
  }

  /** @param lost what was read before a guard was lost */
  async #locked(batch: Batch, cutOff: Decided[], lost?: LoadedBooks): Promise<Decided> {
    const { keys } = batch;
    let decided: Decided | undefined;
    try {
      return await this.#database.transaction(async (session) => {
        const locked = await lockRows(session, keys);
        const loaded = await loadBatch(session, batch);
        requireLocked(locked, loaded);
        if (lost !== undefined) this.#contention.learn(keys, lost, loaded);
        const written = writtenBefore(cutOff, batch, loaded);
        if (written !== undefined) return written;
        decided = decideBatch(loaded, batch);
        await persistBatch(session, batch, loaded, decided);
        return decided;
      });
    } catch (error) {
      if (decided !== undefined && failureOf(error) === 'disconnected') cutOff.push(decided);
      throw error;
    }
  }

  /** After a cut the lock comes first: it waits until the server is done with what was cut off. */
  #begins({ keys }: Batch, cutOff: readonly Decision[]): 'guard' | 'lock' {
    if (this.#strategy !== 'auto') return this.#strategy;
    return cutOff.length > 0 || this.#contention.expects(keys) ? 'lock' : 'guard';
  }

  /** In the caller's transaction a lost guard must not end it: the attempt stands behind a savepoint. */
  async #runWithin(batch: Batch, { session, committing }: Within): Promise<Decided> {
    const { keys, batchId } = batch;
    if (needsNoBooks(batch)) return decideBatch(NOTHING, batch);
    for (let attempt = 1; ; attempt++) {
      await session.query(SAVEPOINT);
      try {
        const locked = await lockRows(session, keys);
        const loaded = await loadBatch(session, batch);
        requireLocked(locked, loaded);
        const decision = decideBatch(loaded, batch);
        await persistBatch(session, batch, loaded, decision);
        await session.query(RELEASE);
        committing.push(decision.books);
        return decision;
      } catch (error) {
        if (failureOf(error) !== 'guard_lost') throw error;
        if (attempt === limits.attempts) throw lost(error, batchId, `${attempt} times`);
        await session.query(ROLLBACK_TO_SAVEPOINT);
      }
    }
  }
}

/** Tells of changed books: that they were committed, or that nobody knows whether they were. */
export type Publish = (books: Books, state: 'committed' | 'in doubt') => Promise<void>;

/** The caller's transaction. */
export interface Within {
  readonly session: TransactionSession;
  /** Takes the books that it will commit. */
  readonly committing: Books[];
}

const OPTIONS = namesOf<BatchOptions>({ mode: true, batchId: true, actor: true });

/** After these nothing was written, or it can be looked up: the batch is tried again. */
const AGAIN = ['guard_lost', 'collision', 'refused', 'disconnected'] as const;

interface Batch {
  readonly batchId: string;
  readonly actor: string | null;
  readonly mode: BatchMode;
  /** By `performance.now()`. */
  readonly began: number;
  readonly alongside: ServiceOptions['alongside'];
  readonly markets: ServiceOptions['markets'];
  readonly items: readonly Item[];
  readonly keys: Keys;
  readonly catalog: Catalog;
  /** Of the contents of its commands. */
  readonly hashes: Map<Command, string>;
  /** Whether the catalog was read for this batch alone: a row that it still does not explain is broken. */
  readonly isReread: boolean;
  /** Set once a row that the batch was to make was there already. */
  seeksOrphans: boolean;
}

/** A decision, with what is written alongside. */
interface Decided extends Decision {
  readonly alongside?: Alongside;
}

/** Nothing in it can be looked for, and nothing is to be written. */
const needsNoBooks = ({ keys, alongside }: Batch): boolean =>
  keys.operations.size === 0 && alongside === undefined;

const NOTHING: LoadedBooks = {
  accounts: new Map(),
  holds: new Map(),
  orders: new Map(),
  operations: new Map(),
};

const SAVEPOINT = { name: 'savepoint', text: 'SAVEPOINT pincex_batch' };
const RELEASE = { name: 'release-savepoint', text: 'RELEASE SAVEPOINT pincex_batch' };
const ROLLBACK_TO_SAVEPOINT = { name: 'rollback-to-savepoint', text: 'ROLLBACK TO SAVEPOINT pincex_batch' };

/**
 * The decision that was written although its connection broke: what stands in the books under this batch's id and actor is
 * all that it applied, and nothing else, with the same outcomes. A batch is written as a whole. An API key may give its batch
 * any id, this one too, and then it is the actor that differs. What is written alongside tells by itself, and to the letter:
 * such a batch is superseded by its own.
 */
function writtenBefore(
  cutOff: readonly Decided[],
  { keys, batchId, actor, alongside }: Batch,
  loaded: LoadedBooks,
): Decided | undefined {
  if (alongside !== undefined) return undefined;
  const written = new Map<string, string>();
  for (const { key } of keys.operations.inOrder()) {
    const operation = loaded.operations.get(key);
    if (operation?.batchId === batchId && operation.actor === actor) written.set(key, operation.outcome);
  }
  if (written.size === 0) return undefined;
  return cutOff.findLast(({ books }) => {
    const { changed } = books.operations;
    return (
      changed.size === written.size &&
      [...changed].every(([key, { outcome }]) => written.get(key) === outcome)
    );
  });
}

/** Reads the books, and hashes what was asked meanwhile: PostgreSQL is at work, and this process has time. */
async function loadBatch(session: Session, batch: Batch): Promise<PlacedBooks> {
  const { items, keys, catalog, hashes, isReread, seeksOrphans } = batch;
  const orphans = seeksOrphans ? await readOrphans(session, keys) : [];
  const reading = load(session, keys, catalog);
  if (hashes.size === 0) {
    for (const { command } of items) {
      if (!(command instanceof Rejection)) hashes.set(command, contentHash(command));
    }
  }
  const loaded = await reading;
  if (loaded.behind !== undefined && !isReread) throw loaded.behind;
  noteOrphans(loaded.broken, orphans);
  return loaded;
}

async function persistBatch(
  session: Session,
  batch: Batch,
  loaded: PlacedBooks,
  { books, alongside }: Decided,
): Promise<void> {
  try {
    const { keys, batchId: id, actor } = batch;
    await persist(session, keys, loaded, books, { id, actor }, alongside);
  } catch (error) {
    if (isTaken(error)) batch.seeksOrphans = true;
    throw error;
  }
}

function decideBatch(loaded: LoadedBooks, batch: Batch): Decided {
  const { items, mode, batchId, hashes, alongside, markets } = batch;
  const hashOf = (command: Command): string => hashes.get(command) ?? contentHash(command);
  const decision = decide(loaded, items, mode, batchId, takeMoments(items.length), hashOf, markets);
  if (alongside === undefined) return decision;
  return { ...decision, alongside: alongside(resultOf(batch, decision)) };
}

function resultOf({ batchId, mode, began }: Batch, { results }: Decision): BatchResult<unknown> {
  return summarize(batchId, mode, results, performance.now() - began);
}

/** What the last failure means, and whether an earlier attempt may have been written without our knowing. */
function explained(error: unknown, batchId: string, attempts: Attempts, isUnknown: boolean): unknown {
  const failure = failureOf(error);
  if (isUnknown) {
    const { awaySeconds } = attempts;
    const since =
      awaySeconds === undefined
        ? 'and what became of it could not be looked up'
        : `and for ${awaySeconds} s could not be asked what became of it`;
    return new PincexError(
      'outcome_unknown',
      `PostgreSQL went away while batch ${batchId} was being written, ${since}; send the same items again: what was written is replayed, the rest is done`,
      { cause: error },
    );
  }
  if (failure === 'superseded') {
    const message = `Batch ${batchId} is somebody else's to run by now; nothing of it was written here`;
    return new PincexError('conflict', message, { cause: error });
  }
  if (failure === 'guard_lost' || failure === 'collision') return lost(error, batchId, attempts.lost);
  return error;
}

function lost(error: unknown, batchId: string, times: string): PincexError {
  return new PincexError(
    'conflict',
    `Batch ${batchId} lost against others ${times}; nothing of it was written, send it again`,
    { cause: error },
  );
}
