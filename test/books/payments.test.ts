import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fillOrder, fillValue, paymentFor, requiredHold } from '../../src/books/orders.ts';
import { Books } from '../../src/books/books.ts';
import { VALUE_SCALE, type OrderRow } from '../../src/books/rows.ts';
import type { Market } from '../../src/catalog/catalog.ts';
import { isLong } from '../support/books.ts';

/** The payments of a buy order for any split of its fills, by the rules alone and without an engine. */

const RUNS = isLong ? 200_000 : 2_000;

const scale = fc.integer({ min: 0, max: 18 });

/** A market of any scales, and two whole numbers to be a price and a quantity. */
const orders = fc
  .record({
    base: scale,
    quote: scale,
    priceScale: scale,
    price: fc.bigInt({ min: 1n, max: 10n ** 12n }),
    quantity: fc.bigInt({ min: 1n, max: 10n ** 12n }),
  })
  .map(({ base, quote, priceScale, price, quantity }) =>
    orderOf(marketOf(base, quote, priceScale), price, quantity),
  );

/** How an order is filled: each time this share of what is left, in thousandths, at this share of its price. */
const splits = fc.array(fc.record({ part: fc.bigInt(0n, 1_000n), at: fc.bigInt(0n, 1_000n) }), {
  maxLength: 30,
});

function marketOf(base: number, quote: number, priceScale: number): Market {
  const sizes = {
    tickSize: '',
    lotSize: '',
    tick: 1n,
    lot: 1n,
    minNotional: '0',
    leastValue: 0n,
    priceBand: null,
  };
  return {
    symbol: 'A/B',
    base: { code: 'A', scale: base },
    quote: { code: 'B', scale: quote },
    priceScale,
    ...sizes,
  };
}

function orderOf(market: Market, price: bigint, quantity: bigint): OrderRow {
  return {
    ...{
      key: 'u\0o',
      userId: 'u',
      id: 'o',
      market,
      price,
      quantity,
      side: 'buy',
      type: 'limit',
      status: 'open',
    },
    ...{ filledQuantity: 0n, filledValue: 0n, holdAmount: null, placed: true, version: 1 },
  };
}

const NO_BOOKS = { accounts: new Map(), holds: new Map(), orders: new Map(), operations: new Map() };

interface Flow {
  readonly order: OrderRow;
  readonly paid: bigint;
  /** The hold before each fill, the payment of the fill, and its exact value. */
  readonly steps: readonly { readonly held: bigint; readonly payment: bigint; readonly value: bigint }[];
}

function fill(placed: OrderRow, fills: readonly { part: bigint; at: bigint }[]): Flow {
  let order = placed;
  let paid = 0n;
  const steps = [];
  for (const { part, at } of fills) {
    const quantity = atLeastOne(((order.quantity - order.filledQuantity) * part) / 1_000n);
    if (order.filledQuantity + quantity > order.quantity) break;
    const price = atLeastOne((placed.price! * at) / 1_000n);
    const value = fillValue(order, price, quantity);
    const payment = paymentFor(order, value);
    steps.push({ held: requiredHold(order).amount, payment, value });
    paid += payment;
    order = fillOrder(new Books(NO_BOOKS, 0), order, price, quantity);
  }
  return { order, paid, steps };
}

const atLeastOne = (number: bigint): bigint => (number > 0n ? number : 1n);

/** An amount of quote as a value. */
const valueOf = (amount: bigint, { quote }: Market): bigint =>
  amount * 10n ** BigInt(VALUE_SCALE - quote.scale);

describe('a buy order with any split of its fills', () => {
  it('a buy order has paid at least the exact value of its fills, and less than one unit more', () => {
    fc.assert(
      fc.property(orders, splits, (placed, fills) => {
        const { order, paid } = fill(placed, fills);
        const excess = valueOf(paid, order.market) - order.filledValue;
        expect(excess >= 0n && excess < valueOf(1n, order.market)).toBe(true);
      }),
      { numRuns: RUNS },
    );
  });

  it('the hold of a buy order covers every fill, and nothing of it is needed once the order is filled', () => {
    fc.assert(
      fc.property(orders, splits, (placed, fills) => {
        const { order, steps } = fill(placed, fills);
        let given = requiredHold(placed).amount;
        for (const { held, payment } of steps) {
          expect(held <= given && payment >= 0n && payment <= held).toBe(true);
          given = held - payment;
        }
        expect(requiredHold(order).amount <= given).toBe(true);
        const rest = { ...order, filledQuantity: order.quantity };
        expect(requiredHold(rest).amount).toBe(0n);
      }),
      { numRuns: RUNS },
    );
  });

  it('each fill pays less than one unit more or less than it is worth', () => {
    fc.assert(
      fc.property(orders, splits, (placed, fills) => {
        const unit = valueOf(1n, placed.market);
        for (const { payment, value } of fill(placed, fills).steps) {
          const difference = valueOf(payment, placed.market) - value;
          expect(difference > -unit && difference < unit).toBe(true);
        }
      }),
      { numRuns: RUNS },
    );
  });
});

describe('trades at one price', () => {
  it('trades at one price that are split over orders and fills cost no less than their value, and less than a unit more for each order', () => {
    const flows = fc.array(fc.tuple(fc.bigInt(1n, 10n ** 10n), splits), { minLength: 1, maxLength: 10 });
    fc.assert(
      fc.property(orders, flows, (whole, parts) => {
        const flow = parts.map(([quantity, fills]) =>
          fill(orderOf(whole.market, whole.price!, quantity), [...fills, { part: 1_000n, at: 1_000n }]),
        );
        const paid = flow.reduce((sum, one) => sum + one.paid, 0n);
        const value = flow.reduce((sum, { order }) => sum + order.filledValue, 0n);
        const excess = valueOf(paid, whole.market) - value;
        expect(excess >= 0n && excess < BigInt(flow.length) * valueOf(1n, whole.market)).toBe(true);
      }),
      { numRuns: RUNS },
    );
  });
});
