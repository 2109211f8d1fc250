import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import pg from 'pg';
import { beforeAll, afterAll, describe, expect, it, vi } from 'vitest';
import type { CatalogStore } from '../../src/catalog/store.ts';
import { withClient } from '../../src/database/client.ts';
import { commentHints, settingHints } from '../../src/database/hints.ts';
import type { Statement } from '../../src/database/statement.ts';
import { explain, plans as plansCheck, strayScans, type Scan } from '../../src/doctor/plans.ts';
import { issuedStatements } from '../../src/doctor/statements.ts';
import { KeyStore } from '../../src/http/access/store.ts';
import type { EngineOptions } from '../../src/engine/engine.ts';
import type { Run } from '../../src/http/requests/run.ts';
import { Requests } from '../../src/http/requests/requests.ts';
import { thresholds } from '../../src/doctor/thresholds.ts';
import { countTrades } from '../../src/reads/trades.ts';
import type { Bookkeeper, MixedItem, Pincex, Strategy, Trading } from '../../src/index.ts';
import { money, plans, Sender, world } from '../model/generate.ts';
import { Model } from '../model/model.ts';
import { fresh, newUser, openBooks } from '../support/books.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { until } from '../support/waiting.ts';
import { about, connected, examine, follow, found, patient } from './support.ts';

/** Every method that callers have; the compiler asks for those that come. */
type Calls<Of, Except = never> = Readonly<Record<Exclude<keyof Of, Except>, () => Promise<unknown>>>;

function bookkeeperCalls({ bookkeeper }: Pincex, user: string): Calls<Bookkeeper> {
  const money = (id: string) => ({ id: fresh(id), userId: user, currency: 'USD', amount: '1' });
  const account = () => ({ id: fresh('a'), userId: fresh('user'), currency: 'USD' });
  const hold = { ...money('hold'), orderId: fresh('order') };
  return {
    batchGetAccounts: () => bookkeeper.batchGetAccounts([user], ['USD']),
    getAccount: () => bookkeeper.getAccount(user, 'USD'),
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
  return {
    placeOrders: () => trading.placeOrders([placed, buy, sell]),
    cancelOrders: () => trading.cancelOrders([{ id: fresh('c'), userId: user, orderId: placed.id }]),
    settleTrades: () =>
      trading.settleTrades([
        {
          id: fresh('trade'),
          symbol: 'BTC/USD',
          price: '2',
          quantity: '0.5',
          buyUserId: user,
          buyOrderId: buy.id,
          sellUserId: user,
          sellOrderId: sell.id,
          takerSide: 'buy',
          buyFee: '0.01',
        },
      ]),
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
  };
}

function catalogCalls({ catalog }: Pincex): Calls<CatalogStore> {
  const code = fresh('C').replace(/\W/g, '').slice(0, 12).toUpperCase();
  return {
    get: () => catalog.get(),
    refreshed: () => catalog.refreshed(),
    reread: () => catalog.reread(),
    addCurrency: () => catalog.addCurrency(code, 2),
    addMarket: () => catalog.addMarket(`${code}/USD`, '0.01', '0.01'),
  };
}

function keyCalls({ session }: Pincex): Calls<KeyStore> {
  const keys = new KeyStore(session);
  const id = '0123456789abcdef';
  return {
    create: () => keys.create({ name: 'ann', scopes: ['read'] }),
    createFirst: () => keys.createFirst(),
    list: () => keys.list(),
    find: () => keys.find([id]),
    revoke: () => expect(keys.revoke(id)).rejects.toThrow('No API key'),
  };
}

type Parts = 'config' | 'bookkeeper' | 'trading' | 'catalog' | 'url';

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
      const writeWith = (alongside: Required<EngineOptions>['alongside']) => {
        const options: EngineOptions = { alongside };
        return pincex.execute([], options);
      };
      const finish = async (run: Run) => {
        await writeWith(() => run.answered(answer));
        run.end();
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
      await writeWith(() => requests.noted({ caller: user, route: '/', batchId: randomUUID() }, answer));
      await requests.sweep();
      await countTrades(pincex.session, ['order'], 1);
    },
    sweepExpired: async () => {
      const own = { userId: user, currency: 'USD', amount: '1', expiresAt: past };
      await pincex.bookkeeper.lockFunds({ ...own, id: fresh('l'), orderId: fresh('o') });
      return pincex.sweepExpired();
    },
    audit: () => pincex.audit(),
    ping: () => pincex.ping(),
    doctor: () => pincex.doctor(),
    streamAccounts: () => toEnd(pincex.streamAccounts()),
    streamOrders: () => toEnd(pincex.streamOrders()),
    streamTrades: () => toEnd(pincex.streamTrades()),
    streamJournal: () => toEnd(pincex.streamJournal()),
  };
}

const LEASE_MS = 60_000;

