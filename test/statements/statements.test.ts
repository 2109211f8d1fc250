import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Books, type LoadedBooks } from '../../src/books/books.ts';
import { BrokenRows } from '../../src/books/broken.ts';
import { accountId } from '../../src/books/rows.ts';
import { RowKeys } from '../../src/commands/rowKeys.ts';
import { commentHints } from '../../src/database/sql/hints.ts';
import { planned, type Statement } from '../../src/database/statement.ts';
import { issuedStatements } from '../../src/doctor/statements.ts';
import { persist } from '../../src/engine/persist.ts';
import { writes } from '../../src/engine/postgres/writes.ts';
import { finishRequest } from '../../src/requests/statements.ts';
import { grow } from '../plans/grow.ts';
import { firstOfEach, recordBatches } from '../plans/recorded.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

/**
 * Every statement as it is sent, in a file of its own in `sql/`: a change of a table's description shows there as
 * changed SQL. `npx vitest run test/statements -u` writes the files anew.
 */

const FOLDER = 'sql';
const fileOf = ({ name }: Statement): string => `${name.replace(':', '-')}.sql`;
/** The files that were compared. */
const compared = new Set<string>();

/** A statement in the form that psql takes. */
const prepared = (statement: Statement): string =>
  `PREPARE "${statement.name}" AS\n${commentHints.textOf(statement).trim().replace('*/ ', '*/\n')};\n`;

let database: TestDatabase;
let client: pg.Client;

beforeAll(async () => {
  database = await createTestDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await database.drop();
});

async function expectAsInItsFile(statement: Statement): Promise<void> {
  const text = prepared(statement);
  compared.add(fileOf(statement));
  await expect(text).toMatchFileSnapshot(join(FOLDER, fileOf(statement)));
  await client.query(text);
  await client.query('DEALLOCATE ALL');
}

describe('the file of a statement', () => {
  it.each(issuedStatements)(
    'the statement $name is sent as it stands in its file, which PostgreSQL can prepare',
    expectAsInItsFile,
  );

  it('the statements that write batches of each kind are sent as they stand in their files', async () => {
    await grow(client, 4, 4);
    const batches = firstOfEach(await recordBatches(database.url, 2)).map(({ statement }) => statement);
    const written = batches.filter(({ name }) => name.startsWith('persist:'));
    expect(written.length).toBeGreaterThan(4);
    for (const statement of written) await expectAsInItsFile(statement);
  });

  it('a batch that writes the answer of its request with it is sent as it stands in its file', async () => {
    const nothing: LoadedBooks = {
      accounts: new Map(),
      holds: new Map(),
      orders: new Map(),
      operations: new Map(),
    };
    const books = new Books(nothing, 0);
    const account = {
      ...accountId('alice', { code: 'USD', scale: 2 }),
      available: 0n,
      locked: 0n,
      version: 0,
    };
    books.accounts.set(account.key, account);
    const sent: Statement[] = [];
    const session = {
      query: (statement: Statement) => {
        sent.push(statement);
        return Promise.resolve([]);
      },
    };
    const loaded = { ...nothing, broken: new BrokenRows(), behind: undefined } as never;
    const part = { name: finishRequest.name, ...planned(finishRequest) };
    await persist(session, new RowKeys(), loaded, books, { id: '', actor: null }, [part]);
    expect(sent).toHaveLength(1);
    await expectAsInItsFile(sent[0]!);
  });

  it('each table that a batch writes has a letter that no other table has', () => {
    expect(new Set(writes.map(({ letter }) => letter)).size).toBe(writes.length);
  });

  it('there is no file of a statement that is not sent', async () => {
    const files = await readdir(join(import.meta.dirname, FOLDER));
    expect(files.filter((file) => !compared.has(file))).toEqual([]);
  });
});
