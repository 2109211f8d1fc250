import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { connect } from '../../src/database/client.ts';
import { Database } from '../../src/database/database.ts';
import { failureOf } from '../../src/database/failures.ts';
import { PincexError, type ErrorCode } from '../../src/index.ts';
import { configOf } from '../support/books.ts';
import { createEmptyDatabase, type TestDatabase } from '../support/database.ts';

/** Every error of PostgreSQL reaches callers as a PincexError with a stable code, PostgreSQL's message and a remedy. */

let empty: TestDatabase;
let database: Database;
beforeAll(async () => {
  empty = await createEmptyDatabase();
  database = new Database({ url: empty.url, ...configOf(empty.url).database.pool, queryHints: true });
});
afterAll(async () => {
  await database.close();
  await empty.drop();
});

const thrownBy = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => undefined,
    (error: unknown) => error,
  );

/** The error of a statement that PostgreSQL answers with this SQLSTATE. */
function answer(sqlState: string): Promise<unknown> {
  const text = `DO $$ BEGIN RAISE EXCEPTION 'the words of the server' USING ERRCODE = '${sqlState}'; END $$`;
  return thrownBy(database.query({ name: `raise-${sqlState}`, text }));
}

/** A code of each class of errors in "PostgreSQL Error Codes", and the codes that are treated differently from their class. */
const TABLE: Readonly<Record<string, ErrorCode>> = {
  '03000': 'database_refused',
  '08006': 'database_unavailable',
  '09000': 'database_refused',
  '0A000': 'database_refused',
  '0B000': 'database_refused',
  '0F000': 'database_refused',
  '0L000': 'database_refused',
  '0P000': 'database_refused',
  '0Z000': 'database_refused',
  '10608': 'database_refused',
  '20000': 'database_refused',
  '21000': 'database_refused',
  '22003': 'database_refused',
  '22012': 'database_refused',
  '2201F': 'database_refused',
  '22021': 'database_refused',
  '22P05': 'database_refused',
  '23503': 'database_refused',
  '23505': 'database_refused',
  '24000': 'database_refused',
  '25001': 'database_refused',
  '25006': 'database_unavailable',
  '25P02': 'transaction_aborted',
  '25P03': 'database_unavailable',
  '25P04': 'database_unavailable',
  '26000': 'database_refused',
  '27000': 'database_refused',
  '28000': 'database_refused',
  '28P01': 'database_refused',
  '2B000': 'database_refused',
  '2D000': 'database_refused',
  '2F000': 'database_refused',
  '34000': 'database_refused',
  '38000': 'database_refused',
  '39000': 'database_refused',
  '3B000': 'database_refused',
  '3D000': 'database_refused',
  '3F000': 'database_refused',
  '40001': 'conflict',
  '40002': 'database_refused',
  '40003': 'database_unavailable',
  '40P01': 'conflict',
  '42501': 'database_refused',
  '42601': 'database_refused',
  '42P01': 'database_refused',
  '42P05': 'database_refused',
  '44000': 'database_refused',
  '53100': 'database_unavailable',
  '53200': 'database_unavailable',
  '53300': 'database_unavailable',
  '53400': 'database_unavailable',
  '54000': 'database_refused',
  '55000': 'database_refused',
  '55006': 'database_unavailable',
  '55P03': 'conflict',
  '57000': 'database_unavailable',
  '57014': 'database_unavailable',
  '57P01': 'database_unavailable',
  '57P02': 'database_unavailable',
  '57P03': 'database_unavailable',
  '57P04': 'database_refused',
  '57P05': 'database_unavailable',
  '58000': 'database_unavailable',
  '58030': 'database_refused',
  '72000': 'conflict',
  F0000: 'database_refused',
  HV000: 'database_refused',
  P0001: 'database_refused',
  XX000: 'database_refused',
  XX001: 'database_refused',
  // A class that PostgreSQL does not have.
  ZZ999: 'database_refused',
};

const RETRYABLE: ReadonlySet<ErrorCode> = new Set(['database_unavailable', 'conflict']);

describe('a statement that PostgreSQL answers with an SQLSTATE', () => {
  it.each(Object.entries(TABLE))('a statement answered with %s fails with %s', async (sqlState, code) => {
    const error = await answer(sqlState);
    expect(error).toBeInstanceOf(PincexError);
    expect(error).toMatchObject({
      code,
      retryable: RETRYABLE.has(code),
      message: expect.stringMatching(/the words of the server.*[;)] ?.+/) as string,
      cause: { code: sqlState },
    });
  });

  it.each(Object.entries(TABLE))(
    'the message of %s advises to send it again only if that may help',
    async (sqlState) => {
      const { message, retryable } = (await answer(sqlState)) as PincexError;
      if (!retryable) expect(message).not.toMatch(/send it again|wait until/);
    },
  );
});

