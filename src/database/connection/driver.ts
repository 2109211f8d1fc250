import pg from 'pg';

/** Errors of statements on our connections. The driver has no class or codes for errors that PostgreSQL did not send. */
const errors = new WeakSet<Error>();

/** Whether an error came from a statement on one of our connections, and is no error of other code with the same message. */
export function isOfDriver(error: unknown): error is Error {
  return error instanceof Error && errors.has(error);
}

function record(error: unknown): void {
  if (error instanceof Error) errors.add(error);
}

/**
 * The driver's client, with all errors of its statements recorded, so that they are told apart from errors that a caller
 * throws.
 */
export class Client extends pg.Client {
  constructor(config?: pg.ClientConfig) {
    super(config);
    const query = this.query.bind(this) as (...given: unknown[]) => unknown;
    this.query = ((...given: unknown[]) => watch(query(...given.map(watched)))) as pg.Client['query'];
  }
}

type ErrorHandler = (error: unknown, ...rest: unknown[]) => unknown;

/** Wraps a callback, or the error handler of a query object such as a cursor. */
function watched(given: unknown): unknown {
  if (typeof given === 'function') return recording(given as ErrorHandler);
  if (isSubmittable(given)) given.handleError = recording(given.handleError);
  return given;
}

function watch(answer: unknown): unknown {
  if (!(answer instanceof Promise)) return answer;
  return answer.catch((error: unknown) => {
    record(error);
    throw error;
  });
}

function recording(handle: ErrorHandler): ErrorHandler {
  return function (this: unknown, error, ...rest) {
    record(error);
    return handle.call(this, error, ...rest);
  };
}

function isSubmittable(given: unknown): given is { handleError: ErrorHandler } {
  const { submit, handleError } = (given ?? {}) as Record<string, unknown>;
  return typeof submit === 'function' && typeof handleError === 'function';
}
