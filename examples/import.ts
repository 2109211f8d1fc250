/**
 * Imports the opening balances, open orders with their fills, and holds of another system, in batches, from tables that no
 * longer change. The first run dies half-way. The second begins from the start, and items that were done are replayed. At the
 * end the totals of both systems are compared. See docs/importing.md.
 *
 * Run it with `npx tsx examples/import.ts`; where the package is installed, `npx tsx node_modules/pincex/examples/import.ts`.
 */
import { randomUUID } from 'node:crypto';
import { limits, OUTSIDE, Pincex, type BatchResult, type MixedItem, type OrderSide } from 'pincex';

interface OldBalance {
  readonly userId: string;
  readonly currency: string;
  readonly available: string;
  readonly locked: string;
}
interface OldOrder {
  readonly id: string;
  readonly userId: string;
  readonly side: OrderSide;
  readonly price: string;
  readonly quantity: string;
  readonly filled: string;
  readonly averagePrice: string | null;
}
interface OldHold {
  readonly id: string;
  readonly userId: string;
  readonly currency: string;
  readonly amount: string;
}
interface OldBooks {
  readonly balances: readonly OldBalance[];
  /** The oldest first, so that orders of one price keep their time priority. */
  readonly orders: readonly OldOrder[];
  readonly holds: readonly OldHold[];
}

/** Rows in a batch. A row makes at most three items. */
const ROWS_A_BATCH = 2_000;
const REASON = { reason: 'import' };

const tag = randomUUID().slice(0, 8).toUpperCase();
const [base, quote] = [`BTC${tag}`, `USD${tag}`];
const symbol = `${base}/${quote}`;
const quoteScale = 2;

const pincex = await Pincex.open();
try {
  await pincex.catalog.addCurrency(base, 8);
  await pincex.catalog.addCurrency(quote, quoteScale);
  await pincex.catalog.addMarket(symbol, '0.01', '0.0001', '1');
  const old = oldBooks();

  let batches = 0;
  const dieInTime = (): void => {
    if (++batches === 5) throw new Error('the process died');
  };
  await importAll(old, dieInTime).catch((error: unknown) => {
    console.log(`first run: ${error instanceof Error ? error.message : String(error)}`);
  });
  const { applied, replayed, refused } = await importAll(old);
  console.log(`second run: ${applied} items applied, ${replayed} replayed`);
  for (const { id, code } of refused) console.log(`refused: ${id}, ${code}`);

  const here = new Map<string, bigint>();
  for await (const { userId, currency, balance } of pincex.streamAccounts()) {
    if (userId !== OUTSIDE) add(here, currency, balance);
  }
  const there = new Map<string, bigint>();
  for (const { currency, available, locked } of old.balances) {
    add(there, currency, available);
    add(there, currency, locked);
  }
  for (const [currency, total] of there) {
    const isSame = here.get(currency) === total;
    console.log(
      `${currency.replace(tag, '')}: ${toText(total)} there, ${isSame ? 'the same' : 'NOT the same'} here`,
    );
  }
  const [book] = await pincex.trading.batchGetOpenOrders([symbol]);
  console.log(`${book?.bids.length} bids, ${book?.asks.length} asks`);

  const audit = await pincex.audit();
  console.log(`audit: ${audit.ok ? 'ok' : 'BROKEN'}`);
} finally {
  await pincex.close();
}

interface Report {
  applied: number;
  replayed: number;
  readonly refused: { id: string; code: string }[];
}

/** Every id follows from the old row, so any part may be sent again: an item that was done is replayed, not done twice. */
async function importAll({ balances, orders, holds }: OldBooks, beforeBatch?: () => void): Promise<Report> {
  const report: Report = { applied: 0, replayed: 0, refused: [] };
  const send = async <Row>(rows: readonly Row[], itemsOf: (row: Row) => MixedItem[]): Promise<void> => {
    for (let at = 0; at < rows.length; at += ROWS_A_BATCH) {
      beforeBatch?.();
      note(
        report,
        await pincex.execute(rows.slice(at, at + ROWS_A_BATCH).flatMap(itemsOf), { actor: 'import' }),
      );
    }
  };
  await send(balances, openingBalance);
  // Orders and holds need the balances, so a missing balance ends the import.
  if (report.refused.length > 0) throw new Error(`Balances were refused: ${JSON.stringify(report.refused)}`);
  await send(orders, openOrder);
  await send(holds, openHold);
  return report;
}

