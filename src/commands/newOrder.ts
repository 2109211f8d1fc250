import { requireNotional } from '../books/orders.ts';
import type { NewOrder, OrderRow, OrderSide, OrderType, TimeInForce } from '../books/rows.ts';
import { keyOf, ownedId } from '../books/rows.ts';
import type { Market } from '../catalog/catalog.ts';
import { encodeNumeric, formatAmount } from '../money/amount.ts';
import type { Fields } from './fields.ts';
import type { AnyItem } from './item.ts';

export interface CreateOrder extends AnyItem {
  /** The order's id, which is also the id of this operation. */
  readonly id: string;
  readonly userId: string;
  /** Such as `BTC/USD`. */
  readonly symbol: string;
  readonly side: OrderSide;
  readonly type: OrderType;
  /** Decimal string in base, a multiple of the market's lot size. */
  readonly quantity: string;
  /** Limit price, decimal string in quote: for `limit` and `stop_limit`. A multiple of the tick size. */
  readonly price?: string | null | undefined;
  /** For `stop` and `stop_limit`. */
  readonly stopPrice?: string | null | undefined;
  /** For `trailing_stop`, one of the two: a distance in quote … */
  readonly trailingAmount?: string | null | undefined;
  /** … or in per cent, at most four decimals, below 100. */
  readonly trailingPercent?: string | null | undefined;
  /** Iceberg: the part that the book shows; for orders with a limit price. */
  readonly displayQuantity?: string | null | undefined;
  /** Default `gtc`. `gtd` goes with `expiresAt`. */
  readonly timeInForce?: TimeInForce | null | undefined;
  /** When the sweeper expires the order, ISO 8601; for `gtd` and `day`. */
  readonly expiresAt?: string | Date | null | undefined;
  /** Orders of which one cancels the others. */
  readonly ocoGroupId?: string | null | undefined;
  readonly parentOrderId?: string | null | undefined;
  /** The most that a buy without a limit price may spend, decimal string in quote. */
  readonly holdAmount?: string | null | undefined;
}

const SIDES: readonly OrderSide[] = ['buy', 'sell'];
const TYPES: readonly OrderType[] = ['limit', 'market', 'stop', 'stop_limit', 'trailing_stop'];
const TIMES_IN_FORCE: readonly TimeInForce[] = ['gtc', 'ioc', 'fok', 'gtd', 'day'];
const PERCENT_SCALE = 4;
const HUNDRED_PERCENT = 100n * 10n ** BigInt(PERCENT_SCALE);

/** The fields of each type of order: `true` if required, `false` if not allowed. */
const TAKES: Readonly<Record<OrderType, { price: boolean; stopPrice: boolean; trailing: boolean }>> = {
  limit: { price: true, stopPrice: false, trailing: false },
  market: { price: false, stopPrice: false, trailing: false },
  stop: { price: false, stopPrice: true, trailing: false },
  stop_limit: { price: true, stopPrice: true, trailing: false },
  trailing_stop: { price: false, stopPrice: false, trailing: true },
};

/** Reads and checks an order. A `placed` order locks its own funds, so a buy has to state the most that it may spend. */
export function readOrder(
  fields: Fields,
  placed: boolean,
): { order: Omit<NewOrder, 'createdAt'>; content: string } {
  const id = fields.newId('id');
  const userId = fields.userId();
  const ocoGroupId = fields.optionalId('ocoGroupId');
  const parentOrderId = fields.optionalId('parentOrderId');
  const market = fields.market();
  const asked = readTerms(fields, market);
  requireFitting(fields, placed, asked);
  const { side, type, quantity, price, holdAmount, timeInForce, expiresAt } = asked;
  const takes = TAKES[type];
  const row: OrderRow = {
    ...ownedId(userId, id),
    market,
    side,
    type,
    status: takes.stopPrice || takes.trailing ? 'pending' : 'open',
    quantity,
    filledQuantity: 0n,
    filledValue: 0n,
    price,
    holdAmount,
    placed,
    version: 1,
  };
  requireNotional(row);
  const atPrice = (value: bigint | null): string | null =>
    value === null ? null : encodeNumeric(value, market.priceScale);
  const terms = {
    stopPrice: atPrice(asked.stopPrice),
    trailingAmount: atPrice(asked.trailingAmount),
    trailingPercent:
      asked.trailingPercent === null ? null : formatAmount(asked.trailingPercent, PERCENT_SCALE),
    displayQuantity:
      asked.displayQuantity === null ? null : encodeNumeric(asked.displayQuantity, market.base.scale),
    timeInForce,
    expiresAt,
    ocoGroupId,
    parentOrderId,
  };
  return { order: { row, terms, rejectCode: null }, content: contentOf(market, row, Object.values(terms)) };
}

