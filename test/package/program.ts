/** A program that uses the package. The compilers of users compile it; it is never run. */
import {
  limits,
  loadConfig,
  OUTSIDE,
  Pincex,
  PincexError,
  startService,
  type AuditReport,
  type BatchResult,
  type Config,
  type Funds,
  type ItemResult,
  type Logger,
  type Market,
  type MixedItem,
  type Service,
  type TransactionClient,
} from 'pincex';
import { detectNPlusOne, expectNoNPlusOne, watchPool, type Loop, type PoolLike } from 'pincex/n-plus-one';
import { PincexClient, PincexClientError, type ItemResult as AnswerTo } from 'pincex/client';

const config: Config = loadConfig({ cwd: undefined, env: { DATABASE_URL: undefined }, file: undefined });

export async function library(logger: Logger | undefined, later: Date | undefined): Promise<string[]> {
  const pincex = await Pincex.open({
    config,
    strategy: undefined,
    logger,
    onStatement: undefined,
    onCacheRead: undefined,
    onProgress: undefined,
  });
  const { bookkeeper, trading, catalog, apiKeys } = pincex;
  const locked: ItemResult<Funds> = await bookkeeper.lockFunds({
    id: 'lock',
    userId: 'ann',
    currency: 'USD',
    amount: '1',
    orderId: 'order',
  });
  const said: string[] = [String(limits.batches.items), OUTSIDE];
  if (locked.status === 'applied') said.push(locked.data.available);
  const items: MixedItem[] = [
    { command: 'deposit', id: 'd', userId: 'ann', currency: 'USD', amount: '1' },
    {
      command: 'placeOrder',
      id: 'o',
      userId: 'ann',
      symbol: 'BTC/USD',
      side: 'buy',
      type: 'limit',
      quantity: '1',
      price: '1',
    },
  ];
  const batch: BatchResult<unknown> = await pincex.execute(items);
  for (const [index, { code, message }] of batch.failedItems) said.push(`${index} ${code} ${message}`);
  const account = await bookkeeper.getAccount('ann', 'USD', { minVersion: undefined });
  await bookkeeper.batchGetAccounts(['ann'], ['USD'], { minVersions: undefined });
  const [orders] = await trading.batchGetUserOrders(['ann'], {
    statuses: undefined,
    symbol: undefined,
    limit: undefined,
    fresh: undefined,
  });
  await trading.batchGetOpenOrdersByUsers(['ann'], { limit: undefined, fresh: undefined });
  const market: Market = await catalog.addMarket('BTC/USD', '0.01', '0.01', undefined);
  for await (const { userId, balance } of pincex.streamAccounts({ after: undefined }))
    said.push(userId, balance);
  const names = await pincex.transaction(async ({ client }) => ownRows(client));
  const service: Service = await startService(pincex, { logger });
  const { key } = await apiKeys.create({
    name: 'a',
    scopes: ['read'],
    expiresAt: later,
    rateLimit: undefined,
  });
  await service.stop();
  const audit: AuditReport = await pincex.audit();
  return [
    ...said,
    ...names,
    key,
    market.symbol,
    account?.balance ?? '',
    orders?.[0]?.id ?? '',
    String(audit.ok),
  ];
}

async function ownRows(client: TransactionClient): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>('SELECT name FROM mine WHERE id = $1', ['1']);
  const others = await client.query({ text: 'TABLE mine', values: undefined });
  return [...rows.map(({ name }) => name), ...others.rows.map((row) => row['name'] ?? 'none')];
}

export async function client(): Promise<string> {
  const pincex = new PincexClient({
    url: 'http://localhost',
    key: '',
    fetch: undefined,
    maxRetries: undefined,
    timeoutMs: undefined,
  });
  const options = { mode: undefined, batchId: undefined, idempotencyKey: undefined, signal: undefined };
  const lock = { id: 'l', userId: 'ann', currency: 'USD', amount: '1', orderId: 'o' };
  const { results } = await pincex.batchLockFunds(
    [{ ...lock, expiresAt: undefined, group: undefined }],
    options,
  );
  const [locked]: readonly AnswerTo<{ readonly available: string }>[] = results;
  await pincex.batchGetUserOrders(['ann'], { statuses: undefined, symbol: undefined, limit: undefined });
  await pincex.batchGetAccounts(['ann'], ['USD'], { minVersions: undefined, timeoutMs: undefined });
  for await (const { balance } of pincex.streamAccounts({ after: undefined })) return balance;
  return locked?.status === 'applied' ? locked.data.available : 'none';
}

export async function loops(pool: PoolLike): Promise<readonly Loop[]> {
  const detector = detectNPlusOne({ threshold: undefined });
  const unwatch = watchPool(pool);
  const one: number = await expectNoNPlusOne(() => Promise.resolve(1), { threshold: undefined });
  detector.run(() => one);
  unwatch();
  detector.stop();
  return detector.loops;
}

export function isOurs(error: unknown): boolean {
  return error instanceof PincexError || error instanceof PincexClientError;
}
