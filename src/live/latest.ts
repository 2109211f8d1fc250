import { withDeadline } from '../deadline.ts';

/** A reader waits for so long before it goes on with the value before. */
const PATIENCE_MS = 1_000;

/** A value that is read again and again, one reading at a time. While it cannot be read, the value before stands. */
export class Latest<Value> {
  readonly #read: () => Promise<Value>;
  #value: Value;
  #reading: Promise<void> | undefined;

  constructor(first: Value, read: () => Promise<Value>) {
    this.#value = first;
    this.#read = read;
  }

  get value(): Value {
    return this.#value;
  }

  /** Reads it anew, and waits for that for a second at most. */
  async refresh(): Promise<void> {
    this.#reading ??= this.#read()
      .then((value) => {
        this.#value = value;
      })
      // The database is away; the service says so by itself, at every call.
      .catch(() => undefined)
      .finally(() => {
        this.#reading = undefined;
      });
    await withDeadline(performance.now() + PATIENCE_MS, this.#reading, () => new Error('late')).catch(
      () => undefined,
    );
  }
}
