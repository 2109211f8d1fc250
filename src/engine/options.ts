import { ID_FORM, isId } from '../commands/fields.ts';
import { describe } from '../describe.ts';
import { PincexError } from '../errors.ts';
import { namesOf, readOptions } from '../known.ts';
import type { BatchMode } from '../results.ts';
import type { Write } from './write.ts';

/** The options that a caller can give with the items of a batch. */
export interface BatchOptions {
  /** Default `partial`. */
  readonly mode?: BatchMode | undefined;
  /**
   * The id of the batch, a UUID that no other batch has: for a caller that has to know the id before the batch has run.
   * Default: a new UUID, version 7.
   */
  readonly batchId?: string | undefined;
  /**
   * The sender, such as the name of an employee or of a service: 1 to 128 characters that an id may have. It is stored with
   * each operation of the batch; a replay with another actor is still a replay. Default: none.
   */
  readonly actor?: string | undefined;
}

/** The settings of a batch. Only code of this package can set those that {@link BatchOptions} does not have. */
export interface BatchSettings extends BatchOptions {
  /** The only markets whose orders the batch may touch. Default: all. */
  readonly markets?: readonly string[] | undefined;
  /** Extra parts that are written in the same statement as the batch, in this order. Default: none. */
  readonly writeWith?: readonly Write[] | undefined;
}

/**
 * Reads the options of a caller. An unknown name is refused, so a caller can set nothing else of {@link BatchSettings}.
 *
 * @throws PincexError `invalid_batch`
 */
export function readBatchOptions(options: unknown): BatchOptions {
  const read = readOptions('a batch', options, OPTIONS, 'invalid_batch');
  if (read.actor !== undefined) requireActor(read.actor);
  return read;
}

const OPTIONS = namesOf<BatchOptions>({ mode: true, batchId: true, actor: true });

function requireActor(actor: unknown): void {
  if (typeof actor === 'string' && isId(actor)) return;
  throw new PincexError('invalid_batch', `actor must be ${ID_FORM}: got ${describe(actor)}`);
}
