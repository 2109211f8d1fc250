import { PincexClientError } from './errors.ts';

/** About the longest time that a timer can wait, and that the service accepts. A longer one means no time limit. */
export const LONGEST_MS = 2_147_483_000;

/** One request and its answer. It is aborted when the caller aborts it, or when a part of it takes too long. */
export class Exchange {
  readonly #controller = new AbortController();
  readonly #caller: AbortSignal | undefined;
  readonly #abort = () => {
    this.#controller.abort(this.#caller?.reason);
  };

  /** @param caller the caller's signal, which aborts the exchange */
  constructor(caller: AbortSignal | undefined) {
    caller?.throwIfAborted();
    this.#caller = caller;
    caller?.addEventListener('abort', this.#abort, { once: true });
  }

  /** The signal for `fetch`. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /**
   * Waits for a part of the exchange, for at most `ms`.
   *
   * @throws PincexClientError `timeout`, `network_error`, or the part's own; the reason of the caller's signal if that was
   * aborted
   */
  async within<Part>(ms: number, part: Promise<Part>): Promise<Part> {
    const abort = () => {
      this.#controller.abort(timedOut());
    };
    const timer = ms < LONGEST_MS ? setTimeout(abort, ms) : undefined;
    try {
      return await part;
    } catch (error) {
      // Some browsers reject with an error of their own in the place of the signal's reason.
      if (this.signal.aborted) throw this.signal.reason;
      throw error instanceof PincexClientError ? error : brokenOff(error);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends the exchange; closes the connection if the answer is incomplete. */
  end(): void {
    this.#caller?.removeEventListener('abort', this.#abort);
    this.#controller.abort();
  }
}

function timedOut(): PincexClientError {
  return new PincexClientError('timeout', 'The service did not answer in time', { retryable: true });
}

/** The error for a connection that could not be made, or an answer that broke off. */
export function brokenOff(cause?: unknown): PincexClientError {
  const message = ['The service cannot be reached, or its answer broke off', ...reasonsOf(cause)].join(': ');
  return new PincexClientError('network_error', message, { retryable: true, cause });
}

/** The messages of an error and of its causes: the error of `fetch` itself says only that it failed. */
function reasonsOf(error: unknown): string[] {
  if (!(error instanceof Error)) return [];
  const { message, cause, code } = error as Error & { readonly code?: string };
  return [message || (code ?? error.name), ...reasonsOf(cause)];
}
