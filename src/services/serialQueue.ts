/** Runs calls one after the other: the batches of one transaction share its connection and its savepoint. */
export class SerialQueue {
  #last: Promise<unknown> = Promise.resolve();

  run<Result>(call: () => Promise<Result>): Promise<Result> {
    const next = this.#last.then(call);
    this.#last = next.catch(() => undefined);
    return next;
  }

  /** Resolves once the call that was queued last has ended. */
  async drain(): Promise<void> {
    await this.#last;
  }
}
