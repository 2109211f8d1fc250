/**
 * The HTTP service and its client: a service in this process, and calls to it over a real connection. Shows a batch
 * with a result for each item, an atomic one that is rejected, an error to switch on, and a stream.
 *
 * Run it with `npx tsx examples/http-client.ts`; where the package is installed, `npx tsx node_modules/pincex/examples/http-client.ts`.
 */
import { randomUUID } from 'node:crypto';
import { loadConfig, Pincex, startService } from 'pincex';
import { PincexClient, PincexClientError } from 'pincex/client';

const run = randomUUID().slice(0, 8);
const frank = `frank-${run}`;
const grace = `grace-${run}`;

// The service is usually another process, `pincex start`. Here it takes any free port.
const config = loadConfig();
const pincex = await Pincex.open({ config: { ...config, service: { ...config.service, port: 0 } } });
const service = await startService(pincex);
// The same as `pincex keys create --name example --scope read --scope funds:write --expires 1h`.
const { key } = await pincex.apiKeys.create({
  name: 'example',
  scopes: ['read', 'funds:write'],
  expiresAt: new Date(Date.now() + 3_600_000),
});
try {
  const client = new PincexClient({ url: service.url, key });

  const deposits = await client.batchDeposit([
    { id: 'deposit-1', userId: frank, currency: 'USD', amount: '100' },
    { id: 'deposit-1', userId: grace, currency: 'USD', amount: '7.50' },
  ]);
  console.log(`deposits: ${deposits.status}, ${deposits.counts.applied} of ${deposits.counts.total}`);

  const transfers = [
    { id: 'transfer-1', userId: frank, toUserId: grace, currency: 'USD', amount: '40' },
    { id: 'transfer-2', userId: grace, toUserId: frank, currency: 'USD', amount: '1000' },
  ];
  for (const mode of ['atomic', 'partial'] as const) {
    const batch = await client.batchTransfer(transfers, { mode });
    console.log(`${mode}: ${batch.status}`);
    for (const result of batch.results) {
      if (result.status === 'rejected') console.log(`  ${result.index} rejected: ${result.error.code}`);
      else console.log(`  ${result.index} ${result.status}`);
    }
  }

  try {
    await client.batchGetOrderBooks(['BTC/USD'], 1_000_000);
  } catch (error) {
    if (!(error instanceof PincexClientError)) throw error;
    console.log(`order books: ${error.code}, ${error.retryable ? 'later perhaps' : 'not like this'}`);
  }

  for await (const { userId, available } of client.streamAccounts()) {
    if (userId === frank || userId === grace) console.log(`${userId.split('-', 1)[0]}: ${available}`);
  }
} finally {
  await service.stop();
}
const audit = await pincex.audit();
console.log(`audit: ${audit.ok ? 'ok' : 'BROKEN'}`);
await pincex.close();
