import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { REPORT_EVERY_MS } from '../src/monitor/reporter.ts';
import type { SettleTrade } from '../src/index.ts';
import { anyway, expectApplied, newUser, openBooks, outcomes, useBooks } from './support/books.ts';
import { pincexCli } from './support/commandLine.ts';
import { holdClock } from './support/clock.ts';
import { until } from './support/waiting.ts';

const books = useBooks();
const order = { side: 'buy', type: 'limit', quantity: '1', price: '1' } as const;

describe('a currency of the catalog', () => {
  it('a currency is added once, and adding it again has no effect', async () => {
    const { catalog } = books.pincex;
    expect(await catalog.addCurrency('SHIB', 18)).toEqual({ code: 'SHIB', scale: 18 });
    expect(await catalog.addCurrency('SHIB', 18)).toEqual({ code: 'SHIB', scale: 18 });
    expect((await catalog.get()).currencies.get('SHIB')).toEqual({ code: 'SHIB', scale: 18 });
    const userId = await newUser(books.pincex, { SHIB: '0.000000000000000001' });
    expect((await books.pincex.bookkeeper.getAccount(userId, 'SHIB'))!.available).toBe(
      '0.000000000000000001',
    );
  });

  it('a currency keeps its decimals', async () => {
    await expect(books.pincex.catalog.addCurrency('USD', 3)).rejects.toMatchObject({
      code: 'invalid_argument',
    });
    await expect(books.pincex.catalog.addCurrency('USD', 3)).rejects.toThrow('USD exists with scale 2');
    const [row] = await books.sql<{ scale: number }>(`SELECT scale FROM currencies WHERE code = 'USD'`);
    expect(row!.scale).toBe(2);
  });

  it.each([
    ['usd', 2],
    ['', 2],
    ['U', 2],
    ['US D', 2],
    ['X'.repeat(17), 2],
    ['NEW', -1],
    ['NEW', 19],
    ['NEW', 1.5],
    ['NEW', NaN],
    ['NEW', anyway<number>('2')],
  ])('a currency cannot be %j with %s decimals', async (code, scale) => {
    await expect(books.pincex.catalog.addCurrency(code, scale)).rejects.toMatchObject({
      code: 'invalid_argument',
    });
  });
});

describe('a market of the catalog', () => {
  it('a market is added once, and adding it again has no effect, also with trailing zeros', async () => {
    const { catalog } = books.pincex;
    const market = { symbol: 'SOL/EUR', tickSize: '0.01', lotSize: '0.000001' };
    expect(await catalog.addMarket('SOL/EUR', '0.01', '0.000001')).toMatchObject(market);
    expect(await catalog.addMarket('SOL/EUR', '0.0100', '0.00000100')).toMatchObject(market);
    await expect(catalog.addMarket('SOL/EUR', '0.02', '0.000001')).rejects.toMatchObject({
      code: 'invalid_argument',
    });
  });

  it.each([
    ['SOL', '1', '1'],
    ['SOL/', '1', '1'],
    ['SOL/SOL', '1', '1'],
    ['SOL/EUR/USD', '1', '1'],
    ['SOL/XXX', '1', '1'],
    ['LTC/EUR', '0', '1'],
    ['LTC/EUR', '-1', '1'],
    ['LTC/EUR', '1e-2', '1'],
    ['LTC/EUR', `0.${'0'.repeat(18)}1`, '1'],
    ['LTC/EUR', '1', '0'],
    ['LTC/EUR', '1', '0.000000001'],
    ['LTC/EUR', '', '1'],
    // A number where a decimal string belongs.
    ['LTC/EUR', anyway<string>(0.01), '1'],
  ])('a market cannot be %s with ticks of %s and lots of %s', async (symbol, tick, lot) => {
    await expect(books.pincex.catalog.addMarket(symbol, tick, lot)).rejects.toMatchObject({
      code: 'invalid_argument',
    });
    expect(await books.sql('SELECT FROM markets WHERE symbol = $1', [symbol])).toHaveLength(0);
  });
});