/** Makes the time of leases pass, and waits until that of a batch is renewed. */
async function renewedOnce(
  { url }: Pincex,
  work: (renewed: (batchId: string) => Promise<void>) => Promise<void>,
): Promise<void> {
  // Only what tells when to renew: the connection that does it is a real one, with real time to answer.
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  try {
    await withClient(url, async (client) => {
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

/** What has no plan, or reads no table. */
const UTILITIES = [
  'begin',
  'commit',
  'rollback',
  'savepoint',
  'release-savepoint',
  'rollback-to-savepoint',
  'ping',
];

describe('every statement that the system issues', () => {
  let database: TestDatabase;
  /** By name, as the driver was given them. */
  const issued = new Map<string, Statement>();
  const registered = new Map(issuedStatements.map((statement) => [statement.name, statement]));

  beforeAll(async () => {
    database = await createTestDatabase();
    const send = vi.spyOn(pg.Client.prototype, 'query');
    for (const strategy of ['auto', 'guard', 'lock'] as const) await callEverything(database.url, strategy);
    for (const [statement] of send.mock.calls as unknown as [Statement | string][]) {
      if (typeof statement !== 'object') continue;
      // What is sent without a name is known by its text.
      const unnamed = [...registered.values()].find(({ text }) => text === statement.text)?.name;
      const name = statement.name || unnamed;
      if (!name) continue;
      // What is written alongside a batch is planned by itself.
      const [, alongside] = name.startsWith('persist:') ? name.split('+') : [];
      if (alongside === undefined) issued.set(name, { ...statement, name });
      else issued.set(alongside, registered.get(alongside)!);
    }
    send.mockRestore();
  });
  afterAll(() => database.drop());

  /** Of a batch's two statements the one that has all parts. */
  const entryOf = (name: string): string => {
    if (!name.includes(':')) return name;
    const prefix = `${name.split(':', 1)[0]!}:`;
    return [...registered.keys()].find((other) => other.startsWith(prefix)) ?? name;
  };
  const partsOf = (name: string): string[] => {
    const parts = name.slice(name.indexOf(':') + 1);
    return name.startsWith('load:') ? parts.split('+') : Array.from(parts);
  };

  it('is in the registry, and nothing else is', () => {
    expect(issued.size).toBeGreaterThan(40);
    const entries = new Set([...issued.keys()].map(entryOf));
    expect([...registered.keys()].filter((name) => !entries.has(name))).toEqual([]);
    expect([...entries].filter((name) => !registered.has(name) && !UTILITIES.includes(name))).toEqual([]);
  });

  it('is made of parts that stand in the registry, each of which is issued', () => {
    const seen: Record<string, Set<string>> = {};
    for (const name of issued.keys()) {
      if (!name.includes(':')) continue;
      seen[entryOf(name)] ??= new Set();
      for (const part of partsOf(name)) seen[entryOf(name)]!.add(part);
    }
    for (const [entry, parts] of Object.entries(seen))
      expect([...parts].sort()).toEqual(partsOf(entry).sort());
    expect(Object.keys(seen)).toHaveLength(2);
  });

  it('is planned as its entry is, whichever parts it has', async () => {
    const client = await connected(database.url);
    for (const [name, value] of Object.entries(settingHints.settings))
      await client.query(`SET ${name} = ${value}`);
    const shown = (scans: Scan[] | string): string[] =>
      typeof scans === 'string'
        ? [scans]
        : scans.map(({ table, node, index }) => `${table} ${node} ${index ?? ''}`);
    let compared = 0;
    for (const [name, statement] of issued) {
      if (UTILITIES.includes(name)) continue;
      const whole = shown(await explain(client, registered.get(entryOf(name))!));
      for (const scan of shown(await explain(client, statement))) expect(whole).toContain(scan);
      compared++;
    }
    expect(compared).toBeGreaterThan(40);
  });
});

async function callEverything(url: string, strategy: Strategy): Promise<void> {
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
  } finally {
    await pincex.close();
  }
}

/** Batches of everything, so that their two statements come in many combinations; twice the same users. */
async function callAtRandom(pincex: Pincex): Promise<void> {
  for (const { symbol, tick, lot } of world.markets) {
    if (!(await pincex.catalog.get()).markets.has(symbol)) await pincex.catalog.addMarket(symbol, tick, lot);
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

describe('a statement whose index is gone', () => {
  it('hurts where its table is large, by the index that it takes instead or by none', async () => {
    const { url, client } = await patient();
    await client.query(
      `INSERT INTO trades SELECT n::text, n::text, 'buy', n::text, 'BTC/USD', 1, 1, 1, 0, 'maker', now()
       FROM generate_series(1, 2000) n;
       ANALYZE trades;
       DROP INDEX trades_order;
       ALTER TABLE holds DROP CONSTRAINT holds_pkey;`,
    );
    const report = await examine(url);
    // No hold is there, so nobody suffers from how they are read.
    expect(found(report, 'plans')).toEqual([
      'hurts statement get-trades-by-orders',
      'hurts statement count-trades-of-orders',
    ]);
    const { message, remedy } = about(report, 'statement get-trades-by-orders');
    expect(message).toMatch(
      /^reads trades (whole|by \w+, whole), which has about 2,000 rows; .* use trades_order or orders_pkey$/,
    );
    expect(remedy).toContain('trades_order');
    await follow(client, about(report, 'index trades_order'));
    await follow(client, about(report, 'index holds_pkey'));
    expect((await examine(url)).findings).toEqual([]);
  });

  it('hurts nobody where its table is small', async () => {
    const { url, client } = await patient();
    await client.query(
      `INSERT INTO trades SELECT n::text, n::text, 'buy', n::text, 'BTC/USD', 1, 1, 1, 0, 'maker', now()
       FROM generate_series(1, 1000) n;
       ANALYZE trades;
       DROP INDEX trades_order`,
    );
    const few = await examine(url);
    expect(found(few, 'indexes_there')).toEqual(['hurts index trades_order']);
    expect(found(few, 'plans')).toEqual([]);
  });

  it('or that reads all of the right one hurts, and one that goes to a place does not', () => {
    const statement = { name: 's', text: '', by: ['trades_order'] };
    const stray = (scan: Omit<Scan, 'table'>) =>
      strayScans(statement, [{ table: 'trades', ...scan }], new Map([['trades', 2_000]]), 1_000);
    const byIndex = { node: 'Index Scan', index: 'trades_order' };
    expect(stray({ ...byIndex, condition: '(order_id = k.order_id)' })).toEqual([]);
    expect(stray({ ...byIndex, condition: undefined })[0]!.message).toContain('by trades_order, whole');
    expect(stray({ node: 'Tid Scan', index: undefined, condition: '(ctid = k.place)' })).toEqual([]);
    expect(stray({ node: 'Seq Scan', index: undefined, condition: undefined })[0]!.message).toContain(
      'whole',
    );
  });

  it('hurts where it would read all orders of a user for each key', async () => {
    const { url, client } = await patient();
    await client.query(
      `INSERT INTO accounts (user_id, currency, available, version, created_at, updated_at)
       SELECT n::text, 'USD', 1, 1, now(), now() FROM generate_series(1, 2000) n;
       ANALYZE accounts;
       ALTER TABLE accounts DROP CONSTRAINT accounts_pkey;
       CREATE INDEX mine ON accounts (user_id)`,
    );
    const findings = found(await examine(url), 'plans');
    for (const name of ['get-accounts', 'lock-accounts'])
      expect(findings).toContain(`hurts statement ${name}`);
  });

  it('and one that cannot be planned hurts, with PostgreSQL’s own reason', async () => {
    const { url, client } = await patient();
    await client.query('ALTER TABLE trades RENAME COLUMN liquidity TO makes');
    const report = await examine(url);
    expect(about(report, 'statement get-trades-by-orders').message).toBe(
      'cannot be planned: column t.liquidity does not exist',
    );
    expect(report.ok).toBe(false);
  });

  it('is planned with the hints that are sent where pg_hint_plan listens', async () => {
    const { client } = await patient();
    const sent: string[] = [];
    const ask = client.query.bind(client) as (text: string) => Promise<unknown>;
    client.query = ((text: string) => {
      sent.push(text);
      // As a server answers that has it.
      return text.includes('pg_hint_plan') ? Promise.resolve({ rowCount: 1 }) : ask(text);
    }) as typeof client.query;
    const looked = { client, queryHints: true, readUrl: null, now: new Date(), thresholds };
    expect(await plansCheck.run(looked)).toEqual([]);
    const prepared = sent.filter((text) => text.startsWith('PREPARE'));
    expect(prepared).toEqual(
      issuedStatements.map((statement) => `PREPARE pincex_doctor AS ${commentHints.textOf(statement)}`),
    );
    expect(prepared.filter((text) => text.includes(' AS /*+ ')).length).toBeGreaterThan(10);
    expect(sent.filter((text) => text.startsWith('SET enable_'))).toEqual([]);
  });

  it('is planned as the pool plans it, with hints and without', async () => {
    const { url, client } = await patient();
    await client.query(
      `INSERT INTO trades SELECT 'u', n::text, 'buy', 'o', 'BTC/USD', 1, 1, 1, 0, 'maker', now()
       FROM generate_series(1, 2000) n;
       ANALYZE trades`,
    );
    expect(found(await examine(url, { queryHints: true }), 'plans')).toEqual([]);
    // All trades are of one order, so without the hints a scan of the table is what PostgreSQL would take.
    expect(found(await examine(url, { queryHints: false }), 'plans')).toEqual([
      'hurts statement get-trades-by-orders',
      'hurts statement count-trades-of-orders',
    ]);
  });
});
