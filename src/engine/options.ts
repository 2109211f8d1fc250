import { ID_FORM, isId } from '../commands/fields.ts';
import { describe } from '../describe.ts';
import { PincexError } from '../errors.ts';
import { namesOf, readOptions } from '../known.ts';
import type { BatchMode } from '../results.ts';
import type { Write } from './write.ts';

/** What a caller can say of a batch besides its items. */
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

/** What the engine can be told of a batch: to all but {@link BatchOptions} only our own code has access. */
export interface BatchSettings extends BatchOptions {
  /** The only markets whose orders the batch may touch. Default: all. */
  readonly markets?: readonly string[] | undefined;
  /** What is written in the same statement as the batch, in this order. Default: nothing. */
  readonly writeWith?: readonly Write[] | undefined;
}

/**
 * Reads the options of a caller, who has to spell each name right and can set nothing else of {@link BatchSettings}.
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
