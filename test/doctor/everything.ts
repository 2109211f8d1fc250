import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { expect, vi } from 'vitest';
import { Alerting } from '../../src/background/alerting.ts';
import type { CatalogStore } from '../../src/catalog/store.ts';
import { withClient } from '../../src/database/client.ts';
import type { Write } from '../../src/engine/write.ts';
import type { ApiKeys } from '../../src/apiKeys/store.ts';
import { Requests } from '../../src/requests/requests.ts';
import type { Run } from '../../src/requests/run.ts';
import type { Bookkeeper, MixedItem, Pincex, Strategy, Trading } from '../../src/index.ts';
import { LiveFeed } from '../../src/live/feed.ts';
import { countOrdersInBooks } from '../../src/reads/openOrders.ts';
import { countTrades } from '../../src/reads/trades.ts';
import { openWithAlerts, recordingLog, SECRET, startReceiver } from '../alerts/support.ts';
import { money, plans, Sender, world } from '../model/generate.ts';
import { Model } from '../model/model.ts';
import { fresh, newUser, openBooks } from '../support/books.ts';
import { until } from '../support/waiting.ts';

/** Makes every call that the system has, so that every statement is issued. */
export async function callEverything(url: string, strategy: Strategy): Promise<void> {
  const pincex = await openBooks(url, { strategy });
  try {
    const user = await newUser(pincex, { USD: '1000', BTC: '1000' });
    const own = [bookkeeperCalls(pincex, user), tradingCalls(pincex, user)];
    const groups = [...own, catalogCalls(pincex), keyCalls(pincex)];
    for (const call of Object.values(keyCalls(pincex))) await call();
    for (const calls of [...groups, pincexCalls(pincex, user)]) {
      for (const call of Object.values(calls) as (() => Promise<unknown>)[]) await call();
    }
    await callAtRandom(pincex);
    const lost = { id: fresh('d'), userId: user, currency: 'USD', amount: '1' };
    await pincex.bookkeeper.deposit(lost);
    await withClient(url, (client) => client.query('DELETE FROM operations WHERE id = $1', [lost.id]));
    await pincex.bookkeeper.deposit(lost);
  } finally {
    await pincex.close();
  }
}

/** Random batches of all commands, so that the two statements of a batch are issued in many combinations of parts. */
async function callAtRandom(pincex: Pincex): Promise<void> {
  for (const { symbol, tick, lot, minNotional } of world.markets) {
    await pincex.catalog.addMarket(symbol, tick, lot, minNotional);
  }
  const model = new Model(world);
  const sender = new Sender(model);
  const run = async ({ items, mode }: typeof money): Promise<void> => {
    model.run(items, mode);
    await pincex.execute(items as MixedItem[], { mode });
  };
  await run(money);
  for (const sequence of fc.sample(plans, { numRuns: 10, seed: 7 })) {
    for (const plan of sequence) await run(sender.batchOf(plan));
  }
}

/** One call for each method that callers have; the compiler reports a method that is missing. */
type Calls<Of, Except = never> = Readonly<Record<Exclude<keyof Of, Except>, () => Promise<unknown>>>;

function bookkeeperCalls({ bookkeeper }: Pincex, user: string): Calls<Bookkeeper> {
  const money = (id: string) => ({ id: fresh(id), userId: user, currency: 'USD', amount: '1' });
  const account = () => ({ id: fresh('a'), userId: fresh('user'), currency: 'USD' });
  const hold = { ...money('hold'), orderId: fresh('order') };
  return {
    batchGetAccounts: () => bookkeeper.batchGetAccounts([user], ['USD']),
    getAccount: () => bookkeeper.getAccount(user, 'USD'),
    batchGetAccountStatements: () =>
      bookkeeper.batchGetAccountStatements([{ userId: user, currency: 'USD' }]),
    getAccountStatement: () => bookkeeper.getAccountStatement(user, 'USD'),
    batchCreateAccounts: () => bookkeeper.batchCreateAccounts([account()]),
    createAccount: () => bookkeeper.createAccount(account()),
    batchDeposit: () => bookkeeper.batchDeposit([money('d')]),
    deposit: () => bookkeeper.deposit(money('d')),
    batchWithdraw: () => bookkeeper.batchWithdraw([money('w')]),
    withdraw: () => bookkeeper.withdraw(money('w')),
    batchTransfer: () => bookkeeper.batchTransfer([{ ...money('t'), toUserId: fresh('user') }]),
    transfer: () => bookkeeper.transfer({ ...money('t'), toUserId: fresh('user') }),
    batchLockFunds: () => bookkeeper.batchLockFunds([hold]),
    lockFunds: () => bookkeeper.lockFunds({ ...hold, id: fresh('l') }),
    batchUnlockFunds: () => bookkeeper.batchUnlockFunds([{ ...hold, id: fresh('u') }]),
    unlockFunds: () => bookkeeper.unlockFunds({ ...hold, id: fresh('u') }),
  };
}

