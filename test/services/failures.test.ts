import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { limits, Pincex, type PincexTransaction } from '../../src/index.ts';
import { serve } from '../http/support.ts';
import { configOf, expectApplied, fresh, funds, newUser, openBooks, useBooks } from '../support/books.ts';
import { holdClock } from '../support/clock.ts';
import { startProxy } from '../support/proxy.ts';
import { until } from '../support/waiting.ts';

/** The errors that callers get when PostgreSQL fails or refuses, for every kind of call. */

const books = useBooks();

const deposit = (userId: string) => ({ id: fresh('deposit'), userId, currency: 'USD', amount: '1' });

/** The client of `pg` that `tx.client` is. */
const driverOf = ({ client }: PincexTransaction) => client as unknown as pg.ClientBase;

/** Until the test ends, PostgreSQL refuses every insert into `operations` with this SQLSTATE. */
async function refuseWrites(sqlState: string): Promise<void> {
  await books.sql(`
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql
      AS $$ BEGIN RAISE EXCEPTION 'the words of the server' USING ERRCODE = '${sqlState}'; END $$;
    CREATE TRIGGER refuse BEFORE INSERT ON operations EXECUTE FUNCTION refuse()`);
  onTestFinished(async () => {
    await books.sql('DROP FUNCTION refuse CASCADE');
  });
}

/** A new role with a limit of connections and without any right to a table. */
async function stranger(connections = -1): Promise<{ readonly role: string; readonly url: string }> {
  const role = fresh('stranger').replace('-', '_');
  await books.sql(`CREATE ROLE ${role} LOGIN PASSWORD 'x' CONNECTION LIMIT ${connections}`);
  onTestFinished(async () => {
    await books.sql(`DROP OWNED BY ${role}`);
    await books.sql(`DROP ROLE ${role}`);
  });
  return { role, url: Object.assign(new URL(books.url), { username: role, password: 'x' }).href };
}