/** The new order. Its fields are read in the order of precedence of their error codes. */
const readTerms = (fields: Fields, market: Market) => ({
  holdAmount: fields.optionalAmount('holdAmount', market.quote),
  price: fields.optionalPrice('price', market),
  stopPrice: fields.optionalPrice('stopPrice', market),
  trailingAmount: fields.optionalPrice('trailingAmount', market),
  quantity: fields.quantity('quantity', market),
  displayQuantity: fields.optionalQuantity('displayQuantity', market),
  side: fields.oneOf('invalid_order', 'side', SIDES),
  type: fields.oneOf('invalid_order', 'type', TYPES),
  trailingPercent: fields.optionalDecimal('invalid_order', 'trailingPercent', PERCENT_SCALE),
  timeInForce: fields.optionalOneOf('invalid_order', 'timeInForce', TIMES_IN_FORCE) ?? 'gtc',
  expiresAt: fields.optionalTime('expiresAt'),
});

/** Refuses combinations of fields that the type or the time in force of the order does not allow. */
function requireFitting(fields: Fields, placed: boolean, asked: ReturnType<typeof readTerms>): void {
  const { side, type, quantity, price, stopPrice, trailingAmount, trailingPercent } = asked;
  const { displayQuantity, timeInForce, expiresAt, holdAmount } = asked;
  const expect = (field: string, isThere: boolean, wanted: boolean, why: string): void => {
    if (isThere === wanted) return;
    throw fields.refusal('invalid_order', field, `${wanted ? 'is needed' : 'must be absent'} for ${why}`);
  };
  const takes = TAKES[type];
  expect('price', price !== null, takes.price, `a ${type} order`);
  expect('stopPrice', stopPrice !== null, takes.stopPrice, `a ${type} order`);
  if (!takes.trailing || trailingPercent === null) {
    expect('trailingAmount', trailingAmount !== null, takes.trailing, `a ${type} order`);
  }
  if (!takes.trailing || trailingAmount !== null) {
    expect(
      'trailingPercent',
      trailingPercent !== null,
      false,
      'an order that does not trail, or has an amount',
    );
  }
  if (trailingPercent !== null && trailingPercent >= HUNDRED_PERCENT) {
    throw fields.refusal('invalid_order', 'trailingPercent', 'must be below 100');
  }
  if (displayQuantity !== null && (price === null || displayQuantity > quantity)) {
    throw fields.refusal('invalid_order', 'displayQuantity', 'must be at most the quantity of a limit order');
  }
  if (timeInForce === 'gtd') expect('expiresAt', expiresAt !== null, true, 'gtd');
  if (timeInForce !== 'day' && timeInForce !== 'gtd') {
    expect('expiresAt', expiresAt !== null, false, `${timeInForce} (use gtd)`);
  }
  const spendsFreely = side === 'buy' && price === null;
  if (placed && spendsFreely) expect('holdAmount', holdAmount !== null, true, 'a buy without a limit price');
  if (!spendsFreely) expect('holdAmount', holdAmount !== null, false, 'an order whose hold follows from it');
}

function contentOf(market: Market, row: OrderRow, terms: readonly (string | null)[]): string {
  const { side, type, quantity, price, holdAmount } = row;
  const amounts = [quantity, price, holdAmount].map((amount) => amount?.toString() ?? '');
  return keyOf(market.symbol, side, type, ...amounts, ...terms.map((term) => term ?? ''));
}
