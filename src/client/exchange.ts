import { PincexClientError } from './errors.ts';

/** The longest time that a timer of a platform can wait, and that the service takes, about; more is for ever. */
export const LONGEST_MS = 2_147_483_000;

/** One request and its answer: ended when the caller gives it up, or when a part of it takes too long. */
export class Exchange {
  readonly #controller = new AbortController();
  readonly #caller: AbortSignal | undefined;
  readonly #abort = () => {
    this.#controller.abort(this.#caller?.reason);
  };

  /** @param caller gives it up */
  constructor(caller: AbortSignal | undefined) {
    caller?.throwIfAborted();
    this.#caller = caller;
    caller?.addEventListener('abort', this.#abort, { once: true });
  }

  /** For `fetch`. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /**
   * Waits for a part of it.
   *
   * @throws PincexClientError `timeout`, `network_error`, or what the part says itself; and the reason of the caller, who gave it up
   */
  async within<Part>(ms: number, part: Promise<Part>): Promise<Part> {
    const abort = () => {
      this.#controller.abort(late());
    };
    const timer = ms < LONGEST_MS ? setTimeout(abort, ms) : undefined;
    try {
      return await part;
    } catch (error) {
      // Not every browser fails with the reason that it was given.
      if (this.signal.aborted) throw this.signal.reason;
      throw error instanceof PincexClientError ? error : cut(error);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Closes the connection, unless all of the answer has come. */
  end(): void {
    this.#caller?.removeEventListener('abort', this.#abort);
    this.#controller.abort();
  }
}

function late(): PincexClientError {
  return new PincexClientError('timeout', 'The service did not answer in time', { retryable: true });
}

/** The connection, or the answer, broke off. */
export function cut(cause?: unknown): PincexClientError {
  const message = ['The service cannot be reached, or broke off', ...reasonsOf(cause)].join(': ');
  return new PincexClientError('network_error', message, { retryable: true, cause });
}

/** What a `fetch` failed with says little, what is behind it more. */
function reasonsOf(error: unknown): string[] {
  if (!(error instanceof Error)) return [];
  const { message, cause, code } = error as Error & { readonly code?: string };
  return [message || (code ?? error.name), ...reasonsOf(cause)];
}
