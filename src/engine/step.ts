import type { LoadedBooks } from '../books/books.ts';
import { Rejection } from '../books/rejection.ts';
import type { Command } from '../commands/command.ts';
import type { Session } from '../database/database.ts';
import { isTaken } from '../database/failures.ts';
import { takeMoments } from '../database/moment.ts';
import { resultOf, type Batch, type Decided } from './batch.ts';
import type { CutOff } from './cutOff.ts';
import { contentHash, decide } from './decide.ts';
import { load, type PlacedBooks } from './load.ts';
import { lockRows, requireLocked } from './locks.ts';
import { noteOrphans, readOrphans } from './orphans.ts';
import { persist } from './persist.ts';

/** How an attempt at a batch is made. */
export interface Attempt {
  /** Whether rows are locked before they are read. The session has to be a transaction then. */
  readonly lock: boolean;
  /** The decisions of earlier attempts that may have been written. */
  readonly cutOff?: CutOff;
  /** Told of the books that were read, before they are decided on. */
  readonly onLoaded?: (loaded: LoadedBooks) => void;
  /** Told of the decision before it is written. */
  readonly onDecided?: (decision: Decided) => void;
}

/**
 * One attempt at a batch: load, decide, persist. If an earlier decision turns out to be written, nothing is decided or
 * written, and that decision is returned.
 */
export async function step(
  session: Session,
  batch: Batch,
  { lock, cutOff, onLoaded, onDecided }: Attempt,
): Promise<Decided> {
  const locked = lock ? await lockRows(session, batch.keys) : undefined;
  const loaded = await loadBatch(session, batch);
  if (locked !== undefined) requireLocked(locked, loaded);
  onLoaded?.(loaded);
  const written = cutOff?.writtenOf(batch, loaded);
  if (written !== undefined) return written;
  const decision = decideBatch(loaded, batch);
  onDecided?.(decision);
  await persistBatch(session, batch, loaded, decision);
  return decision;
}

/** Decides a batch that needs no books: all its items were rejected when they were read. */
export function decideWithoutBooks(batch: Batch): Decided {
  return decideBatch(NOTHING, batch);
}

const NOTHING: LoadedBooks = {
  accounts: new Map(),
  holds: new Map(),
  orders: new Map(),
  operations: new Map(),
};

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

function decideBatch(loaded: LoadedBooks, batch: Batch): Decided {
  const { items, mode, batchId, hashes, writeWith, markets } = batch;
  const hashOf = (command: Command): string => hashes.get(command) ?? contentHash(command);
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
): Promise<void> {
  try {
    const { keys, batchId: id, actor } = batch;
    await persist(session, keys, loaded, books, { id, actor }, writeWith);
  } catch (error) {
    if (isTaken(error)) batch.seeksOrphans = true;
    throw error;
  }
}
