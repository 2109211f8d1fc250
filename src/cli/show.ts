import type { Command } from 'commander';
import { PincexError } from '../errors.ts';
import { csvOf } from '../csv.ts';
import type { HoldView, Page, PageOptions, Pincex, TimeRange } from '../index.ts';
import { describe } from '../describe.ts';
import { limits } from '../limits.ts';
import { JSON_OPTION, someText, wholeNumber, type JsonOption } from './options.ts';
import { note, print, printJson, printTable, withPincex } from './session.ts';

interface ShowOptions extends JsonOption {
  readonly csv?: boolean;
}

interface ListOptions extends ShowOptions, PageOptions, TimeRange {}

/** Looks things up, as support does. */
export function addShow(program: Command): void {
  const show = program
    .command('show')
    .description('look up users, accounts, orders, trades, holds and batches, newest rows first');
  addUser(show);
  addAccount(show);
  addOrder(show);
  addTrade(show);
  addHold(show);
  addBatch(show);
  addTotals(show);
}

const shown = (command: Command): Command =>
  command.option(...JSON_OPTION).option('--csv', 'print rows as CSV, as a spreadsheet reads it');

const paged = (command: Command): Command =>
  shown(command)
    .option('--limit <n>', 'rows of the page', wholeNumber('--limit', 1, limits.reads.pageRows.most))
    .option('--cursor <text>', 'that of another page', someText('--cursor'));

const ranged = (command: Command): Command =>
  paged(command)
    .option('--from <time>', 'only rows from this time on, ISO 8601', someText('--from'))
    .option('--to <time>', 'only rows before this time, ISO 8601', someText('--to'));

const LISTS = ['orders', 'trades', 'transactions', 'holds'] as const;

function addUser(show: Command): void {
  ranged(show.command('user'))
    .description('the balances of a user and what is locked; or one of its lists')
    .argument('<id>', 'the user')
    .option('--at <time>', 'the balances as of this time, ISO 8601', someText('--at'))
    .option('--list <name>', `one of ${LISTS.join(', ')}`, someText('--list'))
    .action((userId: string, options: ListOptions & { readonly at?: string; readonly list?: string }) =>
      withPincex(async ({ lookup, trading }) => {
        const { at, list, ...rest } = options;
        if (list !== undefined) {
          printPage(await userList(lookup, list, userId, pageOptions(rest)), rest);
          return;
        }
        const accounts = await lookup.getAccounts(userId, { at });
        const { rows: holds } = at === undefined ? await lookup.listHolds(userId) : { rows: [] };
        if (rest.json === true) printJson({ accounts, holds });
        else if (rest.csv === true) printCsv(accounts);
        else {
          printRows(accounts);
          if (holds.length > 0) print('\nlocked for');
          printRows(await withOrders(trading, holds));
        }
      }),
    );
}

/** The holds with the status of their orders: why something is locked. */
async function withOrders(trading: Pincex['trading'], holds: readonly HoldView[]): Promise<object[]> {
  const keys = holds.map(({ userId, orderId }) => ({ userId, id: orderId }));
  const orders = await trading.batchGetOrdersByIds(keys);
  return holds.map((hold, n) => ({ ...hold, orderStatus: orders[n]?.status ?? null }));
}

function userList(
  lookup: Pincex['lookup'],
  list: string,
  userId: string,
  options: PageOptions & TimeRange,
): Promise<Page<object>> {
  switch (LISTS.find((name) => name === list)) {
    case 'orders':
      return lookup.listOrders(userId, options);
    case 'trades':
      return lookup.listTrades(userId, options);
    case 'transactions':
      return lookup.listTransactions(userId, options);
    case 'holds':
      return lookup.listHolds(userId, options);
    case undefined: {
      const message = `--list takes one of ${LISTS.join(', ')}: got ${describe(list)}`;
      throw new PincexError('invalid_argument', message);
    }
  }
}

function addAccount(show: Command): void {
  ranged(show.command('account'))
    .description('the statement of an account')
    .argument('<user>')
    .argument('<currency>', 'such as USD')
    .action((userId: string, currency: string, options: ListOptions) =>
      withPincex(async ({ lookup }) => {
        printPage(await lookup.listEntries(userId, currency, pageOptions(options)), options);
      }),
    );
}

