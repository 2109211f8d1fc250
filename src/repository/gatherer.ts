/**
 * Gathers single calls into batches: all that are made before the event loop turns, by one loop without an `await`
 * or by many callers, share one.
 */
export class Gatherer<Call> {
  readonly #run: (calls: readonly Call[]) => void;
  readonly #most: number;
  #waiting: Call[] = [];

  /**
   * @param most calls in one batch; what is beyond goes into the next
   * @param run is given each batch, and settles its calls
   */
  constructor(most: number, run: (calls: readonly Call[]) => void) {
    this.#most = most;
    this.#run = run;
  }

  add(call: Call): void {
    this.#waiting.push(call);
    if (this.#waiting.length > 1) return;
    // A call may come out of a promise that this turn resolves, however many steps away: those run first.
    void Promise.resolve().then(() => {
      process.nextTick(() => {
        this.#send();
      });
    });
  }

  #send(): void {
    const calls = this.#waiting;
    this.#waiting = [];
    for (let from = 0; from < calls.length; from += this.#most)
      this.#run(calls.slice(from, from + this.#most));
  }
}
