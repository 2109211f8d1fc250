import { hostname } from 'node:os';
import type pg from 'pg';
import { readLastAudit } from '../alerts/statements.ts';
import { withOwnConnection } from '../monitor/connection.ts';
import { readNotable } from '../monitor/notableBatches.ts';
import { liveProcesses, LIVE_MS } from '../monitor/processes.ts';
import { readReports } from '../monitor/readReports.ts';
import type { Pincex } from '../pincex.ts';
import type { AuditLine } from './frame.ts';
import { Latest } from './latest.ts';
import type { LiveSource } from './picture.ts';

/** The parts that only the database knows, as they were at one moment. */
interface Known {
  /** By `performance.now()`. */
  readonly at: number;
  readonly others: readonly LiveSource[];
  /** When this process started by the clock of the database; undefined before its first report. */
  readonly startedAt: string | undefined;
  readonly audit: AuditLine | null;
  readonly statementMs: number;
}

const NOTHING: Known = { at: 0, others: [], startedAt: undefined, audit: null, statementMs: 0 };

/** The share of the newest time in the average of the small statement. */
const NEWEST = 0.2;

/** The processes with their figures: this one as it is, the others as they last reported. */
export class Sources {
  readonly #pincex: Pincex;
  readonly #openedAt = new Date().toISOString();
  readonly #known: Latest<Known>;

  constructor(pincex: Pincex) {
    this.#pincex = pincex;
    this.#known = new Latest(NOTHING, () =>
      withOwnConnection(pincex.connectionString, (client) => this.#ask(client), 'pincex live'),
    );
  }

  /** Reads the reports of the others and the last audit. */
  refresh(): Promise<void> {
    return this.#known.refresh();
  }

  get audit(): AuditLine | null {
    return this.#known.value.audit;
  }

  /** How long a statement takes that reads one row, on average. */
  get statementMs(): number {
    return this.#known.value.statementMs;
  }

  /** Whether a process of this id runs, as far as it is known. */
  has(id: string): boolean {
    return id === this.#pincex.statistics.id || this.#known.value.others.some((other) => other.id === id);
  }

  /** The oldest first. A process counts as ended once its report is too old. */
  list(): LiveSource[] {
    const { at, others, startedAt = this.#openedAt } = this.#known.value;
    const sinceMs = performance.now() - at;
    const { statistics, monitor } = this.#pincex;
    const own: LiveSource = {
      ...{ id: statistics.id, host: hostname(), pid: process.pid, startedAt, ageMs: 0 },
      tallies: monitor.allTallies(),
      counters: statistics.snapshot(),
      notable: monitor.notableBatches(),
    };
    const live = others.flatMap((other) => {
      const ageMs = Math.round(other.ageMs + sinceMs);
      return ageMs > LIVE_MS ? [] : [{ ...other, ageMs }];
    });
    return [...live, own].toSorted((a, b) => (a.startedAt + a.id < b.startedAt + b.id ? -1 : 1));
  }

  async #ask(client: pg.ClientBase): Promise<Known> {
    const processes = await liveProcesses(client);
    const began = performance.now();
    const audit = await readAudit(client);
    const tookMs = performance.now() - began;
    const { statementMs: before } = this.#known.value;
    const { id: own } = this.#pincex.statistics;
    return {
      at: performance.now(),
      others: readReports(processes.filter(({ id }) => id !== own)).map(
        ({ id, startedAt, ageMs, tallies, report }) => ({
          ...{ id, ageMs, tallies },
          startedAt: startedAt.toISOString(),
          ...{ host: report.host, pid: report.pid, counters: report, notable: readNotable(report.notable) },
        }),
      ),
      startedAt: processes.find(({ id }) => id === own)?.startedAt.toISOString(),
      audit,
      statementMs: before === 0 ? tookMs : before + NEWEST * (tookMs - before),
    };
  }
}

interface AuditRow {
  readonly madeAt: number;
  readonly findings: number;
  readonly checks: readonly string[];
}

/** The last audit; null if none was made. */
export async function readAudit(client: pg.ClientBase): Promise<AuditLine | null> {
  const [row] = (await client.query<AuditRow>({ text: readLastAudit.text })).rows;
  return row === undefined ? null : { ...row, madeAt: new Date(row.madeAt).toISOString() };
}
