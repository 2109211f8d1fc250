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

/** Copies one raw item, and returns what makes of it a command, or the {@link Rejection} that says why it is none. */
export type Reader = (item: unknown) => (catalog: Catalog) => Item;

const MODES: readonly BatchMode[] = ['partial', 'stop_on_error', 'atomic'];

/**
 * Refuses a call that is malformed as a whole, before anything runs.
 *
 * @returns how many items there are, which a Proxy may tell otherwise the next time
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
 * A caller's own id for a batch, as PostgreSQL prints it: what was written is known by it again.
 *
 * @throws PincexError `invalid_batch`
 */
export function readBatchId(id: unknown): string {
  if (typeof id === 'string' && isUuid(id)) return id.toLowerCase();
  throw new PincexError('invalid_batch', `batchId must be a UUID: got ${describe(id)}`);
}

/** For the items of callers. */
export function readerOf(type: BatchType = 'mixed'): Reader {
  return (raw) => {
    const item = copyItem(raw, type);
    return (catalog) => readItem(item, catalog);
  };
}

/** What is left to do with a batch that was copied: to read and check its items. What is wrong with one is that item's own. */
export type ReadBatch = (catalog: Catalog) => Item[];

/**
 * Copies the items of a batch, each once, by their places: an iterator of the array's own could have more of them.
 *
 * @param length what {@link requireBatch} returned
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

/** A note is part of the content: the same item with another reason is another one. */
function readCommand(type: CommandType, fields: Fields): Command {
  const note = fields.note();
  const command = commands[type](fields);
  if (note === undefined) return command;
  return { ...command, note, content: keyOf(command.content, note.reason ?? '', note.metadata ?? '') };
}

/** What `read` returns, or the rejection that it throws. */
function attempt<Value>(read: () => Value): Value | Rejection {
  try {
    return read();
  } catch (error) {
    if (error instanceof Rejection) return error;
    throw error;
  }
}

/** Whether newer reference data may make something of an item that was refused. */
export function missesCatalog(items: readonly Item[]): boolean {
  return items.some(({ command }) => command instanceof Rejection && CATALOG_MISSES.has(command.code));
}