function addOrder(show: Command): void {
  paged(show.command('order'))
    .description('an order, what it holds, its trades and the batch that made it')
    .argument('<id>')
    .option('--user <id>', 'its user, if several users have an order of that id', someText('--user'))
    .action((orderId: string, options: ListOptions & { readonly user?: string }) =>
      withPincex(async ({ lookup }) => {
        const orders = options.user === undefined ? await lookup.findOrders(orderId) : [];
        if (orders.length > 1) {
          printFound(orders, options);
          note('Several users have an order of that id: name one with --user');
          return;
        }
        const userId = options.user ?? orders[0]?.userId;
        const found = userId === undefined ? null : await lookup.getOrder(userId, orderId);
        if (userId === undefined || found === null) throw notFound(`order ${describe(orderId)}`);
        const trades = await lookup.listOrderTrades(userId, orderId, pageOptions(options));
        if (options.json === true) printJson({ ...found, trades: trades.rows, ...cursorsOf(trades) });
        else if (options.csv === true) printCsv([found.order]);
        else {
          printRows([found.order]);
          if (found.operation !== null) print(`\nmade by batch ${found.operation.batchId}`);
          if (found.holds.length > 0) print('\nholds');
          printRows(found.holds);
          if (trades.rows.length > 0) print('\ntrades');
          printPage(trades, options);
        }
      }),
    );
}

function addTrade(show: Command): void {
  shown(show.command('trade'))
    .description('the sides of a trade and the batch that settled it')
    .argument('<id>')
    .action((tradeId: string, options: ShowOptions) =>
      withPincex(async ({ lookup }) => {
        const found = await lookup.getTrade(tradeId);
        if (found.trades.length === 0) throw notFound(`trade ${describe(tradeId)}`);
        if (options.json === true) printJson(found);
        else {
          printFound(found.trades, options);
          const batches = new Set(found.operations.map(({ batchId }) => batchId));
          if (options.csv !== true) for (const id of batches) print(`\nsettled by batch ${id}`);
        }
      }),
    );
}

function addHold(show: Command): void {
  shown(show.command('hold'))
    .description('the hold of an order, and why it is there')
    .argument('<order>', 'the id of the order that it is for')
    .requiredOption('--user <id>', 'the user', someText('--user'))
    .action((orderId: string, options: ShowOptions & { readonly user: string }) =>
      withPincex(async ({ lookup }) => {
        const rows = await lookup.getHolds(options.user, orderId);
        if (rows.length === 0) throw notFound(`hold of ${describe(options.user)} for ${describe(orderId)}`);
        const order = await lookup.getOrder(options.user, orderId);
        const holds = rows.map((hold) => ({ ...hold, orderStatus: order?.order.status ?? null }));
        if (options.json === true) printJson({ holds, order: order?.order ?? null });
        else printFound(holds, options);
      }),
    );
}

function addBatch(show: Command): void {
  paged(show.command('batch'))
    .description('the applied items of a batch and the call that sent it')
    .argument('<id>', 'a UUID')
    .action((batchId: string, options: ListOptions) =>
      withPincex(async ({ lookup }) => {
        const { call, ...page } = await lookup.getBatch(batchId, pageOptions(options));
        if (options.json === true) printJson({ call, operations: page.rows, ...cursorsOf(page) });
        else {
          if (call !== null && options.csv !== true)
            print(`sent by key ${call.keyId} to ${call.route} at ${call.createdAt}\n`);
          printPage(page, options);
        }
      }),
    );
}

function addTotals(show: Command): void {
  shown(show.command('totals'))
    .description('all accounts added up by currency')
    .action((options: ShowOptions) =>
      withPincex(async ({ lookup }) => {
        const totals = await lookup.getTotals();
        if (options.json === true) printJson(totals);
        else {
          printFound(
            totals.map(({ currency, users, system }) => ({
              currency,
              ...users,
              system: system.balance,
            })),
            options,
          );
        }
      }),
    );
}

const pageOptions = ({ limit, cursor, from, to }: ListOptions): PageOptions & TimeRange => ({
  limit,
  cursor,
  ...(from != null && { from }),
  ...(to != null && { to }),
});

const cursorsOf = ({ older, newer }: Page<unknown>) => ({ older, newer });

const notFound = (what: string): PincexError => new PincexError('invalid_argument', `There is no ${what}`);

function printPage(page: Page<object>, { json = false, csv = false }: ShowOptions): void {
  if (json) {
    printJson(page);
    return;
  }
  printFound(page.rows, { csv });
  if (page.older !== null) note(`older rows: --cursor ${page.older}`);
  if (page.newer !== null) note(`newer rows: --cursor ${page.newer}`);
}

function printFound(rows: readonly object[], { csv = false }: ShowOptions): void {
  if (csv) printCsv(rows);
  else printRows(rows);
}

const printCsv = (rows: readonly object[]): boolean => process.stdout.write(csvOf(rows));

/** Fields that have no value in any row are left out. */
function printRows(rows: readonly object[]): void {
  if (rows.length === 0) return;
  const cells = rows.map((row) => new Map(Object.entries(row).filter(([, value]) => value !== null)));
  const names = [...new Set(cells.flatMap((row) => [...row.keys()]))];
  const textOf = (value: unknown): string =>
    value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value);
  printTable(
    names,
    cells.map((row) => names.map((name) => textOf(row.get(name)))),
  );
}
