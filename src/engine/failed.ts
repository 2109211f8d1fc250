import { failureOf } from '../database/failures.ts';
import type { Attempts } from '../database/retry.ts';
import { PincexError } from '../errors.ts';

/** The error that the caller of a batch gets when an attempt failed and no other is made. */
export function errorOf(error: unknown, batchId: string, attempts: Attempts): unknown {
  const failure = failureOf(error);
  if (failure === 'superseded') return superseded(error, batchId);
  if (failure === 'guard_lost' || failure === 'collision') return lostConflict(error, batchId, attempts.lost);
  return error;
}

/** What a batch was to be written with, such as the answer of its call, is not this process's to write any more. */
export function superseded(error: unknown, batchId: string): PincexError {
  return new PincexError(
    'conflict',
    `Batch ${batchId} is somebody else's to run by now; nothing of it was written here`,
    { cause: error },
  );
}

export function lostConflict(error: unknown, batchId: string, times: string): PincexError {
  return new PincexError(
    'conflict',
    `Batch ${batchId} lost against others ${times}; nothing of it was written, send it again`,
    { cause: error },
  );
}

/** An earlier attempt may have been written without our knowing. */
export function outcomeUnknown(error: unknown, batchId: string, { awaySeconds }: Attempts): PincexError {
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
