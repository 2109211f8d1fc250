import { PincexError } from '../errors.ts';

/** The calls under way, so that closing can wait for them: a batch has more than one statement. */
export class Calls {
  readonly #underWay = new Set<Promise<unknown>>();
  #isClosed = false;

  /** @throws PincexError `closed` */
  async run<Result>(call: () => Promise<Result>): Promise<Result> {
    this.requireOpen();
    const running = call();
    this.#underWay.add(running);
    try {
      return await running;
    } finally {
      this.#underWay.delete(running);
    }
  }

  /** @throws PincexError `closed` */
  requireOpen(): void {
    if (this.#isClosed) throw new PincexError('closed', 'This Pincex was closed');
  }

  /** Takes no more calls, and waits for those under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#underWay);
  }
}

/** Runs calls one after the other: the batches of one transaction share its connection and its savepoint. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  run<Result>(call: () => Promise<Result>): Promise<Result> {
    const next = this.#last.then(call);
    this.#last = next.catch(() => undefined);
    return next;
  }

  /** Waits for the last of them. */
  async end(): Promise<void> {
    await this.#last;
  }
}
