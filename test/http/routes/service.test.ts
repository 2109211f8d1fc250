import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { withClient } from '../../../src/database/client.ts';
import { Pincex } from '../../../src/index.ts';
import { limits } from '../../../src/limits.ts';
import { openBooks, useBooks } from '../../support/books.ts';
import { createTestDatabase } from '../../support/database.ts';
import { startProxy } from '../../support/proxy.ts';
import { until } from '../../support/waiting.ts';
import { serve } from '../support.ts';
import { serveImpatiently } from '../wire.ts';

const books = useBooks();

describe('a schema of another version', () => {
  const CHANGES = {
    missing: 'DROP TABLE schema_migrations',
    older: 'DELETE FROM schema_migrations WHERE version = 11',
    newer: `INSERT INTO schema_migrations VALUES (999, 'later', 'x')`,
    changed: `UPDATE schema_migrations SET checksum = 'x' WHERE version = 11`,
  };

  it.each([
    ['missing', 'Migration 1 (reference_data) is pending in this database: run "pincex migrate up"'],
    ['older', 'Migration 11 (payments) is pending in this database: run "pincex migrate up"'],
    ['newer', 'Migration 999 (later) is unknown in this database: use the newer version'],
    ['changed', 'Migration 11 (payments) is changed in this database: put its file back'],
  ] as const)(
    'with a schema that is %s the service is not ready, and the books are not audited',
    async (change, message) => {
      const database = await createTestDatabase();
      onTestFinished(() => database.drop());
      const { get, pincex } = await serve({ ...books, url: database.url });
      await withClient(database.url, (client) => client.query(CHANGES[change]));
      const unready = await get<{ code: string; detail: string }>('/readyz');
      expect(unready.status).toBe(503);
      expect(unready.body.code).toBe('migration_failed');
      expect(unready.body.detail).toContain(message);
      const refused = { code: 'migration_failed', message: expect.stringContaining(message) as string };
      await expect(pincex.ping()).rejects.toMatchObject(refused);
      await expect(pincex.audit()).rejects.toMatchObject(refused);
    },
  );

  it('the schema is checked by the one statement that asks whether the database answers', async () => {
    const statements: string[] = [];
    const pincex = await openBooks(books.url, { onStatement: ({ name }) => statements.push(name) });
    onTestFinished(() => pincex.close());
    statements.length = 0;
    await pincex.ping();
    expect(statements).toEqual(['ping']);
  });
});

describe('readiness', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] });
  });
  // Real timers are back before the services are stopped, which takes real time.
  afterEach(() => void vi.useRealTimers());

  /** A service whose database can be taken away; `ask` asks anew, when the remembered readiness has expired. */
  async function serveThrough() {
    const proxy = await startProxy(books.url);
    onTestFinished(() => proxy.close());
    const { get } = await serve({ ...books, url: proxy.url });
    const ask = () => {
      vi.advanceTimersByTime(1_000);
      return get('/readyz');
    };
    return { proxy, get, ask };
  }

  it('the service is unready while its database cannot be reached, ready again with it, and alive all the time', async () => {
    const { proxy, get, ask } = await serveThrough();
    expect((await ask()).status).toBe(200);
    proxy.shut();
    const unready = await ask();
    expect(unready.status).toBe(503);
    expect(unready.body).toMatchObject({ code: 'database_unavailable', retryable: true });
    expect(unready.text).not.toMatch(/127\.0\.0\.1|ECONN/);
    expect((await get('/healthz')).status).toBe(200);
    proxy.reopen();
    await until('it to be ready', async () => (await ask()).status === 200);
  });

  it('the service is unready while its database does not answer in time, and ready again with it', async () => {
    const { proxy, ask } = await serveThrough();
    proxy.onAnswer = () => 'hold';
    const answer = ask();
    let hasAnswered = false;
    void answer.then(() => (hasAnswered = true));
    // The time begins when the service has the call, which the test cannot see.
    await until('it to give the database up', () => {
      vi.advanceTimersByTime(limits.http.readinessMs);
      return hasAnswered;
    });
    expect((await answer).status).toBe(503);
    proxy.onAnswer = () => 'pass';
    proxy.release();
    await until('it to be ready', async () => (await ask()).status === 200);
  });

  it('the service asks the database once a second whether it is ready, however often it is asked itself', async () => {
    const { get } = await serve(books);
    const ping = vi.spyOn(Pincex.prototype, 'ping');
    onTestFinished(() => {
      ping.mockRestore();
    });
    const askOften = async (): Promise<void> => {
      const answers = await Promise.all(Array.from({ length: 100 }, () => get('/readyz')));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    };
    await askOften();
    vi.advanceTimersByTime(999);
    await askOften();
    expect(ping).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(1);
    await askOften();
    expect(ping).toHaveBeenCalledTimes(2);
  });
});

it('the service listens on one address where its host is a name that may have two', async () => {
  const { url } = await serve(books, { host: 'localhost' });
  expect(new URL(url).hostname).toBe('127.0.0.1');
});

it('the service says that it is alive whatever Request-Timeout is sent', async () => {
  const { url } = await serve(books);
  expect((await fetch(`${url}/healthz`, { headers: { 'request-timeout': 'never' } })).status).toBe(200);
});

it('the service logs what failed, and nothing of what it refused on purpose', async () => {
  const lines: string[] = [];
  const logger = pino({}, { write: (line: string) => lines.push(line) });
  const { url, key } = await serveImpatiently(books, {}, { logger, maxWaiting: 0 });
  const statusOf = async (headers: Record<string, string>) => {
    const init = { method: 'POST', body: '{"items":[]}' };
    const type = { 'content-type': 'application/json', authorization: `Bearer ${key}` };
    return (await fetch(`${url}/v1/funds/batch-lock`, { ...init, headers: { ...type, ...headers } })).status;
  };
  lines.length = 0;
  expect(await statusOf({ 'request-timeout': '0.000001' })).toBe(504);
  expect(await statusOf({ authorization: 'Bearer none' })).toBe(401);
  expect(lines).toEqual([]);
  const run = vi.spyOn(books.pincex, 'run');
  onTestFinished(() => {
    run.mockRestore();
  });
  run.mockRejectedValueOnce(new TypeError('a fault'));
  expect(await statusOf({})).toBe(500);
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0]!)).toMatchObject({ msg: 'internal_error', err: { message: 'a fault' } });
});