describe('the minimum order value of a market', () => {
  it('a market has no minimum order value unless it is added with one', async () => {
    const { catalog } = books.pincex;
    expect(await catalog.addMarket('ADA/EUR', '0.01', '0.01')).toMatchObject({ minNotional: '0' });
    const market = { symbol: 'DOT/EUR', minNotional: '2.5' };
    expect(await catalog.addMarket('DOT/EUR', '0.01', '0.01', '2.50')).toMatchObject(market);
    await expect(catalog.addMarket('DOT/EUR', '0.01', '0.01')).rejects.toThrow('least order value 2.5');
  });

  it('a minimum order value can be set, and applies to the next order', async () => {
    const { catalog, trading } = books.pincex;
    await catalog.addMarket('LINK/EUR', '0.01', '0.01', '1');
    const userId = await newUser(books.pincex, { EUR: '100' });
    const item = { ...order, userId, symbol: 'LINK/EUR' };
    expectApplied(await trading.batchPlaceOrders([{ ...item, id: `${userId}-1` }]));
    expect(await catalog.setMinNotional('LINK/EUR', '1.01')).toMatchObject({ minNotional: '1.01' });
    const refused = await trading.batchPlaceOrders([{ ...item, id: `${userId}-2` }]);
    expect(refused.failedItems.get(0)!.code).toBe('below_minimum');
    await catalog.setMinNotional('LINK/EUR', '0');
    expectApplied(await trading.batchPlaceOrders([{ ...item, id: `${userId}-2` }]));
  });

  it('a minimum order value that was set is known to other processes with their next report', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const other = await openBooks(books.url);
    onTestFinished(() => other.close());
    const minNotional = async () => (await other.catalog.get()).markets.get('SOL/USD')!.minNotional;
    expect(await minNotional()).toBe('1');
    await books.pincex.catalog.setMinNotional('SOL/USD', '3');
    expect(await minNotional()).toBe('1');
    vi.advanceTimersByTime(REPORT_EVERY_MS);
    await until('the market to be read anew', async () => (await minNotional()) === '3');
  });

  it.each([
    ['SOL/XXX', '1'],
    ['SOL/USD', '-1'],
    ['SOL/USD', '0.001'],
    ['SOL/USD', ''],
    ['SOL/USD', anyway<string>(1)],
  ])('the minimum order value of %s cannot be %j', async (symbol, minNotional) => {
    await expect(books.pincex.catalog.setMinNotional(symbol, minNotional)).rejects.toMatchObject({
      code: 'invalid_argument',
    });
  });
});

