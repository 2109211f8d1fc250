import type { LoadedBooks } from '../books/books.ts';
import { Rejection } from '../books/rejection.ts';
import type { Command } from '../commands/command.ts';
import type { Session } from '../database/database.ts';
import { isTaken } from '../database/failures.ts';
import { takeMoments } from '../database/sql/moment.ts';
import type { Diagnostics, Phase } from '../diagnostics.ts';
import { resultOf, type Batch, type Decided } from './batch.ts';
import type { InDoubtDecisions } from './attempts/inDoubt.ts';
import { decide, itemHash } from './decide.ts';
import { load, type PlacedBooks } from './load.ts';
import { lockRows, requireLocked } from './locks.ts';
import { noteOrphans, readOrphans } from './orphans.ts';
import { persist } from './persist.ts';

/** The settings of one attempt at a batch. */
export interface Attempt {
  /** Whether rows are locked before they are read. The session must then be a transaction. */
  readonly lock: boolean;
  /** The channels on which the phases are traced. */
  readonly diagnostics: Diagnostics;
  /** The decisions of earlier attempts that may have been committed. */
  readonly inDoubt?: InDoubtDecisions;
  /** Called with the books that were read, before they are decided on. */
  readonly onLoaded?: (loaded: LoadedBooks) => void;
  /** Called with the decision before it is written. */
  readonly onDecided?: (decision: Decided) => void;
}

/**
 * One attempt at a batch: load, decide, persist. If the loaded books show that an earlier decision was committed, that
 * decision is returned, and nothing is decided or written.
 */
export async function step(session: Session, batch: Batch, attempt: Attempt): Promise<Decided> {
  const { effort } = batch;
  try {
    return await runPhases(session, batch, attempt);
  } finally {
    effort.end();
  }
}

async function runPhases(
  session: Session,
  batch: Batch,
  { lock, diagnostics, inDoubt, onLoaded, onDecided }: Attempt,
): Promise<Decided> {
  const { effort, items } = batch;
  const run = <Result extends PhaseResult>(phase: Phase, work: () => Promise<Result>): Promise<Result> => {
    effort.begin(phase);
    return diagnostics.trace('phase', () => ({ phase, items: items.length }), work);
  };
  const { loaded } = await run('load', () => lockAndLoad(session, batch, lock));
  onLoaded?.(loaded);
  const written = inDoubt?.writtenOf(batch, loaded);
  if (written !== undefined) return written;
  const { decision } = await run(
    'decide',
    () =>
      new Promise<PhaseResult & { decision: Decided }>((resolve) => {
        resolve({ decision: decideBatch(loaded, batch), rows: null });
      }),
  );
  onDecided?.(decision);
  await run('persist', () => persistBatch(session, batch, loaded, decision));
  return decision;
}

interface PhaseResult {
  readonly rows: number | null;
}

/** Decides a batch whose items were all rejected when they were read. */
export function decideWithoutBooks(batch: Batch): Decided {
  return decideBatch(NOTHING, batch);
}

const NOTHING: LoadedBooks = {
  accounts: new Map(),
  holds: new Map(),
  orders: new Map(),
  operations: new Map(),
};

async function lockAndLoad(
  session: Session,
  batch: Batch,
  lock: boolean,
): Promise<PhaseResult & { readonly loaded: PlacedBooks }> {
  const locked = lock ? await lockRows(session, batch.keys) : undefined;
  const loaded = await loadBatch(session, batch);
  if (locked !== undefined) requireLocked(locked, loaded);
  const { accounts, holds, orders, operations } = loaded;
  return { loaded, rows: accounts.size + holds.size + orders.size + operations.size };
}

/** Loads the books. The commands are hashed while the statement runs, since this process is idle then. */
async function loadBatch(session: Session, batch: Batch): Promise<PlacedBooks> {
  const { items, keys, catalog, hashes, hasFreshCatalog, seeksOrphans } = batch;
  const orphans = seeksOrphans ? await readOrphans(session, keys) : [];
  const reading = load(session, keys, catalog);
  if (hashes.size === 0) {
    for (const { command } of items) {
      if (!(command instanceof Rejection)) hashes.set(command, itemHash(command));
    }
  }
  const loaded = await reading;
  if (loaded.behind !== undefined && !hasFreshCatalog) throw loaded.behind;
  noteOrphans(loaded.broken, orphans);
  return loaded;
}

function decideBatch(loaded: LoadedBooks, batch: Batch): Decided {
  const { items, mode, batchId, hashes, writeWith, markets } = batch;
  const hashOf = (command: Command): string => hashes.get(command) ?? itemHash(command);
  const decision = decide(loaded, items, mode, batchId, takeMoments(items.length), hashOf, markets);
  if (writeWith.length === 0) return { ...decision, writeWith: [] };
  const result = resultOf(batch, decision);
  return { ...decision, writeWith: writeWith.map((write) => write(result)) };
}

async function persistBatch(
  session: Session,
  batch: Batch,
  loaded: PlacedBooks,
  { books, writeWith }: Decided,
): Promise<PhaseResult> {
  try {
    const { keys, batchId: id, actor } = batch;
    const rows = await persist(session, keys, loaded, books, { id, actor }, writeWith);
    return { rows };
  } catch (error) {
    if (isTaken(error)) batch.seeksOrphans = true;
    throw error;
  }
}
