import { PincexError } from '../errors.ts';
import { withDeadline } from '../deadline.ts';
import { textArray } from '../database/arrays.ts';
import { withClient } from '../database/client.ts';
import { renewLeases } from './statements.ts';

/**
 * Keeps what runs in this process its own: renews the leases of all that has been running for a while by one statement,
 * over a short connection of its own, since what they wait for may be the pool.
 */
export class Leases {
  /** How long a request stays with a process that died. */
  readonly leaseMs: number;
  /** Told of what could not be written and is nobody's answer. */
  readonly onError: (error: unknown) => void;
  readonly #url: string;
  /** Since when each run runs, and what: by its id. */
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

  /** What begins just behind a turn is renewed in the next but one, at half of its lease. */
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
      // Without a name: nothing stays behind in a session that a pooler lends.
      const renewing = withClient(config, (client) => client.query({ text: renewLeases.text, values }));
      // Nor is the end of a connection waited for that nobody answers: the next turn has another.
      const late = () => new PincexError('database_unavailable', 'The leases could not be renewed in time');
      await withDeadline(performance.now() + this.leaseMs / 2, renewing, late);
    } catch (error) {
      this.onError(error);
    } finally {
      this.#isRenewing = false;
    }
  }
}