describe('the price band of a market', () => {
  it('a price band refuses trades outside its ends, whatever their orders say, and earlier trades are replayed', async () => {
    const { catalog, trading } = books.pincex;
    await catalog.addMarket('BCH/CHF', '0.01', '0.01');
    const [buyer, seller] = [
      await newUser(books.pincex, { CHF: '10000' }),
      await newUser(books.pincex, { BCH: '10' }),
    ];
    const own = { ...order, symbol: 'BCH/CHF', quantity: '5' };
    expectApplied(
      await trading.batchPlaceOrders([
        { ...own, id: 'b', userId: buyer, price: '1000' },
        { ...own, id: 's', userId: seller, side: 'sell', price: '0.01' },
      ]),
    );
    const trade = (id: string, price: string): SettleTrade => ({
      ...{ id, symbol: 'BCH/CHF', price, quantity: '1', takerSide: 'buy' },
      ...{ buyUserId: buyer, buyOrderId: 'b', sellUserId: seller, sellOrderId: 's' },
    });
    expectApplied(await trading.batchSettleTrades([trade('cheap', '0.01')]));

    const { priceBand } = await catalog.setPriceBand('BCH/CHF', { lowest: '90.00', highest: '110' });
    expect(priceBand).toEqual({ lowest: '90', highest: '110', least: 9_000n, most: 11_000n });
    const settled = await trading.batchSettleTrades([
      trade('low', '89.99'),
      trade('high', '110.01'),
      trade('least', '90'),
      trade('most', '110'),
      trade('cheap', '0.01'),
    ]);
    expect(outcomes(settled)).toEqual([
      'outside_price_band',
      'outside_price_band',
      'applied',
      'applied',
      'replayed',
    ]);
    expect(settled.failedItems.get(0)).toMatchObject({
      message: 'Item 0 (low): Trades of BCH/CHF are settled at 90 to 110: got 89.99',
      retryable: false,
    });
    expect((await catalog.setPriceBand('BCH/CHF', null)).priceBand).toBeNull();
    expectApplied(await trading.batchSettleTrades([trade('low', '89.99')]));
  });

  it.each([
    ['SOL/XXX', { lowest: '1', highest: '2' }],
    ['SOL/USD', { lowest: '2', highest: '1' }],
    ['SOL/USD', { lowest: '0', highest: '1' }],
    ['SOL/USD', { lowest: '1', highest: '1.001' }],
    ['SOL/USD', { lowest: '1' }],
    ['SOL/USD', { lowest: '1', highest: '2', around: '1' }],
    ['SOL/USD', undefined],
    ['SOL/USD', '1..2'],
  ])('the price band of %s cannot be %j', async (symbol, band) => {
    await expect(
      books.pincex.catalog.setPriceBand(symbol, anyway<{ lowest: string; highest: string }>(band)),
    ).rejects.toMatchObject({ code: 'invalid_argument' });
    expect(await books.sql('SELECT FROM markets WHERE lowest_price IS NOT NULL')).toHaveLength(0);
  });
});

describe('a market that another process adds', () => {
  it('a market that another process adds is unknown for up to a second, and then known without opening the books again', async () => {
    const clock = holdClock();
    const other = await openBooks(books.url);
    onTestFinished(() => other.close());
    const userId = await newUser(other, { EUR: '10' });
    const item = { ...order, id: `${userId}-o`, userId, symbol: 'XRP/EUR' };
    expect((await other.trading.batchPlaceOrders([item])).failedItems.get(0)!.code).toBe('unknown_market');
    await books.pincex.catalog.addMarket('XRP/EUR', '0.0001', '0.000001');
    clock.pass(999);
    expect((await other.trading.batchPlaceOrders([item])).failedItems.get(0)!.code).toBe('unknown_market');
    clock.pass(1);
    expectApplied(await other.trading.batchPlaceOrders([item]));
  });

  it('a process that does not know a new market cancels and sweeps its orders and holds', async () => {
    const other = await openBooks(books.url);
    onTestFinished(() => other.close());
    await newUser(other, { USD: '1' });
    await books.pincex.catalog.addCurrency('PEPE', 18);
    await books.pincex.catalog.addMarket('PEPE/USD', '0.000001', '1');
    const userId = await newUser(books.pincex, { PEPE: '100', USD: '100' });
    expectApplied(
      await books.pincex.trading.batchPlaceOrders([
        { ...order, id: `${userId}-1`, userId, symbol: 'PEPE/USD' },
        { ...order, id: `${userId}-2`, userId, symbol: 'PEPE/USD', side: 'sell' },
        {
          ...order,
          id: `${userId}-3`,
          userId,
          symbol: 'PEPE/USD',
          timeInForce: 'gtd',
          expiresAt: '2020-01-01T00:00:00Z',
        },
      ]),
    );
    expectApplied(
      await books.pincex.bookkeeper.batchLockFunds([
        { id: 'l', userId, currency: 'PEPE', amount: '1', orderId: 'x', expiresAt: '2020-01-01T00:00:00Z' },
      ]),
    );
    expectApplied(
      await other.trading.batchCancelOrders([
        { id: 'c1', userId, orderId: `${userId}-1` },
        { id: 'c2', userId, orderId: `${userId}-2` },
      ]),
    );
    const third = await openBooks(books.url);
    onTestFinished(() => third.close());
    expect(await third.sweepExpired()).toEqual({ expiredOrders: 1, expiredHolds: 1, broken: [] });
  });
});

