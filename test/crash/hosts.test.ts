import net from 'node:net';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { connect, open } from '../../src/database/client.ts';
import type { SessionAttributes } from '../../src/database/connection/destination.ts';
import { Pincex, PincexError } from '../../src/index.ts';
import { configOf, expectApplied, expectBalanced, fresh, newUser } from '../support/books.ts';
import { startProxy, type Proxy } from '../support/proxy.ts';
import { TestReplica } from '../support/replica.ts';
import { until } from '../support/waiting.ts';

/** A URL with several hosts leads to the host that libpq would choose, and a process follows the primary. */

let servers: TestReplica;
beforeAll(async () => {
  servers = await TestReplica.start();
});
afterAll(() => servers.remove());

const portOf = (url: string): string => new URL(url).port;

/** The URL of the primary with these hosts, by their ports. */
function urlWith(ports: readonly (string | number)[], wanted?: SessionAttributes): string {
  const { username, password, pathname } = new URL(servers.primaryUrl);
  const hosts = ports.map((port) => `127.0.0.1:${port}`).join(',');
  const query = wanted === undefined ? '' : `?target_session_attrs=${wanted}`;
  return `postgres://${username}:${password}@${hosts}${pathname}${query}`;
}

/** A server that accepts connections and sends nothing, like a frozen one. */
async function startSilence(): Promise<{ port: number; readonly taken: number }> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    port: (server.address() as net.AddressInfo).port,
    get taken() {
      return sockets.size;
    },
  };
}

/** Connects to the URL and tells which server answers. */
async function placeOf(url: string, connectionTimeoutMillis = 10_000): Promise<string> {
  const { client, host } = await open({ connectionString: url, connectionTimeoutMillis });
  try {
    const { rows } = await client.query<{ port: string }>(`SELECT current_setting('port') AS port`);
    const [row] = rows;
    expect(host.name).toBe(`127.0.0.1:${row?.port}`);
    return row?.port === portOf(servers.primaryUrl) ? 'primary' : 'standby';
  } finally {
    await client.end();
  }
}

describe('target_session_attrs with a primary and a standby', () => {
  it.each([
    ['any', 'primary', 'standby'],
    ['read-write', 'primary', 'primary'],
    ['primary', 'primary', 'primary'],
    ['read-only', 'standby', 'standby'],
    ['standby', 'standby', 'standby'],
    ['prefer-standby', 'standby', 'standby'],
  ] as const)(
    'target_session_attrs=%s leads to the %s if the primary is listed first, and to the %s if the standby is',
    async (wanted, first, second) => {
      const [primary, standby] = [servers.primaryUrl, servers.replicaUrl].map(portOf) as [string, string];
      expect(await placeOf(urlWith([primary, standby], wanted))).toBe(first);
      expect(await placeOf(urlWith([standby, primary], wanted))).toBe(second);
    },
  );

  it('a lone primary is accepted by prefer-standby and refused by standby', async () => {
    const port = portOf(servers.primaryUrl);
    expect(await placeOf(urlWith([1, port], 'prefer-standby'))).toBe('primary');
    const error: unknown = await connect(urlWith([port], 'standby')).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'database_unavailable',
      message: expect.stringContaining('wants a server that is standby') as string,
    });
  });

  it('a primary with default_transaction_read_only counts as read-only and as primary, and not as read-write', async () => {
    const port = portOf(servers.primaryUrl);
    const told = '&options=-c%20default_transaction_read_only%3Don';
    expect(await placeOf(`${urlWith([port], 'read-only')}${told}`)).toBe('primary');
    expect(await placeOf(`${urlWith([port], 'primary')}${told}`)).toBe('primary');
    await expect(connect(`${urlWith([port], 'read-write')}${told}`)).rejects.toThrow(
      'This server is read-only (default_transaction_read_only is on)',
    );
  });
});

