import { validate as isUuid } from 'uuid';
import { Rejection } from '../books/rejection.ts';
import { CATALOG_MISSES, type Catalog } from '../catalog/catalog.ts';
import type { Command } from '../commands/command.ts';
import { describe, Fields, isId } from '../commands/fields.ts';
import { PincexError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { BatchMode } from '../results.ts';
import type { Item } from './decide.ts';

/** Turns one raw item into a command, or throws the {@link Rejection} that says why it cannot. */
export type Reader = (item: object, fields: Fields) => Command;

const MODES: readonly BatchMode[] = ['partial', 'stop_on_error', 'atomic'];

/**
 * Refuses a call that is malformed as a whole, before anything runs.
 *
 * @throws PincexError `invalid_batch`, `batch_too_large`
 */
export function requireBatch(items: unknown, mode: unknown): void {
  if (!Array.isArray(items)) {
    throw new PincexError(
      'invalid_batch',
      `A batch is an array of items: got ${items === null ? 'null' : `a ${typeof items}`}`,
    );
  }
  if (items.length > limits.batchItems) {
    throw new PincexError(
      'batch_too_large',
      `A batch has at most ${limits.batchItems} items: got ${items.length}; send several`,
    );
  }
  if (!MODES.some((known) => known === mode)) {
    throw new PincexError('invalid_batch', `mode must be one of ${MODES.join(', ')}: got ${describe(mode)}`);
  }
}

/**
 * A caller's own id for a batch, as PostgreSQL prints it: what was written is known by it again.
 *
 * @throws PincexError `invalid_batch`
 */
export function readBatchId(id: unknown): string {
  if (typeof id === 'string' && isUuid(id)) return id.toLowerCase();
  throw new PincexError('invalid_batch', `batchId must be a UUID: got ${describe(id)}`);
}

/** Reads and checks every item. What is wrong with one is that item's own. */
export function readItems(items: readonly unknown[], reader: Reader, catalog: Catalog): Item[] {
  // Not items.map: that would leave the holes of a sparse array.
  return Array.from(items, (item) => readItem(item, reader, catalog));
}

function readItem(item: unknown, reader: Reader, catalog: Catalog): Item {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) {
    const got = item === null ? 'null' : Array.isArray(item) ? 'an array' : `a ${typeof item}`;
    return {
      id: null,
      group: null,
      command: new Rejection('invalid_item', `An item is an object: got ${got}`),
    };
  }
  const { id } = item as { id?: unknown };
  const fields = new Fields(item, catalog);
  const group = attempt(() => fields.optionalId('group'));
  return {
    id: typeof id === 'string' && isId(id) ? id : null,
    group: group instanceof Rejection ? null : group,
    command: group instanceof Rejection ? group : attempt(() => reader(item, fields)),
  };
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
