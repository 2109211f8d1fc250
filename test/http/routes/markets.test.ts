import { expect, it } from 'vitest';
import { PincexClient } from '../../../src/client/index.ts';
import { useBooks } from '../../support/books.ts';
import { until } from '../../support/waiting.ts';
import { useService } from '../support.ts';

const books = useBooks();
const service = useService(books);

it('the service lists its markets, one that another process has added too', async () => {
  const client = new PincexClient({ url: service.url, key: service.key });
  expect((await client.getMarkets()).map(({ symbol }) => symbol)).toContain('BTC/USD');
  await books.sql(
    "INSERT INTO markets (symbol, base, quote, tick_size, lot_size) VALUES ('SOL/BTC', 'SOL', 'BTC', 0.001, 0.01)",
  );
  const added = async () => (await client.getMarkets()).find(({ symbol }) => symbol === 'SOL/BTC');
  await until('the market is known', async () => (await added()) !== undefined);
  expect(await added()).toEqual({
    symbol: 'SOL/BTC',
    base: 'SOL',
    quote: 'BTC',
    tickSize: '0.001',
    lotSize: '0.01',
    minNotional: '0',
  });
});

it('a key that is bound to markets is told of these alone', async () => {
  const { key } = await service.pincex.apiKeys.create({
    name: 'btc',
    scopes: ['read'],
    markets: ['BTC/USD'],
  });
  const markets = await new PincexClient({ url: service.url, key }).getMarkets();
  expect(markets.map(({ symbol }) => symbol)).toEqual(['BTC/USD']);
});