describe('a host of a URL with several hosts', () => {
  it('a host that refuses connections, or does not answer in its share of the time, is passed over', async () => {
    const { port } = await startSilence();
    expect(await placeOf(urlWith([1, port, portOf(servers.primaryUrl)], 'read-write'), 6_000)).toBe(
      'primary',
    );
  });

  it('no other host is tried after one that refuses the password', async () => {
    const silence = await startSilence();
    const url = urlWith([portOf(servers.primaryUrl), silence.port], 'read-write');
    await expect(connect(url.replace(/:\w+@/, ':wrong@'))).rejects.toMatchObject({
      code: 'database_refused',
      message: expect.stringContaining('28P01') as string,
    });
    expect(silence.taken).toBe(0);
  });

  it('every host is named with its problem if none of them serves', async () => {
    const standby = portOf(servers.replicaUrl);
    const error: unknown = await connect(urlWith([1, standby], 'read-write')).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(PincexError);
    expect(error).toMatchObject({ code: 'database_unavailable', retryable: true });
    expect((error as PincexError).message).toMatch(
      new RegExp(
        `^None of the hosts of the database serves: 127.0.0.1:1: .*ECONNREFUSED.*; 127.0.0.1:${standby}: This server is read-only`,
      ),
    );
  });
});

/** The primary and the standby, each behind a proxy, and the books at both. */
async function openAtBoth(): Promise<{ pincex: Pincex; url: string; primary: Proxy; standby: Proxy }> {
  const [primary, standby] = [await startProxy(servers.primaryUrl), await startProxy(servers.replicaUrl)];
  const url = urlWith([portOf(standby.url), portOf(primary.url)], 'read-write');
  const pincex = await Pincex.open({ config: configOf(url) });
  onTestFinished(async () => {
    for (const proxy of [primary, standby]) proxy.reopen();
    await pincex.close();
    for (const proxy of [primary, standby]) await proxy.close();
  });
  return { pincex, url, primary, standby };
}

it('a process goes on at the new primary after a failover, with its pool, its audit, its doctor and its reports', async () => {
  const { pincex, url, primary } = await openAtBoth();
  const userId = await newUser(pincex, { USD: '5' });
  const deposit = (id: string) => ({ id, userId, currency: 'USD', amount: '1' });
  await servers.catchUp();
  primary.shut();
  const batches = Array.from({ length: 20 }, (_, n) => pincex.bookkeeper.batchDeposit([deposit(`d${n}`)]));
  await until('the standby to be asked, and found to be one', () => primary.refused > 0);
  await servers.replica('SELECT pg_promote()');
  const promoted = new Date();
  for (const batch of batches) expectApplied(await batch);
  // Calls that are not retried, and calls with connections of their own.
  await pincex.ping();
  await pincex.transaction(async (tx) => {
    expectApplied(await tx.bookkeeper.batchDeposit([deposit('in-transaction')]));
  });
  expect(await pincex.bookkeeper.getAccount(userId, 'USD')).toMatchObject({
    available: '26',
  });
  await expectBalanced(pincex);
  const report = await pincex.doctor();
  expect(report.findings.filter(({ check }) => check === 'migrations')).toEqual([]);
  expect(await servers.replica('SELECT FROM processes WHERE seen_at > $1', [promoted])).toHaveLength(1);
  const other = await Pincex.open({ config: configOf(url) });
  expectApplied(await other.bookkeeper.batchDeposit([{ ...deposit('other'), userId: fresh('user') }]));
  await other.close();
});

it('a process leaves a primary that became read-only for one that takes writes', async () => {
  const url = urlWith([servers.primaryUrl, servers.replicaUrl].map(portOf), 'read-write');
  const pincex = await Pincex.open({ config: configOf(url) });
  onTestFinished(() => pincex.close());
  const userId = await newUser(pincex, { USD: '5' });
  expect(await servers.primary('SELECT FROM accounts WHERE user_id = $1', [userId])).toHaveLength(1);
  await servers.primary(`ALTER SYSTEM SET default_transaction_read_only = on`);
  await servers.primary('SELECT pg_reload_conf()');
  await until('it to be read-only', async () => {
    const [row] = await servers.primary<{ told: string }>(
      `SELECT current_setting('default_transaction_read_only') AS told`,
    );
    return row?.told === 'on';
  });
  const userOfOther = await newUser(pincex, { USD: '5' });
  expect(await servers.replica('SELECT FROM accounts WHERE user_id = $1', [userOfOther])).toHaveLength(1);
  await pincex.ping();
});
