import { validate as isUuid } from 'uuid';
import { Rejection } from '../books/rejection.ts';
import { keyOf } from '../books/rows.ts';
import { CATALOG_MISSES, type Catalog } from '../catalog/catalog.ts';
import type { Command } from '../commands/command.ts';
import { Fields, isId } from '../commands/fields.ts';
import { commands, type BatchType, type CommandType } from '../commands/index.ts';
import { copyItem, type CopiedItem } from '../commands/items.ts';
import { describe, reasonOf } from '../describe.ts';
import { PincexError } from '../errors.ts';
import { limits } from '../limits.ts';
import { isArray, lengthOf } from '../lists.ts';
import type { BatchMode } from '../results.ts';
import type { Item } from './decide.ts';

/**
 * Copies one raw item, and returns a function that reads it as a command, or as the {@link Rejection} that tells why it is
 * none.
 */
export type Reader = (item: unknown) => (catalog: Catalog) => Item;

const MODES: readonly BatchMode[] = ['partial', 'stop_on_error', 'atomic'];

/**
 * Refuses a call that is malformed as a whole, before anything runs.
 *
 * @returns the number of items, to be read only once: a Proxy may give another number the next time
 * @throws PincexError `invalid_batch`, `batch_too_large`
 */
export function requireBatch(items: unknown, mode: unknown): number {
  if (!isArray(items))
    throw new PincexError('invalid_batch', `A batch is an array of items: got ${kindOf(items)}`);
  const length = lengthOf(items);
  if (length > limits.batches.items) {
    throw new PincexError(
      'batch_too_large',
      `A batch has at most ${limits.batches.items} items: got ${length}; send several`,
    );
  }
  if (!MODES.some((known) => known === mode)) {
    throw new PincexError('invalid_batch', `mode must be one of ${MODES.join(', ')}: got ${describe(mode)}`);
  }
  return length;
}

const kindOf = (items: unknown): string => (items === null ? 'null' : `a ${typeof items}`);

/**
 * Reads the caller's id for a batch, in lower case as PostgreSQL prints it: ids read from the database are compared with it.
 *
 * @throws PincexError `invalid_batch`
 */
export function readBatchId(id: unknown): string {
  if (typeof id === 'string' && isUuid(id)) return id.toLowerCase();
  throw new PincexError('invalid_batch', `batchId must be a UUID: got ${describe(id)}`);
}

/** The reader for items of callers. */
export function readerOf(type: BatchType = 'mixed'): Reader {
  return (raw) => {
    const item = copyItem(raw, type);
    return (catalog) => readItem(item, catalog);
  };
}

/** Reads and checks the items of a batch that was copied. A fault in an item rejects that item only. */
export type ReadBatch = (catalog: Catalog) => Item[];

/**
 * Copies the items of a batch, each once, by their indexes: an iterator that the caller put on the array could yield more.
 *
 * @param length the number that {@link requireBatch} returned
 */
export function copyBatch(items: readonly unknown[], length: number, reader: Reader): ReadBatch {
  const copied = Array.from({ length }, (_, place) => copyAt(items, place, reader));
  return (catalog) => copied.map((read) => read(catalog));
}

function copyAt(items: readonly unknown[], place: number, reader: Reader): ReturnType<Reader> {
  let raw: unknown;
  try {
    raw = items[place];
  } catch (error) {
    const command = new Rejection('invalid_item', `cannot be read: ${reasonOf(error)}`);
    return () => ({ id: null, group: null, command });
  }
  return reader(raw);
}

function readItem({ values, type }: CopiedItem, catalog: Catalog): Item {
  const fields = new Fields(values, catalog);
  const { id } = values;
  const group = attempt(() => fields.optionalId('group'));
  const isGrouped = !(group instanceof Rejection);
  return {
    id: typeof id === 'string' && isId(id) ? id : null,
    group: isGrouped ? group : null,
    command: type instanceof Rejection ? type : isGrouped ? attempt(() => readCommand(type, fields)) : group,
  };
}

/** A note is part of the content: the same item with another reason is no replay. */
function readCommand(type: CommandType, fields: Fields): Command {
  const note = fields.note();
  const command = commands[type](fields);
  if (note === undefined) return command;
  return { ...command, note, content: keyOf(command.content, note.reason ?? '', note.metadata ?? '') };
}

/** Returns the value of `read`, or the rejection that it throws. */
function attempt<Value>(read: () => Value): Value | Rejection {
  try {
    return read();
  } catch (error) {
    if (error instanceof Rejection) return error;
    throw error;
  }
}

/** Whether an item was rejected for a currency or market that a newer catalog may have. */
export function missesCatalog(items: readonly Item[]): boolean {
  return items.some(({ command }) => command instanceof Rejection && CATALOG_MISSES.has(command.code));
}
