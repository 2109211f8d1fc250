import { failureOf } from '../../database/failures.ts';
import type { Attempts } from '../../database/retry.ts';
import { PincexError } from '../../errors.ts';

/** The error that the caller gets when the last attempt at a batch failed. */
export function batchErrorOf(error: unknown, batchId: string, attempts: Attempts): unknown {
  const failure = failureOf(error);
  if (failure === 'superseded') return superseded(error, batchId);
  if (failure === 'guard_lost' || failure === 'collision') return lostConflict(error, batchId, attempts.lost);
  return error;
}

/** A part of `writeWith` wrote no row, for example because another process has taken over the run of this call. */
export function superseded(error: unknown, batchId: string): PincexError {
  return new PincexError(
    'conflict',
    `Another process has taken over batch ${batchId}; this process wrote nothing of it`,
    { cause: error },
  );
}

export function lostConflict(error: unknown, batchId: string, times: string): PincexError {
  return new PincexError(
    'conflict',
    `Batch ${batchId} lost against concurrent changes ${times}; nothing of it was written, send it again`,
    { cause: error },
  );
}

/** The connection broke during an attempt, and whether that attempt was committed could not be looked up. */
export function outcomeUnknown(error: unknown, batchId: string, { awaySeconds }: Attempts): PincexError {
  const since =
    awaySeconds === undefined
      ? 'and its outcome could not be looked up'
      : `and its outcome could not be looked up for ${awaySeconds} s`;
  return new PincexError(
    'outcome_unknown',
    `The connection to PostgreSQL broke while batch ${batchId} was being written, ${since}; send the same items again: those that were written are replayed, the others are executed`,
    { cause: error },
  );
}
