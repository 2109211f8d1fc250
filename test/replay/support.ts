import { writeFileSync } from 'node:fs';
import os from 'node:os';
import { gzipSync } from 'node:zlib';
import pg from 'pg';
import { onTestFinished } from 'vitest';
import { generateDay, type DayOptions } from '../../src/demo/generator.ts';
import { loadConfig, Pincex } from '../../src/index.ts';
import { COLUMNS, formatEvent, type OrderEvent } from '../../src/replay/recording/events.ts';
import type { Funding } from '../../src/replay/funding.ts';
import { replay, type ReplaySummary } from '../../src/replay/replay.ts';
import { createTestDatabase } from '../support/database.ts';

/** Writes the generated day to a file; compresses it if the name ends in `.gz`. */
export function writeDay(file: string, options: DayOptions): void {
  const lines = [...generateDay(options)].map((event) => (event === null ? 'no,event' : formatEvent(event)));
  const text = [COLUMNS.join(), ...lines, ''].join('\n');
  writeFileSync(file, file.endsWith('.gz') ? gzipSync(text) : text);
}

/** An event with defaults for all that does not matter to the test. */
export function event(said: Partial<OrderEvent>): OrderEvent {
  return {
    orderId: '1',
    time: 0,
    exchangeTime: 0,
    price: 100n,
    volume: 10n,
    action: 'created',
    side: 'buy',
    ...said,
  };
}

/** A database that is dropped when the test ends. */
export async function freshDatabase(): Promise<string> {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  return database.url;
}

export interface Run {
  readonly url: string;
  readonly events: Iterable<OrderEvent | null>;
  readonly batch?: number;
  readonly users?: number;
  readonly funding?: Funding;
}

export async function runReplay({
  url,
  events,
  batch = 100,
  users = 50,
  funding = 'ample',
}: Run): Promise<ReplaySummary> {
  let statements = 0;
  const onStatement = (): void => {
    statements++;
  };
  const config = loadConfig({ cwd: os.tmpdir(), env: { DATABASE_URL: url } });
  const pincex = await Pincex.open({ config, onStatement });
  try {
    const symbol = 'BTC/USD';
    return await replay(pincex, events, { batch, users, funding, symbol, statements: () => statements });
  } finally {
    await pincex.close();
  }
}

const TABLES = ['accounts', 'journal', 'orders', 'holds', 'trades', 'transactions', 'operations'];
/** The columns in which two runs of the same recording may differ. */
const OF_A_RUN = ['created_at', 'updated_at', 'executed_at', 'batch_id'];

/** A digest of every row of every table; `across` runs leaves out when and in which batch a row was written. */
export async function digest(url: string, across: 'across' | 'within' = 'within'): Promise<object> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    const digests: Record<string, unknown> = {};
    for (const table of TABLES) {
      const row = across === 'across' ? `to_jsonb(t) - '{${OF_A_RUN.join()}}'::text[]` : 'to_jsonb(t)';
      const { rows } = await client.query<object>(
        `SELECT count(*), md5(string_agg(row, '' ORDER BY row)) FROM (SELECT (${row})::text AS row FROM ${table} t) AS rows`,
      );
      digests[table] = rows[0];
    }
    return digests;
  } finally {
    await client.end();
  }
}

/** The number of lines of a recording for which the summary accounts. */
export function accountedFor({ orders, cancelled, filled, skipped, rejected }: ReplaySummary): number {
  const counts = [...Object.values(skipped), ...Object.values(rejected)];
  return orders + cancelled + filled + counts.reduce((sum, count) => sum + count, 0);
}
