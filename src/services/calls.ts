import { PincexError } from '../errors.ts';

/** The calls in flight. Closing waits for them, since a batch has more than one statement. */
export class Calls {
  readonly #inFlight = new Set<Promise<unknown>>();
  #isClosed = false;

  /** @throws PincexError `closed` */
  async run<Result>(call: () => Promise<Result>): Promise<Result> {
    this.requireOpen();
    const running = call();
    this.#inFlight.add(running);
    try {
      return await running;
    } finally {
      this.#inFlight.delete(running);
    }
  }

  /** @throws PincexError `closed` */
  requireOpen(): void {
    if (this.#isClosed) throw new PincexError('closed', 'This Pincex was closed');
  }

  /** Accepts no more calls, and waits for those in flight. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#inFlight);
  }
}