describe('a full disk', () => {
  it('a full disk fails a batch, a transaction and a caller’s statement in it with database_unavailable', async () => {
    await refuseWrites('53100');
    const clock = holdClock();
    const pincex = await openBooks(books.url, {
      onStatement({ name }) {
        if (name.startsWith('load')) clock.pass(limits.database.reconnectMs);
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

  it('a full disk is answered with 503 over HTTP, without the message of the server', async () => {
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

describe('a missing privilege', () => {
  it('a missing privilege fails a batch with database_refused, and is answered with 500 over HTTP', async () => {
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

  it('a missing privilege fails opening, reads, streams, sweeps, the audit and the catalog with database_refused', async () => {
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

it('a transaction that idles longer than the server allows fails with the message of the server', async () => {
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

describe('a transaction that the server timed out', () => {
  it.each([
    ['idle_in_transaction_session_timeout', '25P03'],
    ['transaction_timeout', '25P04'],
  ])(
    'a caller’s statement after the timeout fails with the reason of the server (%s)',
    async (setting, sqlState) => {
      const known = await books.sql('SELECT FROM pg_settings WHERE name = $1', [setting]);
      if (known.length === 0) return;
      const call = books.pincex.transaction(async (tx) => {
        const { rows } = await tx.client.query<{ pid: string }>('SELECT pg_backend_pid() AS pid');
        await tx.client.query(`SET LOCAL ${setting} = '50ms'`);
        await until('the connection to be ended', async () => {
          const left = await books.sql('SELECT FROM pg_stat_activity WHERE pid = $1', [rows[0]?.pid]);
          return left.length === 0;
        });
        await tx.client.query('SELECT 1');
      });
      await expect(call).rejects.toMatchObject({
        code: 'database_unavailable',
        retryable: true,
        message: expect.stringMatching(
          new RegExp(`\\(${sqlState}\\); .*${setting.split('_session')[0]}`),
        ) as string,
      });
    },
  );
});

describe('an error that is passed on unchanged', () => {
  const wordsOfTheDriver = [
    'Client was closed by compliance',
    'Query read timeout',
    'Connection terminated unexpectedly',
    'Received unexpected goods',
  ];

  it.each(wordsOfTheDriver)(
    'an error of the caller’s own is passed on unchanged, even with the words of the driver: %s',
    async (words) => {
      const userId = await newUser(books.pincex, { USD: '1' });
      const own = new Error(words);
      const call = books.pincex.transaction(async (tx) => {
        await tx.bookkeeper.deposit(deposit(userId));
        throw own;
      });
      await expect(call).rejects.toBe(own);
      expect(await funds(books.pincex, userId, 'USD')).toBe('1 / 0');
    },
  );

  it('an error of the driver alone, such as a reused statement name, is passed on unchanged', async () => {
    const call = books.pincex.transaction(async (tx) => {
      const client = driverOf(tx);
      await client.query({ name: 'mine', text: 'SELECT 1' });
      await client.query({ name: 'mine', text: 'SELECT 2' });
    });
    await expect(call).rejects.toThrow(/^Prepared statements must be unique/);
  });

  it('a PostgreSQL error from another client of the caller’s is passed on unchanged, and the transaction is not retried', async () => {
    const other = new pg.Client({ connectionString: books.url });
    await other.connect();
    onTestFinished(() => other.end());
    let runs = 0;
    const call = books.pincex.transaction(async () => {
      runs++;
      await other.query(`DO $$ BEGIN RAISE EXCEPTION 'elsewhere' USING ERRCODE = '40001'; END $$`);
    });
    await expect(call).rejects.toBeInstanceOf(pg.DatabaseError);
    expect(runs).toBe(1);
  });
});

describe('an error of a statement on tx.client', () => {
  const refused = { name: 'PincexError', code: 'database_refused', cause: { code: '42601' } };

  it('a statement’s error that is handed to a callback is a PincexError', async () => {
    const call = books.pincex.transaction(async (tx) => {
      await new Promise((resolve, reject) => {
        driverOf(tx).query('SELEC 1', (error: Error | null, result) => {
          if (error === null) resolve(result);
          else reject(error);
        });
      });
    });
    await expect(call).rejects.toMatchObject(refused);
  });

  it('a statement’s error that is handed to a query object, such as a cursor, is a PincexError', async () => {
    const call = books.pincex.transaction(async (tx) => {
      await new Promise((_, reject) => {
        driverOf(tx).query(Object.assign(new pg.Query('SELEC 1'), { handleError: reject }));
      });
    });
    await expect(call).rejects.toMatchObject(refused);
  });
});

it('a caller’s statement on a terminated connection fails with database_unavailable', async () => {
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

it('a batch after a failed statement whose error was swallowed fails with transaction_aborted', async () => {
  const call = books.pincex.transaction(async (tx) => {
    await tx.client.query('SELECT 1 / 0').catch(() => undefined);
    await tx.bookkeeper.deposit(deposit('ann'));
  });
  await expect(call).rejects.toMatchObject({ code: 'transaction_aborted', retryable: false });
});

it('the error of a caller’s failed statement in a transaction has the error of the driver as its cause', async () => {
  const call = books.pincex.transaction((tx) => tx.client.query('SELECT 1 / 0'));
  await expect(call).rejects.toMatchObject({ code: 'database_refused', cause: { code: '22012' } });
});

it('a read waits for a connection when the role has none left, as a batch does', async () => {
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

describe('a batch that waits for a lock longer than `reconnectMs` and then loses its connection', () => {
  it.each([
    ['', ''],
    [', also when its first connection was lost at once', 'PERFORM pg_terminate_backend(pg_backend_pid());'],
    [', also after a serialization failure', `RAISE EXCEPTION 'serialization' USING ERRCODE = '40001';`],
  ])('the batch is retried and applied%s', async (_, first) => {
    await books.sql(`
      CREATE SEQUENCE attempts;
      CREATE FUNCTION stand() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF nextval('attempts') = 1 THEN ${first} END IF;
        PERFORM pg_advisory_xact_lock(7);
        RETURN NEW;
      END $$;
      CREATE TRIGGER stand BEFORE INSERT ON operations EXECUTE FUNCTION stand()`);
    onTestFinished(async () => {
      await books.sql('DROP FUNCTION stand CASCADE; DROP SEQUENCE attempts');
    });
    const holder = new pg.Client({ connectionString: books.url });
    await holder.connect();
    onTestFinished(() => holder.end());
    await holder.query('SELECT pg_advisory_lock(7)');
    const clock = holdClock();
    const batch = books.pincex.bookkeeper.batchDeposit([deposit('ann')]);
    const waiting = new Set<string>();
    const anotherWaits = async () => {
      const [row] = await books.sql<{ pid: string }>(
        `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'`,
      );
      if (row === undefined || waiting.has(row.pid)) return false;
      waiting.add(row.pid);
      return true;
    };
    await until('the batch to wait', anotherWaits);
    clock.pass(limits.database.reconnectMs + 200);
    await books.sql('SELECT pg_terminate_backend($1)', [...waiting]);
    await until('the batch to wait again', anotherWaits);
    await holder.query('SELECT pg_advisory_unlock(7)');
    expectApplied(await batch);
  });
});

it('a batch whose every connection is cut while it is written fails with outcome_unknown, not as if the server were away', async () => {
  await books.sql(`
    CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql
      AS $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$;
    CREATE TRIGGER cut BEFORE INSERT ON operations EXECUTE FUNCTION cut()`);
  onTestFinished(async () => {
    await books.sql('DROP FUNCTION cut CASCADE');
  });
  holdClock();
  await expect(books.pincex.bookkeeper.deposit(deposit('ann'))).rejects.toMatchObject({
    code: 'outcome_unknown',
    message: expect.stringMatching(
      /was being written, and its outcome could not be looked up; send/,
    ) as string,
  });
});

describe('a batch that loses conflicts', () => {
  it('a batch that loses on every attempt fails with conflict and the number of attempts', async () => {
    await refuseWrites('40001');
    holdClock();
    await expect(books.pincex.bookkeeper.deposit(deposit('ann'))).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining(
        `lost against concurrent changes ${limits.database.attempts} times; nothing`,
      ) as string,
    });
  });

  it('a batch or transaction that loses until its time is over fails with conflict, the number of attempts and the time', async () => {
    await refuseWrites('40001');
    const clock = holdClock();
    const pincex = await openBooks(books.url, {
      onStatement({ name }) {
        if (name === 'rollback') clock.pass(limits.database.againMs / 3);
      },
      strategy: 'lock',
    });
    onTestFinished(() => pincex.close());
    await expect(pincex.bookkeeper.deposit(deposit('ann'))).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('lost against concurrent changes 4 times in 60 s; nothing') as string,
    });
    await expect(pincex.transaction((tx) => tx.bookkeeper.deposit(deposit('ann')))).rejects.toMatchObject({
      code: 'conflict',
      message: 'The transaction lost against concurrent changes 4 times in 60 s; nothing of it was written',
    });
  });
});
