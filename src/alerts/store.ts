import type { AuditReport } from '../audit/audit.ts';
import { textArray } from '../database/sql/arrays.ts';
import type { Session } from '../database/database.ts';
import { isoTime } from '../database/sql/time.ts';
import { describe } from '../describe.ts';
import type { Alert } from '../alert.ts';
import { PincexError } from '../errors.ts';
import { namesOf, readOptions } from '../known.ts';
import { limits } from '../limits.ts';
import { refuseSurplus } from '../surplus.ts';
import { acknowledgeAlert, listAlerts, noteAudit } from './statements.ts';

/** A row of an alert, with its values as texts. */
export interface AlertRow {
  id: string;
  rule: string;
  subject: string;
  severity: Alert['severity'];
  state: Alert['state'];
  message: string;
  pending_at: string;
  fired_at: string | null;
  resolved_at: string | null;
  acknowledged_at: string | null;
  acknowledged_by: string | null;
}

/** The person that acknowledges an alert. */
export interface Acknowledgement {
  /** A name, 1 to 128 characters. */
  readonly by: string;
}

const OPTIONS = namesOf<Acknowledgement>({ by: true });

/** The alerts in the table `alerts`: the calls behind `pincex alerts`. A running service raises and resolves them. */
export class Alerts {
  readonly #session: Session;

  /** @internal */
  constructor(session: Session) {
    this.#session = session;
  }

  /** Lists those that fire, then the pending and then the resolved ones, each the newest first; at most 1,000 in all. */
  async list(): Promise<Alert[]> {
    return this.listFirst(limits.alerts.listed);
  }

  /**
   * The first of {@link list}.
   *
   * @internal
   */
  async listFirst(most: number): Promise<Alert[]> {
    return (await this.#session.query<AlertRow>(listAlerts, [String(most)])).map(toAlert);
  }

  /**
   * Notes who has seen an alert that fires or was resolved. The first one to acknowledge it stays.
   *
   * @throws PincexError `invalid_argument`, also if no such alert has the id
   *
   * @example
   * ```ts
   * for (const { id, state } of await pincex.alerts.list())
   *   if (state === 'firing') await pincex.alerts.acknowledge(id, { by: 'ann' });
   * ```
   */
  async acknowledge(id: string, acknowledgement: Acknowledgement): Promise<Alert> {
    const alert = await this.acknowledgeIfThere(id, acknowledgement);
    if (alert !== undefined) return alert;
    const message = `No alert that fires or was resolved has the id ${describe(id)}; "pincex alerts" lists them`;
    throw new PincexError('invalid_argument', message);
  }

  /**
   * The same, but returns undefined if no such alert has the id.
   *
   * @internal
   */
  async acknowledgeIfThere(id: string, acknowledgement: Acknowledgement): Promise<Alert | undefined> {
    const { by } = readOptions('alerts.acknowledge', acknowledgement, OPTIONS);
    requireName(by);
    const [row] = isUuid(id) ? await this.#session.query<AlertRow>(acknowledgeAlert, [id, by]) : [];
    return row && toAlert(row);
  }

  /** @internal */
  async noteAudit({ checks }: AuditReport): Promise<void> {
    const failed = checks.filter(({ findings }) => findings > 0);
    const findings = failed.reduce((sum, check) => sum + check.findings, 0);
    await this.#session.query(noteAudit, [String(findings), textArray(failed.map(({ name }) => name))]);
  }
}

refuseSurplus(Alerts);

export function toAlert(row: AlertRow): Alert {
  return {
    id: row.id,
    rule: row.rule,
    subject: row.subject,
    severity: row.severity,
    state: row.state,
    message: row.message,
    pendingAt: isoTime(row.pending_at),
    firedAt: timeOf(row.fired_at),
    resolvedAt: timeOf(row.resolved_at),
    acknowledgedAt: timeOf(row.acknowledged_at),
    acknowledgedBy: row.acknowledged_by,
  };
}

const timeOf = (text: string | null): string | null => (text === null ? null : isoTime(text));

const isUuid = (id: unknown): boolean =>
  typeof id === 'string' && /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(id);

function requireName(by: unknown): void {
  const isPrintable = typeof by === 'string' && !/\p{Cc}/u.test(by) && by.isWellFormed();
  if (isPrintable && by.trim() !== '' && by.length <= limits.books.idLength) return;
  throw new PincexError(
    'invalid_argument',
    `by is the name of a person, of 1 to ${limits.books.idLength} characters, none of them a control character: got ${describe(by)}`,
  );
}
