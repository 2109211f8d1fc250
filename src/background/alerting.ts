import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { evaluate, type Changes } from '../alerts/evaluation.ts';
import type { Tracked } from '../alerts/lifecycle.ts';
import type { Hurt } from '../alerts/observation.ts';
import { Outbox } from '../alerts/outbox.ts';
import {
  deleteOldAlerts,
  noteToldAlerts,
  readOpenAlerts,
  readUntoldAlerts,
  releaseAlertLease,
  takeAlertLease,
  writeAlerts,
} from '../alerts/statements.ts';
import { toAlert, type AlertRow } from '../alerts/store.ts';
import { bodyOf } from '../alerts/webhook.ts';
import { textArray } from '../database/sql/arrays.ts';
import type { Statement } from '../database/statement.ts';
import { withDeadline } from '../deadline.ts';
import type { Alert } from '../alert.ts';
import { PincexError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { LogLine } from '../logging.ts';
import { sessionOn, withOwnConnection } from '../monitor/connection.ts';
import type { Pincex } from '../pincex.ts';
import { Observer } from './observer.ts';

const EVERY_MS = 10_000;
const LEASE_MS = 3 * EVERY_MS;
/** How long all statements on one connection may take together. */
const TOTAL_MS = 30_000;
/** How long a tick waits for the doctor: with the time between two ticks less than the lease, which is kept meanwhile. */
const DOCTOR_MS = 10_000;

/** Where alerts are logged: a pino logger, or one with the same methods. */
export interface AlertLog {
  readonly info: LogLine;
  readonly warn: LogLine;
  readonly error: LogLine;
}

/**
 * Judges alerts every ten seconds until it is stopped. Any number of processes may do so: the one that holds a lease in the
 * database judges and delivers, so an alert is sent once.
 */
export function startAlerting(pincex: Pincex, log: AlertLog): { stop(): Promise<void> } {
  const alerting = new Alerting(pincex, log);
  const stopping = new AbortController();
  const loop = repeat();
  return {
    async stop() {
      stopping.abort();
      await loop;
      await alerting.stop();
    },
  };

  async function repeat(): Promise<void> {
    for (;;) {
      await sleep(EVERY_MS, undefined, { signal: stopping.signal, ref: false }).catch(() => undefined);
      if (stopping.signal.aborted) return;
      await alerting.tick();
    }
  }
}

/** Judges and delivers for one process. */
export class Alerting {
  readonly #pincex: Pincex;
  readonly #log: AlertLog;
  readonly #observer: Observer;
  readonly #outbox: Outbox | null;
  readonly #holder = uuidv7();
  #isHolder = false;

  constructor(pincex: Pincex, log: AlertLog, webhookMs: number = limits.alerts.webhookMs) {
    const { webhook } = pincex.config.alerts;
    this.#pincex = pincex;
    this.#log = log;
    this.#observer = new Observer(pincex);
    this.#outbox =
      webhook &&
      new Outbox({ webhook, log, timeoutMs: webhookMs, withClient: (work) => this.#connected(work) });
  }

  /** Judges once, if this process holds the lease or gets it. A failure is logged; the next tick tries again. */
  async tick(): Promise<void> {
    try {
      const hurts = this.#isHolder ? await this.#examine() : null;
      await this.#connected(async (client) => {
        const [lease] = await query<{ now: number }>(client, takeAlertLease, [
          this.#holder,
          `${LEASE_MS} milliseconds`,
        ]);
        this.#isHolder = lease !== undefined;
        if (lease === undefined) return;
        const open = await query<Tracked>(client, readOpenAlerts);
        const observation = await this.#observer.observe(client, hurts);
        await this.#write(client, evaluate(open, observation, this.#pincex.config.alerts, lease.now));
        await this.#tellUntold(client);
      });
      if (this.#isHolder) await this.#deliver();
    } catch (error) {
      this.#log.error({ err: error }, 'alerts could not be judged');
    }
  }

  /** Ends the deliveries in flight, which another process repeats, and gives the lease back. */
  async stop(): Promise<void> {
    await this.#outbox?.stop();
    if (!this.#isHolder) return;
    this.#isHolder = false;
    await this.#connected((client) => query(client, releaseAlertLease, [this.#holder])).catch(
      (error: unknown) => {
        this.#log.error({ err: error }, 'the lease of alerts could not be given back');
      },
    );
  }

  /** Resolves once no delivery is in flight. */
  async idle(): Promise<void> {
    await this.#outbox?.idle();
  }

  /** What the doctor finds; null if it fails or takes too long, so that all other rules are judged. */
  async #examine(): Promise<readonly Hurt[] | null> {
    const late = () => new PincexError('database_unavailable', `The doctor took more than ${DOCTOR_MS} ms`);
    return withDeadline(performance.now() + DOCTOR_MS, this.#observer.examine(), late).catch(
      (error: unknown) => {
        this.#log.error({ err: error }, 'the doctor could not examine the database for alerts');
        return null;
      },
    );
  }

  /** Sends due deliveries and deletes old alerts, by a transaction of its own: the events are committed and told by then. */
  async #deliver(): Promise<void> {
    const due = await this.#connected(async (client) => {
      await query(client, deleteOldAlerts, [`${limits.alerts.storedMs} milliseconds`]);
      return (await this.#outbox?.take(client)) ?? [];
    });
    this.#outbox?.send(due);
  }

  /** Writes the changes, unless the lease was lost meanwhile. */
  async #write(client: pg.ClientBase, { written, forgotten, told }: Changes): Promise<void> {
    if (written.length === 0 && forgotten.length === 0) return;
    const deliveries = this.#outbox === null ? [] : told.map(toDelivery);
    await query(client, writeAlerts, [
      this.#holder,
      textArray(forgotten.map(({ id }) => id)),
      JSON.stringify(written),
      JSON.stringify(deliveries),
    ]);
  }

  /** Tells what the database has, so that an event is told at least once even if its commit could not be confirmed. */
  async #tellUntold(client: pg.ClientBase): Promise<void> {
    const untold = (await sessionOn(client).query<AlertRow>(readUntoldAlerts, [this.#holder])).map(toAlert);
    if (untold.length === 0) return;
    this.#tell(untold);
    await query(client, noteToldAlerts, [
      textArray(untold.map(({ id }) => id)),
      textArray(untold.map(({ state }) => state)),
    ]);
  }

  #tell(alerts: readonly Alert[]): void {
    for (const alert of alerts) {
      const line = `alert ${alert.state}: ${alert.rule}${alert.subject && ` ${alert.subject}`}: ${alert.message}`;
      if (alert.state === 'resolved') this.#log.info({ alert }, line);
      else if (alert.severity === 'error') this.#log.error({ alert }, line);
      else this.#log.warn({ alert }, line);
      this.#pincex.diagnostics.tell('alert', () => ({ alert }));
    }
  }

  /** A short connection of its own, for a bounded time. */
  #connected<Result>(work: (client: pg.ClientBase) => Promise<Result>): Promise<Result> {
    const working = withOwnConnection(this.#pincex.connectionString, work, 'pincex alerts');
    const late = () => new PincexError('database_unavailable', 'The database did not answer in time');
    return withDeadline(performance.now() + TOTAL_MS, working, late);
  }
}

/** The statement has no name, so that no prepared statement stays behind in the session of a pooler. */
async function query<Row = object>(
  client: pg.ClientBase,
  { text }: Statement,
  values: readonly string[] = [],
): Promise<Row[]> {
  return (await client.query({ text, values: [...values] })).rows as Row[];
}

const isoOf = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

/** The alert as an event of the webhook has it, which is written with it. */
function eventOf({ id, rule, subject, severity, state, message, ...times }: Tracked): Alert {
  return {
    ...{ id, rule, subject, severity, state, message },
    pendingAt: new Date(times.pendingAt).toISOString(),
    firedAt: isoOf(times.firedAt),
    resolvedAt: isoOf(times.resolvedAt),
    acknowledgedAt: null,
    acknowledgedBy: null,
  };
}

function toDelivery(tracked: Tracked): { id: string; event: string; body: string } {
  const event = tracked.state === 'resolved' ? 'resolved' : 'firing';
  return { id: tracked.id, event, body: bodyOf(event, eventOf(tracked)) };
}
