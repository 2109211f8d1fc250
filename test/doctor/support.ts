import pg from 'pg';
import { afterAll, beforeAll, onTestFinished } from 'vitest';
import { diagnose, type DoctorOptions } from '../../src/doctor/doctor.ts';
import type { DoctorFinding, DoctorReport } from '../../src/doctor/report.ts';
import { openBooks } from '../support/books.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import type { Pincex, PincexOptions } from '../../src/index.ts';

/** A database and a connection to it, both of which end with the test. */
export async function patient(): Promise<{ url: string; client: pg.Client }> {
  const database = await createTestDatabase();
  const client = await connected(database.url);
  onTestFinished(() => database.drop());
  return { url: database.url, client };
}

/** A database of a test file, or of a group of its tests, and a connection to it. */
export function usePatient(): { readonly url: string; readonly client: pg.Client } {
  let database: TestDatabase | undefined;
  let client: pg.Client | undefined;
  const made = <Thing>(thing: Thing | undefined): Thing => {
    if (thing === undefined) throw new Error('The database is made before the first test');
    return thing;
  };
  beforeAll(async () => {
    database = await createTestDatabase();
    client = new pg.Client({ connectionString: database.url });
    await client.connect();
  });
  afterAll(async () => {
    await client?.end();
    await database?.drop();
  });
  return {
    get url() {
      return made(database).url;
    },
    get client() {
      return made(client);
    },
  };
}

/** A connection that is closed when the test ends. */
export async function connected(url: string, config: pg.ClientConfig = {}): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, ...config });
  // The test, or the end of the server, may cut this connection off.
  client.on('error', () => undefined);
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}

/** Books that are closed when the test ends. */
export async function opened(url: string, options?: Omit<PincexOptions, 'config'>): Promise<Pincex> {
  const pincex = await openBooks(url, options);
  onTestFinished(() => pincex.close());
  return pincex;
}

/** The doctor's report on a database. */
export function examine(url: string, options: Partial<DoctorOptions> = {}): Promise<DoctorReport> {
  return diagnose({ url, queryHints: true, ...options });
}

/** The findings of one check, each as `severity subject`. */
export function found({ findings }: DoctorReport, check: string): string[] {
  return findings
    .filter((finding) => finding.check === check)
    .map(({ severity, subject }) => `${severity} ${subject}`);
}

/** The only finding about a subject; `check` tells which, where several checks may have one. */
export function about({ findings }: DoctorReport, subject: string, check?: string): DoctorFinding {
  const about = findings.filter(
    (finding) => finding.subject === subject && (check === undefined || finding.check === check),
  );
  if (about.length !== 1)
    throw new Error(`${about.length} of these are about ${subject}: ${JSON.stringify(findings)}`);
  return about[0]!;
}

/** Runs the statements that a remedy gives behind "In psql:". */
export async function follow(client: pg.Client, { remedy }: DoctorFinding): Promise<void> {
  const [, sql] = /[Ii]n psql: (.*;)/.exec(remedy) ?? [];
  if (sql === undefined) throw new Error(`No statement in: ${remedy}`);
  // The statements are sent one by one, since CONCURRENTLY is refused in a query of several statements.
  for (const statement of sql.split(/(?<=;) (?=[A-Z])/)) await client.query(statement);
}

/** Makes what this session counted visible to other sessions. */
export async function flushCounters(client: pg.Client): Promise<void> {
  await client.query('SELECT pg_stat_force_next_flush()');
  await client.query('SELECT pg_stat_clear_snapshot()');
}