function tradingCalls({ trading }: Pincex, user: string): Calls<Trading> {
  const order = (side: 'buy' | 'sell' = 'buy') =>
    ({
      id: fresh(side),
      userId: user,
      symbol: 'BTC/USD',
      side,
      type: 'limit',
      quantity: '1',
      price: '2',
    }) as const;
  const [placed, buy, sell, created] = [order(), order(), order('sell'), order()];
  const [single, renamed] = [order(), order()];
  const cancel = (orderId: string) => ({ id: fresh('c'), userId: user, orderId });
  const trade = () =>
    ({
      id: fresh('trade'),
      symbol: 'BTC/USD',
      price: '2',
      quantity: '0.25',
      buyUserId: user,
      buyOrderId: buy.id,
      sellUserId: user,
      sellOrderId: sell.id,
      takerSide: 'buy',
      buyFee: '0.01',
    }) as const;
  /* eslint-disable @typescript-eslint/no-deprecated -- earlier names are called for as long as they are there */
  return {
    batchPlaceOrders: () => trading.batchPlaceOrders([placed, buy, sell]),
    placeOrder: () => trading.placeOrder(single),
    placeOrders: () => trading.placeOrders([renamed]),
    batchCancelOrders: () => trading.batchCancelOrders([cancel(placed.id)]),
    cancelOrder: () => trading.cancelOrder(cancel(single.id)),
    cancelOrders: () => trading.cancelOrders([cancel(renamed.id)]),
    batchSettleTrades: () => trading.batchSettleTrades([trade()]),
    settleTrade: () => trading.settleTrade(trade()),
    settleTrades: () => trading.settleTrades([trade()]),
    /* eslint-enable @typescript-eslint/no-deprecated */
    batchCreateOrders: () => trading.batchCreateOrders([created]),
    createOrder: () => trading.createOrder(order()),
    batchUpdateOrderStatus: () =>
      trading.batchUpdateOrderStatus([
        {
          id: fresh('s'),
          userId: user,
          orderId: created.id,
          status: 'partially_filled',
          filledQuantity: '0.5',
        },
      ]),
    updateOrderStatus: () =>
      trading.updateOrderStatus({ id: fresh('s'), userId: user, orderId: created.id, status: 'cancelled' }),
    batchGetOrdersByIds: () => trading.batchGetOrdersByIds([buy.id]),
    getOrder: () => trading.getOrder(buy.id),
    batchGetUserOrders: async () => {
      await trading.batchGetUserOrders([user]);
      await trading.batchGetUserOrders([user], { symbol: 'BTC/USD' });
      await trading.batchGetUserOrders([user], { symbol: 'BTC/USD', statuses: ['open'] });
    },
    getUserOrders: () => trading.getUserOrders(user),
    batchGetOpenOrdersByUsers: () => trading.batchGetOpenOrdersByUsers([user]),
    batchGetTradesByOrderIds: () => trading.batchGetTradesByOrderIds([buy.id]),
    batchGetOrderBooks: () => trading.batchGetOrderBooks(['BTC/USD']),
    getOrderBook: () => trading.getOrderBook('BTC/USD'),
    batchGetOpenOrders: () => trading.batchGetOpenOrders(['BTC/USD']),
  };
}

function catalogCalls({ catalog, session }: Pincex): Calls<CatalogStore> {
  const code = fresh('C').replace(/\W/g, '').slice(0, 12).toUpperCase();
  return {
    get: () => catalog.get(),
    known: () => catalog.known(),
    refreshed: () => catalog.refreshed(),
    reread: () => catalog.reread(),
    readAhead: () => catalog.readAhead(session),
    addCurrency: () => catalog.addCurrency(code, 2),
    addMarket: () => catalog.addMarket(`${code}/USD`, '0.01', '0.01'),
    setMinNotional: () => catalog.setMinNotional(`${code}/USD`, '1'),
    setPriceBand: () => catalog.setPriceBand(`${code}/USD`, { lowest: '1', highest: '2' }),
  };
}

function keyCalls({ apiKeys: keys }: Pincex): Calls<ApiKeys> {
  const id = '0123456789abcdef';
  return {
    create: () => keys.create({ name: 'ann', scopes: ['read'] }),
    createFirst: () => keys.createFirst(),
    list: () => keys.list(),
    find: () => keys.find([id]),
    revoke: () => expect(keys.revoke(id)).rejects.toThrow('No API key'),
  };
}

/** Properties that only show something of Pincex and issue no statement. */
type Shown = Exclude<keyof Pincex, string> | 'toJSON' | 'url' | 'connectionString' | 'pools' | 'serverEnded';
type Parts =
  Shown | 'config' | 'bookkeeper' | 'trading' | 'catalog' | 'apiKeys' | 'statistics' | 'diagnostics';

