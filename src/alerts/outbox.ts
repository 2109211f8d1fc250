import type pg from 'pg';
import { limits } from '../limits.ts';
import type { LogLine } from '../logging.ts';
import { deleteDelivery, putOffDelivery, takeDeliveries } from './statements.ts';
import { networkCodeOf, NotTaken, pauseAfter, send, type Delivery } from './webhook.ts';

export interface OutboxOptions {
  readonly webhook: { readonly url: string; readonly secret: string };
  readonly log: { readonly warn: LogLine };
  /** How long the webhook may take to answer. */
  readonly timeoutMs: number;
  /** Runs `work` on a short connection. */
  readonly withClient: (work: (client: pg.ClientBase) => Promise<void>) => Promise<void>;
}

/** A delivery that this process is to try now. */
export interface Attempt extends Delivery {
  readonly attempts: number;
}

/**
 * Sends the deliveries that the database keeps until the webhook takes them: each at least once, those of one alert in their
 * order. A webhook that does not answer holds up nothing but its own deliveries.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #inFlight = new Set<Promise<void>>();
  readonly #stopping = new AbortController();

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** Takes the deliveries that are due, for {@link send}. */
  async take(client: pg.ClientBase): Promise<readonly Attempt[]> {
    const room = limits.alerts.webhooks - this.#inFlight.size;
    // Until then the attempt has ended, whether or not the webhook answers.
    const leaseMs = 2 * this.#options.timeoutMs + 60_000;
    const values = [`${leaseMs} milliseconds`, String(room)];
    return (await client.query<Attempt>({ text: takeDeliveries.text, values })).rows;
  }

  /** Begins to send deliveries. */
  send(attempts: readonly Attempt[]): void {
    for (const attempt of attempts) {
      const underWay = this.#try(attempt).finally(() => this.#inFlight.delete(underWay));
      this.#inFlight.add(underWay);
    }
  }

  /** Resolves once no delivery is in flight. */
  async idle(): Promise<void> {
    await Promise.all(this.#inFlight);
  }

  /** Ends the attempts in flight. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.idle();
  }

  async #try(attempt: Attempt): Promise<void> {
    const { webhook, timeoutMs, log, withClient } = this.#options;
    const { alertId, event, attempts } = attempt;
    try {
      await send(attempt, webhook, AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(timeoutMs)]));
      await withClient(async (client) => {
        await client.query({ text: deleteDelivery.text, values: [alertId, event] });
      });
    } catch (error) {
      const pauseMs = pauseAfter(attempts);
      // The message of an error of `fetch` may have the URL, whose path can be a secret.
      const reason = error instanceof NotTaken ? error.message : networkCodeOf(error);
      log.warn({ reason, alertId, event, attempts, pauseMs }, 'the webhook did not take an alert');
      const values = [alertId, event, `${pauseMs} milliseconds`];
      // If this fails as well, the delivery is tried again when its lease is over.
      await withClient(async (client) => {
        await client.query({ text: putOffDelivery.text, values });
      }).catch((late: unknown) => {
        log.warn({ err: late, alertId, event }, 'the attempt could not be noted');
      });
    }
  }
}
