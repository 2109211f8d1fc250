/**
 * Gathers single calls into batches: all calls of one turn of the event loop, by one loop without an `await` or by
 * many callers, share a batch.
 */
export class Gatherer<Call> {
  readonly #run: (calls: readonly Call[]) => void;
  readonly #batchSize: number;
  #waiting: Call[] = [];

  /**
   * @param batchSize the most calls in one batch; further calls go into the next
   * @param run gets each batch, and settles its calls
   */
  constructor(batchSize: number, run: (calls: readonly Call[]) => void) {
    this.#batchSize = batchSize;
    this.#run = run;
  }

  add(call: Call): void {
    this.#waiting.push(call);
    if (this.#waiting.length > 1) return;
    // A promise that this turn resolves may lead to further calls. `nextTick` behind a microtask runs after all of them.
    void Promise.resolve().then(() => {
      process.nextTick(() => {
        this.#send();
      });
    });
  }

  #send(): void {
    const calls = this.#waiting;
    this.#waiting = [];
    for (let from = 0; from < calls.length; from += this.#batchSize)
      this.#run(calls.slice(from, from + this.#batchSize));
  }
}
