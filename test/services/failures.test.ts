import { describe, expect, it, onTestFinished } from 'vitest';
import { limits, Pincex } from '../../src/index.ts';
import { serve } from '../http/support.ts';
import { configOf, expectApplied, fresh, newUser, openBooks, useBooks } from '../support/books.ts';
import { holdClock } from '../support/clock.ts';
import { startProxy } from '../support/proxy.ts';
import { gate, until } from '../support/waiting.ts';

/** What callers hear when PostgreSQL says no, whichever way they ask. */

const books = useBooks();

const deposit = (userId: string) => ({ id: fresh('deposit'), userId, currency: 'USD', amount: '1' });

/** From now on no operation can be written: PostgreSQL answers with this SQLSTATE. */
async function refuseWrites(sqlState: string): Promise<void> {
  await books.sql(`
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql
      AS $$ BEGIN RAISE EXCEPTION 'the words of the server' USING ERRCODE = '${sqlState}'; END $$;
    CREATE TRIGGER refuse BEFORE INSERT ON operations EXECUTE FUNCTION refuse()`);
  onTestFinished(async () => {
    await books.sql('DROP FUNCTION refuse CASCADE');
  });
}

/** Somebody who may connect, at most so often at the same time, and has no right to any table. */
async function stranger(connections = -1): Promise<{ readonly role: string; readonly url: string }> {
  const role = fresh('stranger').replace('-', '_');
  await books.sql(`CREATE ROLE ${role} LOGIN PASSWORD 'x' CONNECTION LIMIT ${connections}`);
  onTestFinished(async () => {
    await books.sql(`DROP OWNED BY ${role}`);
    await books.sql(`DROP ROLE ${role}`);
  });
  return { role, url: Object.assign(new URL(books.url), { username: role, password: 'x' }).href };
}

describe('a disk that is full', () => {
  it('is database_unavailable to a batch, a transaction and a statement of the caller’s in it', async () => {
    await refuseWrites('53100');
    const clock = holdClock();
    const pincex = await openBooks(books.url, {
      onStatement({ name }) {
        if (name.startsWith('load')) clock.pass(limits.reconnectMs);
      },
    });
    onTestFinished(() => pincex.close());
    const full = {
      name: 'PincexError',
      code: 'database_unavailable',
      retryable: true,
      message: 'PostgreSQL refuses: the words of the server (53100); make room on the disk of the server',
    };
    await expect(pincex.bookkeeper.deposit(deposit('ann'))).rejects.toMatchObject(full);
    const batch = pincex.transaction((tx) => tx.bookkeeper.deposit(deposit('ann')));
    await expect(batch).rejects.toMatchObject(full);
    const own = pincex.transaction((tx) =>
      tx.client.query(`INSERT INTO operations SELECT FROM operations LIMIT 0`),
    );
    await expect(own).rejects.toMatchObject({ ...full, cause: { code: '53100' } });
  });

  it('is 503 over HTTP, and says nothing of the server', async () => {
    await refuseWrites('53100');
    const clock = holdClock();
    const { post, pincex } = await serve(books);
    expect(pincex.connectionString).toBe(books.url);
    const answer = post('/v1/funds/batch-deposit', { items: [deposit('ann')] });
    const passing = setInterval(() => {
      clock.pass(1_000);
    }, 10);
    onTestFinished(() => {
      clearInterval(passing);
    });
    const { status, body, text } = await answer;
    expect(status).toBe(503);
    expect(body).toMatchObject({ code: 'database_unavailable', retryable: true });
    expect(text).not.toContain('the words of the server');
  });
});

describe('a right that is missing', () => {
  it('is database_refused to a batch, and 500 over HTTP', async () => {
    await refuseWrites('42501');
    const refused = { name: 'PincexError', code: 'database_refused', retryable: false };
    await expect(books.pincex.bookkeeper.deposit(deposit('ann'))).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining('"A server of your own" in docs/operations.md') as string,
    });
    const { post } = await serve(books);
    const { status, body, text } = await post('/v1/funds/batch-deposit', { items: [deposit('ann')] });
    expect(status).toBe(500);
    expect(body).toMatchObject({ code: 'database_refused', retryable: false });
    expect(text).not.toContain('the words of the server');
  });

  it('is database_refused to opening, reading, streaming, sweeping, the audit and the catalog', async () => {
    const { role, url } = await stranger();
    const refused = {
      name: 'PincexError',
      code: 'database_refused',
      message: expect.stringContaining('permission denied for table') as string,
    };
    await expect(openBooks(url)).rejects.toMatchObject(refused);
    await books.sql(`GRANT SELECT ON schema_migrations, currencies, markets TO ${role}`);
    const pincex = await openBooks(url);
    onTestFinished(() => pincex.close());
    const calls: Record<string, () => Promise<unknown>> = {
      reading: () => pincex.bookkeeper.getAccount('ann', 'USD'),
      streaming: () => pincex.streamOrders()[Symbol.asyncIterator]().next(),
      sweeping: () => pincex.sweepExpired(),
      auditing: () => pincex.audit(),
      adding: () => pincex.catalog.addCurrency('NEW', 2),
      'a statement of the caller’s': () => pincex.transaction((tx) => tx.client.query('TABLE accounts')),
    };
    for (const [name, call] of Object.entries(calls))
      await expect(call(), name).rejects.toMatchObject(refused);
  });
});