describe('the catalog on the command line', () => {
  const run = (...args: string[]) => pincexCli(args, { env: { DATABASE_URL: books.url } });

  it('pincex currencies adds and lists a currency', async () => {
    const { exitCode, stdout } = await run('currencies');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^BTC +8$/m);
    expect(await run('currencies', 'add', 'WIF', '9')).toMatchObject({
      exitCode: 0,
      stdout: 'WIF has 9 decimals\n',
    });
    expect((await run('currencies', 'list')).stdout).toMatch(/^WIF +9$/m);
  });

  it('pincex currencies add refuses other decimals for an existing currency', async () => {
    const { exitCode, stdout, stderr } = await run('currencies', 'add', 'USD', '8');
    expect([exitCode, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^pincex: USD exists with scale 2.*\(invalid_argument\)\n$/);
  });

  it('pincex currencies add refuses decimals that are no number', async () => {
    const { exitCode, stderr } = await run('currencies', 'add', 'WIF2', 'nine');
    expect(exitCode).toBe(1);
    expect(stderr).toContain('whole number from 0 to 18');
    expect(stderr).not.toContain('    at ');
  });

  it('pincex markets adds and lists a market', async () => {
    expect((await run('markets', 'add', 'BTC/ETH', '0.01', '0.1')).stdout).toContain('BTC/ETH');
    expect((await run('markets')).stdout).toMatch(/^BTC\/ETH +0\.01 +0\.1 +0$/m);
  });

  it('pincex markets adds a market with a minimum order value, and changes the value', async () => {
    const added = await run('markets', 'add', 'ETH/CHF', '0.01', '0.1', '--min-notional', '5');
    expect(added.stdout).toBe('ETH/CHF trades in ticks of 0.01 and lots of 0.1, orders from 5 CHF\n');
    const changed = await run('markets', 'set', 'ETH/CHF', '--min-notional', '10.5');
    expect(changed).toMatchObject({ exitCode: 0, stdout: 'ETH/CHF takes orders from 10.5 CHF\n' });
    expect((await run('markets')).stdout).toMatch(/^ETH\/CHF +0\.01 +0\.1 +10\.5$/m);
  });

  it('pincex markets set sets and removes a price band, and refuses to set nothing', async () => {
    await run('markets', 'add', 'LTC/CHF', '0.01', '0.1');
    const set = await run('markets', 'set', 'LTC/CHF', '--price-band', '50..80.5');
    expect(set.stdout).toBe('LTC/CHF takes orders from 0 CHF, and settles trades at 50 to 80.5\n');
    expect((await run('markets')).stdout).toMatch(/^LTC\/CHF +0\.01 +0\.1 +0 +50\.\.80\.5$/m);
    const [shown] = (JSON.parse((await run('markets', '--json')).stdout) as { symbol: string }[]).filter(
      ({ symbol }) => symbol === 'LTC/CHF',
    );
    expect(shown).toMatchObject({ priceBand: { lowest: '50', highest: '80.5' } });
    const none = await run('markets', 'set', 'LTC/CHF', '--price-band', 'none');
    expect(none.stdout).toBe('LTC/CHF takes orders from 0 CHF\n');
    for (const words of [[], ['--price-band', '50'], ['--price-band', '50..60..70']]) {
      const refused = await run('markets', 'set', 'LTC/CHF', ...words);
      expect(refused).toMatchObject({ exitCode: 1, stdout: '' });
      expect(refused.stderr).toContain('--price-band');
    }
  });

  it('pincex markets add names the unknown currency that has to be added first', async () => {
    const { stderr } = await run('markets', 'add', 'BTC/NONE', '0.01', '0.1');
    expect(stderr).toContain('add the currency NONE first');
  });
});
