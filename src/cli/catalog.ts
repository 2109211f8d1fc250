import { InvalidArgumentError, type Command } from 'commander';
import { marketOf as marketIn, type Currency, type Market } from '../catalog/catalog.ts';
import { JSON_OPTION, type JsonOption, wholeNumber } from './options.ts';
import { print, printJson, printTable, withPincex } from './session.ts';

export function addCatalog(program: Command): void {
  addCurrencies(program);
  addMarkets(program);
}

function addCurrencies(program: Command): void {
  const currencies = program.command('currencies').description('list currencies, or add one');
  currencies
    .command('list', { isDefault: true })
    .description('list the currencies and their decimals')
    .option(...JSON_OPTION)
    .action(({ json = false }: JsonOption) =>
      withPincex(async ({ catalog }) => {
        const known = [...(await catalog.get()).currencies.values()];
        if (json) {
          printJson(known.map(currencyOf));
          return;
        }
        printTable(
          ['code', 'scale'],
          known.map(({ code, scale }) => [code, String(scale)]),
        );
      }),
    );
  currencies
    .command('add')
    .description('add a currency, such as: pincex currencies add SHIB 18')
    .argument('<code>', '2 to 16 upper-case letters and digits')
    .argument('<scale>', 'how many decimals its amounts have', wholeNumber('scale', 0, 18))
    .option(...JSON_OPTION)
    .action((code: string, scale: number, { json = false }: JsonOption) =>
      withPincex(async ({ catalog }) => {
        const currency = await catalog.addCurrency(code, scale);
        if (json) printJson(currencyOf(currency));
        else print(`${currency.code} has ${currency.scale} decimals`);
      }),
    );
}

function addMarkets(program: Command): void {
  const markets = program.command('markets').description('list markets, or add one');
  markets
    .command('list', { isDefault: true })
    .description(
      'list the markets, their tick and lot sizes, the least value of an order, and the prices of trades',
    )
    .option(...JSON_OPTION)
    .action(({ json = false }: JsonOption) =>
      withPincex(async ({ catalog }) => {
        const known = [...(await catalog.get()).markets.values()];
        if (json) {
          printJson(known.map(marketOf));
          return;
        }
        printTable(
          ['symbol', 'tick size', 'lot size', 'min notional', 'price band'],
          known.map(({ symbol, tickSize, lotSize, minNotional, priceBand }) => [
            symbol,
            tickSize,
            lotSize,
            minNotional,
            priceBand === null ? '' : `${priceBand.lowest}..${priceBand.highest}`,
          ]),
        );
      }),
    );
  markets
    .command('add <symbol> <tickSize> <lotSize>')
    .description('add a market of two currencies, such as: pincex markets add SOL/EUR 0.01 0.000001')
    .option('--min-notional <amount>', 'the least value of an order, in quote', '0')
    .option(...JSON_OPTION)
    .action(
      (symbol: string, tickSize: string, lotSize: string, { minNotional, json = false }: MarketOptions) =>
        withPincex(async ({ catalog }) => {
          const market = await catalog.addMarket(symbol, tickSize, lotSize, minNotional);
          if (json) printJson(marketOf(market));
          else
            print(
              `${market.symbol} trades in ticks of ${market.tickSize} and lots of ${market.lotSize}, orders from ${market.minNotional} ${market.quote.code}`,
            );
        }),
    );
  markets
    .command('set <symbol>')
    .description(
      'change a market, such as: pincex markets set BTC/USD --min-notional 10 --price-band 50000..80000',
    )
    .option('--min-notional <amount>', 'the least value of an order, in quote; 0: none')
    .option('--price-band <prices>', 'at which trades are settled, such as 50000..80000; none: any', band)
    .option(...JSON_OPTION)
    .action((symbol: string, { minNotional, priceBand, json = false }: ChangeOptions, command: Command) => {
      if (minNotional === undefined && priceBand === undefined)
        command.error('error: markets set takes --min-notional, --price-band, or both');
      return withPincex(async ({ catalog }) => {
        if (minNotional !== undefined) await catalog.setMinNotional(symbol, minNotional);
        if (priceBand !== undefined) await catalog.setPriceBand(symbol, priceBand.ends);
        const market = marketIn(await catalog.get(), symbol);
        if (json) printJson(marketOf(market));
        else
          print(
            `${market.symbol} takes orders from ${market.minNotional} ${market.quote.code}${settles(market)}`,
          );
      });
    });
}

interface ChangeOptions extends JsonOption {
  readonly minNotional?: string;
  readonly priceBand?: Band;
}

interface Band {
  readonly ends: { readonly lowest: string; readonly highest: string } | null;
}

function band(text: string): Band {
  const [lowest = '', highest, ...rest] = text.split('..');
  if (text === 'none') return { ends: null };
  if (highest !== undefined && rest.length === 0) return { ends: { lowest, highest } };
  throw new InvalidArgumentError('--price-band takes two prices such as 50000..80000, or none.');
}

const settles = ({ priceBand }: Market): string =>
  priceBand === null ? '' : `, and settles trades at ${priceBand.lowest} to ${priceBand.highest}`;

interface MarketOptions extends JsonOption {
  readonly minNotional: string;
}

const currencyOf = ({ code, scale }: Currency): object => ({ code, scale });

const marketOf = ({ symbol, base, quote, tickSize, lotSize, minNotional, priceBand }: Market): object => ({
  symbol,
  base: base.code,
  quote: quote.code,
  tickSize,
  lotSize,
  minNotional,
  priceBand: priceBand && { lowest: priceBand.lowest, highest: priceBand.highest },
});