describe('a faulty statement', () => {
  it.each([
    ['SELEC 1', '42601', /; correct the statement if it is your own/],
    ['SELECT 1/0', '22012', /; correct the statement if it is your own/],
    [`SELECT 'a'::int`, '22P02', /; correct the statement if it is your own/],
    ['SELECT chr(0)', '54000', /; keep within the bound that the message names$/],
    [`SELECT '{"a":"\\u0000"}'::jsonb`, '22P05', /; .*texts without NUL$/],
    ['TABLE no_such', '42P01', /; .*"pincex migrate status".* or a statement of your own/],
    ['SELECT no_such()', '42883', /; .*"pincex migrate status".* or a statement of your own/],
  ])('the message of the faulty statement %s says what to mend', async (text, sqlState, says) => {
    const error = await thrownBy(database.query({ name: `wrong-${sqlState}`, text }));
    expect(error).toMatchObject({
      code: 'database_refused',
      retryable: false,
      message: expect.stringMatching(says) as string,
      cause: { code: sqlState },
    });
  });
});

it('the message of a statement that found the disk full says what to do', async () => {
  expect(await answer('53100')).toMatchObject({
    message: 'PostgreSQL refuses: the words of the server (53100); make room on the disk of the server',
  });
});

it('a connection is not used again after an error that it would keep', async () => {
  const pid = { name: 'pid', text: 'SELECT pg_backend_pid() AS pid' };
  const before = await database.query(pid);
  await answer('53100');
  expect(await database.query(pid)).toEqual(before);
  for (const sqlState of ['25006', '0A000', '26000', '42P05', '57P05']) {
    const known = await database.query(pid);
    await answer(sqlState);
    expect(await database.query(pid)).not.toEqual(known);
  }
});

describe('a connection that fails', () => {
  const urlWith = (change: (url: URL) => void): string => {
    const url = new URL(empty.url);
    change(url);
    return url.href;
  };
  const refused = async (url: string): Promise<PincexError> => {
    const error = await thrownBy(connect(url));
    expect(error).toMatchObject({ code: 'database_refused', retryable: false });
    // The pool fails with the same message.
    const pool = new Database({ url, ...configOf(empty.url).database.pool, queryHints: true });
    onTestFinished(() => pool.close());
    expect(await thrownBy(pool.query({ name: 'ask', text: 'SELECT 1' }))).toMatchObject({
      code: 'database_refused',
      message: (error as PincexError).message,
    });
    return error as PincexError;
  };

  it('a connection with a wrong password is not retryable', async () => {
    const { message } = await refused(urlWith((url) => (url.password = 'wrong')));
    expect(message).toMatch(
      /password authentication failed .*\(28P01\); check user and password in database\.url/,
    );
  });

  it('a connection with an unknown role is not retryable', async () => {
    const { message } = await refused(urlWith((url) => (url.username = 'nobody_of_that_name')));
    expect(message).toContain('check user and password in database.url');
  });

  it('a connection to an unknown database is not retryable', async () => {
    const { message } = await refused(urlWith((url) => (url.pathname = 'no_such_database')));
    expect(message).toBe(
      'PostgreSQL refuses: database "no_such_database" does not exist (3D000); create the database, or correct its name in database.url',
    );
  });

  it.each([
    ['-c no_such_setting=1', '42704'],
    ['-c work_mem=much', '22023'],
    ['-c max_connections=7', '55P02'],
  ])(
    'a connection with options that the server refuses (%s) fails with a message that names the options',
    async (options, sqlState) => {
      const { message } = await refused(
        urlWith((url) => (url.search = `?options=${encodeURIComponent(options)}`)),
      );
      expect(message).toContain(
        `(${sqlState}); correct the settings in the options of database.url, or in PGOPTIONS`,
      );
    },
  );

  it('a connection with a missing certificate file fails with a message that names the file', async () => {
    const { message } = await refused(
      urlWith((url) => (url.search = '?sslmode=verify-full&sslrootcert=/no/such/file')),
    );
    expect(message).toMatch(
      /No connection to PostgreSQL can be made: ENOENT.*\/no\/such\/file.*; database.url names/,
    );
  });

  it('a connection to a server without TLS fails with a message that says so', async () => {
    const { message } = await refused(urlWith((url) => (url.search = '?sslmode=verify-full')));
    expect(message).toMatch(/The server does not support SSL connections; see "TLS to PostgreSQL"/);
  });

  it('a connection to a port without a listener is retryable, and counts as not sent', async () => {
    const error = await thrownBy(connect(urlWith((url) => (url.port = '1'))));
    expect(error).toMatchObject({
      code: 'database_unavailable',
      retryable: true,
      message: expect.stringMatching(/^PostgreSQL cannot be reached: .*ECONNREFUSED/) as string,
    });
    expect(failureOf(error)).toBe('refused');
  });
});