function pincexCalls(pincex: Pincex, user: string): Calls<Pincex, Parts | 'close'> {
  const past = '2020-01-01T00:00:00Z';
  const deposit = (): MixedItem => ({
    command: 'deposit',
    id: fresh('m'),
    userId: user,
    currency: 'USD',
    amount: '9',
  });
  return {
    execute: () => pincex.execute([deposit()]),
    transaction: async () => {
      await pincex.transaction((tx) => tx.execute([deposit()]));
      const undone = pincex.transaction(() => Promise.reject(new Error('undone')));
      await expect(undone).rejects.toThrow('undone');
    },
    run: () => pincex.run('mixed', [deposit()]),
    session: async () => {
      const request = {
        caller: user,
        route: '/',
        key: fresh('key'),
        hash: '',
        items: [[user, 'd']],
      } as const;
      const begin = async (requests: Requests) => {
        const begun = await requests.begin({ ...request, batchId: randomUUID() });
        if (begun.kind === 'run') return begun.run;
        throw new Error(`Nobody else runs it, and it is ${begun.kind}`);
      };
      const answer = { status: 200, body: '{}' };
      const writeWith = (write: Write) => pincex.run('mixed', [], { writeWith: [write] });
      const finish = async (run: Run) => {
        await writeWith(() => run.partFor(answer));
        run.onWritten();
      };
      await renewedOnce(pincex, async (renewed) => {
        const short = new Requests(pincex, { retentionMs: 0, leaseMs: LEASE_MS });
        const run = await begin(short);
        await renewed(run.batchId);
        await finish(run);
      });
      const requests = new Requests(pincex);
      const released = await begin(requests);
      await released.release();
      await requests.outcome(released.batchId, user, false);
      await finish(await begin(requests));
      const writer = requests.answerWriter({ caller: user, route: '/', batchId: randomUUID() });
      await writeWith(() => writer.partFor(answer));
      writer.onWritten();
      await requests.stop();
      await requests.sweep();
      await countTrades(pincex.session, ['order'], 1);
      await countOrdersInBooks(pincex.session, ['BTC/USD'], 1);
    },
    sweepExpired: async () => {
      const own = { userId: user, currency: 'USD', amount: '1', expiresAt: past };
      await pincex.bookkeeper.lockFunds({ ...own, id: fresh('l'), orderId: fresh('o') });
      return pincex.sweepExpired();
    },
    audit: () => pincex.audit(),
    alerts: () => alertCalls(pincex),
    ping: () => pincex.ping(),
    doctor: () => pincex.doctor(),
    monitor: async () => {
      await pincex.monitor.getMetrics({ all: true });
      const feed = new LiveFeed(pincex, { version: '0.0.0', onError: throwing });
      (await feed.open(null))?.destroy();
      feed.close();
    },
    streamAccounts: () => toEnd(pincex.streamAccounts()),
    streamOrders: () => toEnd(pincex.streamOrders()),
    streamTrades: () => toEnd(pincex.streamTrades()),
    streamJournal: () => toEnd(pincex.streamJournal()),
    streamOperations: () => toEnd(pincex.streamOperations()),
  };
}

const throwing = (error: unknown): never => {
  throw error;
};

/** Raises an alert, which the webhook takes at the second attempt only, and acknowledges it. */
async function alertCalls({ connectionString }: Pincex): Promise<void> {
  const webhook = await startReceiver();
  const settings = { poolUse: 0, webhook: { url: webhook.url, secret: SECRET } };
  const pincex = await openWithAlerts(connectionString, settings);
  try {
    const alerting = new Alerting(pincex, recordingLog());
    const tickAfter = async (sql: string) => {
      await withClient(connectionString, (client) => client.query(sql));
      await alerting.tick();
      await alerting.idle();
    };
    webhook.answer = 500;
    await tickAfter('UPDATE last_audit SET findings = 1');
    const [alert] = await pincex.alerts.list();
    await pincex.alerts.acknowledge(alert!.id, { by: 'ann' });
    webhook.answer = 204;
    await tickAfter('UPDATE alert_deliveries SET next_at = now()');
    await tickAfter('UPDATE last_audit SET findings = 0');
    await alerting.stop();
    expect(webhook.events).toEqual(['firing audit', 'firing audit', 'resolved audit']);
  } finally {
    await pincex.close();
    await webhook.close();
  }
}

const LEASE_MS = 60_000;

/** Lets the timer of leases fire, and waits until the lease of a batch is renewed. */
async function renewedOnce(
  { connectionString }: Pincex,
  work: (renewed: (batchId: string) => Promise<void>) => Promise<void>,
): Promise<void> {
  // Only the timers that trigger a renewal are faked: the connection that renews is real and needs real time.
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  try {
    await withClient(connectionString, async (client) => {
      const leaseOf = async (batchId: string): Promise<string | undefined> => {
        const text = `SELECT lease_until::text AS lease FROM requests WHERE batch_id = '${batchId}'`;
        return (await client.query<{ lease: string }>(text)).rows[0]?.lease;
      };
      await work(async (batchId) => {
        const before = await leaseOf(batchId);
        vi.advanceTimersByTime(LEASE_MS / 2);
        await until('the lease to be renewed', async () => (await leaseOf(batchId)) !== before);
      });
    });
  } finally {
    vi.useRealTimers();
  }
}

async function toEnd(rows: AsyncIterable<unknown>): Promise<void> {
  for await (const row of rows) expect(row).toBeDefined();
}
