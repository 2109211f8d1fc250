/**
 * Moving in: opening balances, open orders with what they had filled, and holds of another system, in batches, from tables
 * that nobody writes to any more. The first run dies on its way; the second begins from the start, and what was done is
 * replayed. At the end the totals of both systems are compared. See docs/importing.md.
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
  /** The oldest first: so of one price the first that came stays the first. */
  readonly orders: readonly OldOrder[];
  readonly holds: readonly OldHold[];
}

/** Rows a batch; a row makes three items at the most. */
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

/** Every id follows from the old row, so any part may be done again: what is there is replayed, not doubled. */
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
  // Nothing else can be right where a balance is not.
  if (report.refused.length > 0) throw new Error(`Balances were refused: ${JSON.stringify(report.refused)}`);
  await send(orders, openOrder);
  await send(holds, openHold);
  return report;
}

function note(report: Report, { counts, results }: BatchResult<unknown>): void {
  report.applied += counts.applied;
  report.replayed += counts.replayed;
  for (const result of results) {
    // Of a group the item at fault says why, the others only that it was.
    if (result.status !== 'rejected' || result.error.code === 'group_failed') continue;
    report.refused.push({ id: result.id ?? '', code: result.error.code });
  }
}

/** All that the user has, the locked part too: orders and holds lock it again. */
function openingBalance({ userId, currency, available, locked }: OldBalance): MixedItem[] {
  const total = toUnits(available) + toUnits(locked);
  const id = `opening-${currency}`;
  if (total === 0n) return [{ command: 'createAccount', id, userId, currency, ...REASON }];
  return [{ command: 'deposit', id, userId, currency, amount: toText(total), reason: 'opening_balance' }];
}

/** An order that has filled nothing is placed as it is. One that has is stored with its fills, and the rest is locked. */
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

/** price x quantity in quote, rounded up: what a buy has to hold. */
function cost(price: bigint, quantity: bigint): string {
  const unit = 10n ** BigInt(2 * limits.books.scale - quoteScale);
  return toText(((price * quantity + unit - 1n) / unit) * 10n ** BigInt(limits.books.scale - quoteScale));
}

function add(totals: Map<string, bigint>, currency: string, amount: string): void {
  totals.set(currency, (totals.get(currency) ?? 0n) + toUnits(amount));
}

/** Amounts as integers, in units of the last decimal that any currency has. */
function toUnits(text: string): bigint {
  const [whole = '', fraction = ''] = text.split('.');
  return BigInt(whole + fraction.padEnd(limits.books.scale, '0'));
}

function toText(units: bigint): string {
  const digits = units.toString().padStart(limits.books.scale + 1, '0');
  return `${digits.slice(0, -limits.books.scale)}.${digits.slice(-limits.books.scale)}`.replace(/\.?0+$/, '');
}

/** Stands for your tables: 2,500 users with two balances and an order each, every tenth with a hold. */
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
      // Two that the market's rules refuse: off the tick, and worth too little.
      price: n === 0 ? '90.005' : `${90 + (n % 10)}.01`,
      quantity: n === 1 ? '0.001' : '1',
      filled: isFilled ? '0.3333' : '0',
      averagePrice: isFilled ? '89.5' : null,
    });
    if (n % 10 === 0) holds.push({ id: `card${n}`, userId, currency: quote, amount: '7.5' });
  }
  return { balances, orders, holds };
}
