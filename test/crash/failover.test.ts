import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { Pincex } from '../../src/index.ts';
import { configOf, expectApplied, expectBalanced, fresh, newUser, openBooks } from '../support/books.ts';
import { startProxy, type Proxy } from '../support/proxy.ts';
import { TestReplica } from '../support/replica.ts';
import { until } from '../support/waiting.ts';

/** The address of the primary leads to a standby for a while: no call is served from there, and calls go on afterwards. */

let servers: TestReplica;
beforeAll(async () => {
  servers = await TestReplica.start();
});
afterAll(() => servers.remove());

async function openThroughProxy(): Promise<{ pincex: Pincex; proxy: Proxy }> {
  const proxy = await startProxy(servers.primaryUrl);
  const pincex = await Pincex.open({ config: configOf(proxy.url) });
  onTestFinished(async () => {
    proxy.reopen();
    await pincex.close();
    await proxy.close();
  });
  return { pincex, proxy };
}

/** Ends all connections, and leads new ones to that server. */
function moveTo(proxy: Proxy, url: string): void {
  proxy.shut();
  proxy.leadTo(url);
  proxy.reopen();
}

/** The error of a ping, or an empty text if it succeeds. */
const whyNot = (pincex: Pincex): Promise<string> =>
  pincex.ping().then(
    () => '',
    (error: unknown) => String(error),
  );

const READ_ONLY = {
  name: 'PincexError',
  code: 'database_unavailable',
  retryable: true,
  message: expect.stringContaining('This server is read-only (it is a standby); wait until') as string,
};

const deposit = (userId: string) => ({ id: fresh('deposit'), userId, currency: 'USD', amount: '1' });

describe('a process whose primary address leads to a standby', () => {
  it('the pool keeps no connection to a standby, and waiting batches are applied once the address leads back', async () => {
    const { pincex, proxy } = await openThroughProxy();
    const userId = await newUser(pincex, { USD: '5' });
    await servers.catchUp();
    let refusals = 0;
    moveTo(proxy, servers.replicaUrl);
    proxy.onRequest = (request) => {
      if (request.includes('pg_is_in_recovery')) refusals++;
      return 'pass';
    };
    const ping = () => pincex.ping();
    await until('the pool to notice', async () => (await whyNot(pincex)).includes('read-only'));
    await expect(ping()).rejects.toMatchObject(READ_ONLY);
    await expect(pincex.transaction(() => Promise.resolve())).rejects.toMatchObject(READ_ONLY);
    await expect(openBooks(proxy.url)).rejects.toMatchObject(READ_ONLY);
    const batches = Array.from({ length: 20 }, () => pincex.bookkeeper.batchDeposit([deposit(userId)]));
    const before = refusals;
    await until('the batches to be refused', () => refusals > before + 20);
    // Connections to the standby are not cut: the pool itself has to give them up.
    proxy.leadTo(servers.primaryUrl);
    for (const batch of batches) expectApplied(await batch);
    for (let n = 0; n < 20; n++) await ping();
    expectApplied(await pincex.bookkeeper.batchDeposit([deposit(userId)]));
    expect(await servers.replica(`SELECT FROM pg_stat_activity WHERE application_name = 'pincex'`)).toEqual(
      [],
    );
    await expectBalanced(pincex);
  });

  it('batches go on at a standby once it is promoted', async () => {
    const { pincex, proxy } = await openThroughProxy();
    const userId = await newUser(pincex, { USD: '5' });
    await servers.catchUp();
    moveTo(proxy, servers.replicaUrl);
    const batch = pincex.bookkeeper.batchDeposit([deposit(userId)]);
    await servers.replica('SELECT pg_promote()');
    expectApplied(await batch);
    expect(await pincex.bookkeeper.getAccount(userId, 'USD')).toMatchObject({ available: '6' });
    await pincex.ping();
    await expectBalanced(pincex);
  });
});

it('a primary with default_transaction_read_only is refused as read-only until the setting is reset', async () => {
  const { pincex, proxy } = await openThroughProxy();
  const userId = await newUser(pincex, { USD: '5' });
  await servers.primary(`ALTER SYSTEM SET default_transaction_read_only = on`);
  await servers.primary('SELECT pg_reload_conf()');
  const why = () => whyNot(pincex);
  await until('it to be read-only', async () =>
    (await why()).includes('default_transaction_read_only is on'),
  );
  await expect(openBooks(proxy.url)).rejects.toMatchObject({ code: 'database_unavailable' });
  const batch = pincex.bookkeeper.batchDeposit([deposit(userId)]);
  await servers.primary(`ALTER SYSTEM RESET default_transaction_read_only`);
  await servers.primary('SELECT pg_reload_conf()');
  expectApplied(await batch);
  await until('it to take writes', async () => (await why()) === '');
});
