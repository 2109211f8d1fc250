import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { loadConfig, Pincex, type BatchResult, type Config, type PincexOptions } from '../../src/index.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';

/** The configuration of a caller whose server is at `url`; `environment` may set more keys. */
export function configOf(url: string, environment: Record<string, string> = {}): Config {
  return loadConfig({ env: { DATABASE_URL: url, ...environment }, cwd: here });
}

const here = fileURLToPath(new URL('.', import.meta.url));

/** Opens the books at `url`; the caller closes them. */
export function openBooks(url: string, options: Omit<PincexOptions, 'config'> = {}): Promise<Pincex> {
  return Pincex.open({ ...options, config: configOf(url) });
}

/** The books of a test file: a database of its own, and a Pincex on it. */
export interface TestBooks {
  readonly pincex: Pincex;
  readonly url: string;
  /** Runs SQL on a connection outside the Pincex. */
  sql<Row extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]>;
}

/** Opens books for a test file, and audits them after every test: they have to balance whatever the test did. */
export function useBooks(options: Omit<PincexOptions, 'config'> = {}, { audited = true } = {}): TestBooks {
  let database: TestDatabase | undefined;
  let pincex: Pincex | undefined;
  let client: pg.Client | undefined;
  beforeAll(async () => {
    database = await createTestDatabase();
    client = new pg.Client({ connectionString: database.url });
    await client.connect();
    pincex = await openBooks(database.url, options);
  });
  afterEach(async () => {
    if (audited && pincex !== undefined) await expectBalanced(pincex);
  });
  afterAll(async () => {
    await pincex?.close();
    await client?.end();
    await database?.drop();
  });
  return {
    get pincex() {
      if (pincex === undefined) throw new Error('The books are not open yet');
      return pincex;
    },
    get url() {
      if (database === undefined) throw new Error('The books are not open yet');
      return database.url;
    },
    async sql<Row extends pg.QueryResultRow>(text: string, values?: unknown[]) {
      if (client === undefined) throw new Error('The books are not open yet');
      return (await client.query<Row>(text, values)).rows;
    },
  };
}

/** Expects the audit to find nothing. */
export async function expectBalanced(pincex: Pincex): Promise<void> {
  const { ok, findings } = await pincex.audit();
  expect(findings).toEqual([]);
  expect(ok).toBe(true);
}

/** An id that no other test uses. */
export function fresh(prefix: string): string {
  return `${prefix}-${randomBytes(6).toString('hex')}`;
}

/** A new user with these amounts, such as `{ BTC: '1.5', USD: '100' }`. */
export async function newUser(pincex: Pincex, funds: Record<string, string> = {}): Promise<string> {
  const userId = fresh('user');
  const deposits = Object.entries(funds).map(([currency, amount]) => ({
    id: `funds-${currency}`,
    userId,
    currency,
    amount,
  }));
  expectApplied(await pincex.bookkeeper.batchDeposit(deposits));
  return userId;
}

/** Fails with the errors of the items unless every item was applied. */
export function expectApplied(batch: BatchResult<unknown>): void {
  expect([...batch.failedItems.values()]).toEqual([]);
  expect(batch.counts.applied).toBe(batch.counts.total);
}

/** For each item its status, or the code of its error. */
export function outcomes(batch: BatchResult<unknown>): string[] {
  return batch.results.map((result) => (result.status === 'rejected' ? result.error.code : result.status));
}

/** The funds of a user in a currency as `available / locked`, or `none` without an account. */
export async function funds(pincex: Pincex, userId: string, currency: string): Promise<string> {
  const account = await pincex.bookkeeper.getAccount(userId, currency);
  return account === null ? 'none' : `${account.available} / ${account.locked}`;
}

/**
 * A value of a type that the API does not take, as a caller in JavaScript could send it. Tests cast input only here.
 */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- it is the cast, said by name
export function anyway<Wanted>(value: unknown): Wanted {
  return value as Wanted;
}

/** Whether the long form of the tests was asked for. */
export const isLong = process.env['PINCEX_TEST_LONG'] === '1';
