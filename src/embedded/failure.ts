import { PincexError } from '../errors.ts';

/** The error of a server that does not start. Its message always ends with the alternative. */
export function notStartable(reason: string, cause?: unknown): PincexError {
  return new PincexError(
    'server_not_startable',
    `The embedded PostgreSQL server does not start: ${reason}\nOr set DATABASE_URL to a PostgreSQL server of your own.`,
    cause === undefined ? {} : { cause },
  );
}
