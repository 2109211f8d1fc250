import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Leases } from '../../src/requests/leases.ts';
import { Pincex } from '../../src/index.ts';
import { startEmbeddedServer } from '../../src/embedded/server.ts';
import { configOf, expectApplied, expectBalanced, newUser } from '../support/books.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { setEnvironment } from '../support/environment.ts';
import { makeFolder, removeFolder } from '../support/folders.ts';
import { startProxy } from '../support/proxy.ts';
import { until } from '../support/waiting.ts';

/** Variables of PostgreSQL's clients: the embedded server ignores them, and connections to an external server use them all. */

async function createDatabase(): Promise<TestDatabase> {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  return database;
}

/** The startup message of each connection, by its application name. */
function startsOf(requests: readonly Buffer[]): Map<string, string> {
  const starts = requests
    .map((request) => request.toString('latin1'))
    .filter((text) => text.includes('user\0'));
  return new Map(starts.map((text) => [/application_name\0([^\0]*)/.exec(text)?.[1] ?? '', text] as const));
}

describe('the embedded server', () => {
  it(
    'the embedded server is created, started and used whatever the PG… variables say',
    { timeout: 120_000 },
    async () => {
      setEnvironment({
        PGOPTIONS: '-c search_path=nowhere -c default_transaction_read_only=on',
        PGSSLMODE: 'require',
        PGSSLNEGOTIATION: 'direct',
        PGSSLROOTCERT: '/nowhere',
        PGHOST: 'nowhere.invalid',
        PGHOSTADDR: '192.0.2.1',
        PGPORT: '1',
        PGDATABASE: 'none',
        PGUSER: 'nobody',
        PGPASSWORD: 'wrong',
        PGPASSFILE: '/nowhere',
        PGSERVICE: 'none',
        PGAPPNAME: 'other',
        PGTZ: 'Asia/Tokyo',
        PGDATESTYLE: 'German',
        PGCLIENTENCODING: 'LATIN1',
        PGCLIENT_ENCODING: 'LATIN1',
        PGCONNECT_TIMEOUT: '1',
        PGTARGETSESSIONATTRS: 'standby',
        PGREPLICATION: 'database',
        PGDATA: '/nowhere',
      });
      const dataDir = makeFolder('environment');
      onTestFinished(() => {
        removeFolder(dataDir);
      });
      // The folder is empty, so that initdb runs as well.
      const server = await startEmbeddedServer({ dataDir });
      onTestFinished(() => server.stop());
      const config = { ...configOf(server.url), dataDir };
      const pincex = await Pincex.open({
        config: { ...config, database: { ...config.database, url: null } },
      });
      onTestFinished(() => pincex.close());
      const userId = await newUser(pincex, { USD: '5' });
      expect(await pincex.bookkeeper.getAccount(userId, 'USD')).toMatchObject({ available: '5' });
      await pincex.ping();
      await expectBalanced(pincex);
      expect((await pincex.doctor()).findings.filter(({ severity }) => severity === 'hurts')).toEqual([]);
    },
  );
});

describe('an external server', () => {
  it('every connection sends PGOPTIONS, and after them the settings that Pincex needs', async () => {
    const { url } = await createDatabase();
    const bare = new URL(url);
    bare.search = '';
    const proxy = await startProxy(bare.href);
    onTestFinished(() => proxy.close());
    const requests: Buffer[] = [];
    proxy.onRequest = (request) => {
      requests.push(request);
      return 'pass';
    };
    setEnvironment({ PGOPTIONS: '-c pincex.mark=1 -c TimeZone=Asia/Tokyo' });
    const replica = { PINCEX_DATABASE_READ_URL: proxy.url };
    const pincex = await Pincex.open({ config: configOf(proxy.url, replica) });
    onTestFinished(() => pincex.close());
    const leases = new Leases(proxy.url, 200, () => undefined);
    leases.keep('0198c5a0-0000-7000-8000-000000000000', 'batch');
    onTestFinished(() => {
      leases.drop('0198c5a0-0000-7000-8000-000000000000');
    });
    await pincex.doctor();
    await expectBalanced(pincex);
    await until('the leases to be renewed', () => startsOf(requests).has('pincex leases'));
    const starts = startsOf(requests);
    expect([...starts.keys()].sort()).toEqual([
      '',
      'pincex',
      'pincex doctor',
      'pincex leases',
      'pincex statistics',
    ]);
    for (const start of starts.values()) {
      expect(start).toMatch(
        /options\0-c pincex\.mark=1 -c TimeZone=Asia\/Tokyo -c TimeZone=UTC -c DateStyle=ISO/,
      );
    }
    const [row] = (
      await pincex.transaction((tx) =>
        tx.client.query(`SELECT current_setting('pincex.mark') AS mark, current_setting('TimeZone') AS zone`),
      )
    ).rows as unknown[];
    expect(row).toEqual({ mark: '1', zone: 'UTC' });
  });

  it('the options of the URL replace PGOPTIONS, as in libpq', async () => {
    const { url } = await createDatabase();
    const own = new URL(url);
    own.search = '?options=-c%20pincex.mark%3Durl';
    setEnvironment({ PGOPTIONS: '-c pincex.mark=environment' });
    const pincex = await Pincex.open({ config: configOf(own.href) });
    onTestFinished(() => pincex.close());
    const { rows } = await pincex.transaction((tx) => tx.client.query('SHOW pincex.mark'));
    expect(rows).toEqual([{ 'pincex.mark': 'url' }]);
  });

  it('PGHOST, PGPORT, PGUSER, PGPASSWORD and PGDATABASE stand in for missing parts of the URL', async () => {
    const { url } = await createDatabase();
    const { hostname, port, username, password, pathname } = new URL(url);
    setEnvironment({
      PGHOST: hostname,
      PGPORT: port,
      PGUSER: username,
      PGPASSWORD: decodeURIComponent(password),
      PGDATABASE: pathname.slice(1),
    });
    for (const bare of ['postgres://', `postgres://${username}@/`, `postgres:///${pathname.slice(1)}`]) {
      const pincex = await Pincex.open({ config: configOf(bare) });
      expectApplied(
        await pincex.bookkeeper.batchDeposit([{ id: bare, userId: 'u', currency: 'USD', amount: '1' }]),
      );
      await pincex.doctor();
      await expectBalanced(pincex);
      await pincex.close();
    }
  });

  it('PGPASSFILE gives the password', async () => {
    const { url } = await createDatabase();
    const bare = new URL(url);
    const folder = makeFolder('pgpass');
    onTestFinished(() => {
      removeFolder(folder);
    });
    const file = path.join(folder, 'pgpass');
    writeFileSync(file, `*:*:*:*:${decodeURIComponent(bare.password)}\n`, { mode: 0o600 });
    bare.password = '';
    setEnvironment({ PGPASSFILE: file });
    const pincex = await Pincex.open({ config: configOf(bare.href) });
    onTestFinished(() => pincex.close());
    await pincex.ping();
  });

  it('a server without TLS is refused if PGSSLMODE requires TLS', async () => {
    const { url } = await createDatabase();
    const bare = new URL(url);
    bare.search = '';
    setEnvironment({ PGSSLMODE: 'require' });
    await expect(Pincex.open({ config: configOf(bare.href) })).rejects.toMatchObject({
      code: 'database_refused',
      message: expect.stringContaining('does not support SSL') as string,
    });
  });
});