function note(report: Report, { counts, results }: BatchResult<unknown>): void {
  report.applied += counts.applied;
  report.replayed += counts.replayed;
  for (const result of results) {
    // The item at fault has the reason; the other items of its group have the code `group_failed`.
    if (result.status !== 'rejected' || result.error.code === 'group_failed') continue;
    report.refused.push({ id: result.id ?? '', code: result.error.code });
  }
}

/** Deposits all of the user's funds, including the locked part, which orders and holds lock again. */
function openingBalance({ userId, currency, available, locked }: OldBalance): MixedItem[] {
  const total = toUnits(available) + toUnits(locked);
  const id = `opening-${currency}`;
  if (total === 0n) return [{ command: 'createAccount', id, userId, currency, ...REASON }];
  return [{ command: 'deposit', id, userId, currency, amount: toText(total), reason: 'opening_balance' }];
}

/** An order without fills is placed as it is. An order with fills is stored with them, and funds for the rest are locked. */
function openOrder({ id, userId, side, price, quantity, filled, averagePrice }: OldOrder): MixedItem[] {
  const order = { id, userId, symbol, side, type: 'limit', quantity, price, ...REASON } as const;
  if (toUnits(filled) === 0n) return [{ command: 'placeOrder', ...order }];
  const rest = toUnits(quantity) - toUnits(filled);
  const [currency, amount] = side === 'buy' ? [quote, cost(toUnits(price), rest)] : [base, toText(rest)];
  const own = { userId, orderId: id, group: `${userId} ${id}`, ...REASON };
  return [
    { command: 'createOrder', ...order, group: own.group },
    {
      command: 'updateOrderStatus',
      id: `import-${id}`,
      status: 'partially_filled',
      filledQuantity: filled,
      averagePrice,
      ...own,
    },
    { command: 'lockFunds', id: `order-${id}`, currency, amount, ...own },
  ];
}

function openHold({ id, userId, currency, amount }: OldHold): MixedItem[] {
  return [{ command: 'lockFunds', id: `hold-${id}`, userId, currency, amount, orderId: id, ...REASON }];
}

/** The amount of quote that a buy has to hold: price x quantity, rounded up. */
function cost(price: bigint, quantity: bigint): string {
  const unit = 10n ** BigInt(2 * limits.books.scale - quoteScale);
  return toText(((price * quantity + unit - 1n) / unit) * 10n ** BigInt(limits.books.scale - quoteScale));
}

function add(totals: Map<string, bigint>, currency: string, amount: string): void {
  totals.set(currency, (totals.get(currency) ?? 0n) + toUnits(amount));
}

/** Converts an amount to an integer, in units of the last decimal that any currency has. */
function toUnits(text: string): bigint {
  const [whole = '', fraction = ''] = text.split('.');
  return BigInt(whole + fraction.padEnd(limits.books.scale, '0'));
}

function toText(units: bigint): string {
  const digits = units.toString().padStart(limits.books.scale + 1, '0');
  return `${digits.slice(0, -limits.books.scale)}.${digits.slice(-limits.books.scale)}`.replace(/\.?0+$/, '');
}

/** Replace this by reading your tables. Here: 2,500 users with two balances and an order each, every tenth with a hold. */
function oldBooks(): OldBooks {
  const balances: OldBalance[] = [];
  const orders: OldOrder[] = [];
  const holds: OldHold[] = [];
  for (let n = 0; n < 2_500; n++) {
    const userId = `user${n}-${tag}`;
    const id = `order${n}`;
    const isFilled = n % 5 === 4;
    balances.push({ userId, currency: quote, available: '25.37', locked: '100' });
    balances.push({ userId, currency: base, available: n % 2 === 0 ? '0' : '0.00000001', locked: '0' });
    orders.push({
      id,
      userId,
      side: 'buy',
      // The market's rules refuse two of the orders: one is off the tick, one is worth too little.
      price: n === 0 ? '90.005' : `${90 + (n % 10)}.01`,
      quantity: n === 1 ? '0.001' : '1',
      filled: isFilled ? '0.3333' : '0',
      averagePrice: isFilled ? '89.5' : null,
    });
    if (n % 10 === 0) holds.push({ id: `card${n}`, userId, currency: quote, amount: '7.5' });
  }
  return { balances, orders, holds };
}
