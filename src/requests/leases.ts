import { PincexError } from '../errors.ts';
import { withDeadline } from '../deadline.ts';
import { textArray } from '../database/sql/arrays.ts';
import { withClient } from '../database/client.ts';
import { renewLeases } from './statements.ts';

/**
 * Renews the leases of the runs of this process, with one statement for all that have been running for a while. It uses a
 * short connection of its own, since the runs may be waiting for the pool.
 */
export class Leases {
  /** How long a request belongs to its process after the last renewal. */
  readonly leaseMs: number;
  /** Called with errors of writes that no call waits for. */
  readonly onError: (error: unknown) => void;
  readonly #url: string;
  /** The batch of each run and when it began, by the id of the run. */
  readonly #running = new Map<string, { readonly batchId: string; readonly since: number }>();
  #timer: NodeJS.Timeout | undefined;
  #isRenewing = false;

  constructor(url: string, leaseMs: number, onError: (error: unknown) => void) {
    this.#url = url;
    this.leaseMs = leaseMs;
    this.onError = onError;
  }

  keep(runId: string, batchId: string): void {
    this.#running.set(runId, { batchId, since: performance.now() });
    this.#timer ??= setInterval(() => void this.#renew(), this.#everyMs).unref();
  }

  drop(runId: string): void {
    this.#running.delete(runId);
    if (this.#running.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** A run that begins just after one renewal is renewed by the next but one, when half of its lease is over. */
  get #everyMs(): number {
    return this.leaseMs / 4;
  }

  async #renew(): Promise<void> {
    const before = performance.now() - this.#everyMs;
    const due = [...this.#running].filter(([, { since }]) => since <= before);
    if (due.length === 0 || this.#isRenewing) return;
    this.#isRenewing = true;
    try {
      const config = {
        connectionString: this.#url,
        application_name: 'pincex leases',
        connectionTimeoutMillis: this.#everyMs,
        query_timeout: this.#everyMs,
      };
      const batchIds = textArray(due.map(([, { batchId }]) => batchId));
      const values = [batchIds, textArray(due.map(([runId]) => runId)), `${this.leaseMs} milliseconds`];
      // The statement has no name, so that no prepared statement stays in a session of a pooler.
      const renewing = withClient(config, (client) => client.query({ text: renewLeases.text, values }));
      // If the server does not even answer the end of the connection, the next renewal uses another one.
      const late = () => new PincexError('database_unavailable', 'The leases could not be renewed in time');
      await withDeadline(performance.now() + this.leaseMs / 2, renewing, late);
    } catch (error) {
      this.onError(error);
    } finally {
      this.#isRenewing = false;
    }
  }
}