it('a transaction that idles longer than the server allows fails in the words of the server', async () => {
  const call = books.pincex.transaction(async (tx) => {
    const { rows } = await tx.client.query<{ pid: string }>('SELECT pg_backend_pid() AS pid');
    await tx.client.query(`SET LOCAL idle_in_transaction_session_timeout = '50ms'`);
    await until('the connection to be ended', async () => {
      const left = await books.sql('SELECT FROM pg_stat_activity WHERE pid = $1', [rows[0]?.pid]);
      return left.length === 0;
    });
    await tx.bookkeeper.deposit(deposit('ann'));
  });
  await expect(call).rejects.toMatchObject({
    code: 'database_unavailable',
    retryable: true,
    message: expect.stringMatching(
      /terminating connection due to idle-in-transaction timeout \(25P03\); .*idle_in_transaction_session_timeout/,
    ) as string,
  });
});

it('a statement of the caller’s on a connection that was ended is database_unavailable', async () => {
  const call = books.pincex.transaction((tx) =>
    tx.client.query('SELECT pg_terminate_backend(pg_backend_pid())'),
  );
  await expect(call).rejects.toMatchObject({ name: 'PincexError', code: 'database_unavailable' });
  const late = books.pincex.transaction(async (tx) => {
    await tx.client.query('SELECT pg_terminate_backend(pg_backend_pid())').catch(() => undefined);
    await tx.client.query('SELECT 1');
  });
  await expect(late).rejects.toMatchObject({ name: 'PincexError', code: 'database_unavailable' });
});

it('a batch behind a failed statement whose error was swallowed is transaction_aborted', async () => {
  const call = books.pincex.transaction(async (tx) => {
    await tx.client.query('SELECT 1 / 0').catch(() => undefined);
    await tx.bookkeeper.deposit(deposit('ann'));
  });
  await expect(call).rejects.toMatchObject({ code: 'transaction_aborted', retryable: false });
});

it('what a statement of the caller’s in a transaction does wrong has the error of the driver as its cause', async () => {
  const call = books.pincex.transaction((tx) => tx.client.query('SELECT 1 / 0'));
  await expect(call).rejects.toMatchObject({ code: 'database_refused', cause: { code: '22012' } });
});

it('a read for which the role has no connection left waits for one, as a batch does', async () => {
  const { role, url } = await stranger();
  await books.sql(`GRANT ALL ON ALL TABLES IN SCHEMA public TO ${role}`);
  const userId = await newUser(books.pincex, { USD: '5' });
  const proxy = await startProxy(url);
  const pincex = await Pincex.open({
    config: configOf(proxy.url, { PINCEX_DATABASE_POOL_IDLE_TIMEOUT: '1ms' }),
  });
  onTestFinished(async () => {
    await pincex.close();
    await proxy.close();
  });
  let refusals = 0;
  proxy.onAnswer = (answer) => {
    if (answer.includes('too many connections for role')) refusals++;
    return 'pass';
  };
  await books.sql(`ALTER ROLE ${role} CONNECTION LIMIT 0`);
  await until('all its connections to be closed', async () => {
    return (await books.sql('SELECT FROM pg_stat_activity WHERE usename = $1', [role])).length === 0;
  });
  const calls = [pincex.bookkeeper.getAccount(userId, 'USD'), pincex.bookkeeper.deposit(deposit(userId))];
  await until('both to be refused', () => refusals > 5);
  await books.sql(`ALTER ROLE ${role} CONNECTION LIMIT -1`);
  expect(await Promise.all(calls)).toMatchObject([{ currency: 'USD' }, { status: 'applied' }]);
});

it('time is counted from the first failure: a batch that waited for a lock for longer is not given up at once', async () => {
  const userId = await newUser(books.pincex, { USD: '5' });
  const pincex = await openBooks(books.url, { strategy: 'lock' });
  onTestFinished(() => pincex.close());
  const locked = gate();
  const holding = gate();
  const holder = books.pincex.transaction(async (tx) => {
    await tx.bookkeeper.deposit(deposit(userId));
    locked.open();
    await holding.opened;
  });
  await locked.opened;
  const waits = `FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
  const isWaiting = async () => (await books.sql(`SELECT ${waits}`)).length > 0;
  const clock = holdClock();
  const batch = pincex.bookkeeper.batchDeposit([deposit(userId)]);
  await until('the batch to wait', isWaiting);
  clock.pass(limits.reconnectMs + 2_000);
  await books.sql(`SELECT pg_terminate_backend(pid) ${waits}`);
  await until('the batch to wait again', isWaiting);
  holding.open();
  await holder;
  expectApplied(await batch);
});

describe('a batch that loses against others', () => {
  it('as often as it is tried is told how often', async () => {
    await refuseWrites('40001');
    holdClock();
    await expect(books.pincex.bookkeeper.deposit(deposit('ann'))).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining(`lost against others ${limits.attempts} times; nothing`) as string,
    });
  });

  it('until the time is over is told for how long', async () => {
    await refuseWrites('40001');
    const clock = holdClock();
    const pincex = await openBooks(books.url, {
      onStatement({ name }) {
        if (name === 'rollback') clock.pass(limits.reconnectMs / 3);
      },
      strategy: 'lock',
    });
    onTestFinished(() => pincex.close());
    await expect(pincex.bookkeeper.deposit(deposit('ann'))).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('lost against others for 15 s (4 times); nothing') as string,
    });
    await expect(pincex.transaction((tx) => tx.bookkeeper.deposit(deposit('ann')))).rejects.toMatchObject({
      code: 'conflict',
      message: 'The transaction lost against others for 15 s (4 times); nothing of it was written',
    });
  });
});
