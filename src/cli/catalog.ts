import type { Command } from 'commander';
import type { Currency, Market } from '../catalog/catalog.ts';
import { JSON_OPTION, type JsonOption, wholeNumber } from './options.ts';
import { print, printJson, printTable, withPincex } from './session.ts';

export function addCatalog(program: Command): void {
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

  const markets = program.command('markets').description('list markets, or add one');
  markets
    .command('list', { isDefault: true })
    .description('list the markets, their tick and lot sizes, and the least value of an order')
    .option(...JSON_OPTION)
    .action(({ json = false }: JsonOption) =>
      withPincex(async ({ catalog }) => {
        const known = [...(await catalog.get()).markets.values()];
        if (json) {
          printJson(known.map(marketOf));
          return;
        }
        printTable(
          ['symbol', 'tick size', 'lot size', 'min notional'],
          known.map(({ symbol, tickSize, lotSize, minNotional }) => [symbol, tickSize, lotSize, minNotional]),
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
    .description('change a market, such as: pincex markets set BTC/USD --min-notional 10')
    .requiredOption('--min-notional <amount>', 'the least value of an order, in quote; 0: none')
    .option(...JSON_OPTION)
    .action((symbol: string, { minNotional, json = false }: MarketOptions) =>
      withPincex(async ({ catalog }) => {
        const market = await catalog.setMinNotional(symbol, minNotional);
        if (json) printJson(marketOf(market));
        else print(`${market.symbol} takes orders from ${market.minNotional} ${market.quote.code}`);
      }),
    );
}

interface MarketOptions extends JsonOption {
  readonly minNotional: string;
}

const currencyOf = ({ code, scale }: Currency): object => ({ code, scale });

const marketOf = ({ symbol, base, quote, tickSize, lotSize, minNotional }: Market): object => ({
  symbol,
  base: base.code,
  quote: quote.code,
  tickSize,
  lotSize,
  minNotional,
});
