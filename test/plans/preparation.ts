import type pg from 'pg';

/** Prepares a statement without running it. `PREPARE` cannot be used: its text would begin with another word. */
export class Preparation implements pg.Submittable {
  readonly done: Promise<void>;
  readonly #name: string;
  readonly #text: string;
  #settle: (error?: Error) => void = () => undefined;

  constructor(name: string, text: string) {
    this.#name = name;
    this.#text = text;
    this.done = new Promise((resolve, reject) => {
      this.#settle = (error) => {
        if (error === undefined) resolve();
        else reject(error);
      };
    });
  }

  submit(connection: pg.Connection): void {
    connection.parse({ name: this.#name, text: this.#text, types: [] }, true);
    connection.sync();
  }

  handleError(error: Error): void {
    this.#settle(error);
  }

  handleReadyForQuery(): void {
    this.#settle();
  }
}
