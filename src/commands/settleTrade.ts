import type { Books } from '../books/books.ts';
import { credit, FEES, holdOf, openHold, spendHold, type Cause } from '../books/funds.ts';
import { fillOrder, fillValue, orderOf, paymentFor, requiredHold } from '../books/orders.ts';
import { Rejection } from '../books/rejection.ts';
import {
  accountId,
  holdId,
  keyOf,
  ownedId,
  type AccountId,
  type Hold,
  type HoldId,
  type OrderRow,
  type OrderSide,
  type OwnedId,
  type TradeRow,
} from '../books/rows.ts';
import type { Currency, Market } from '../catalog/catalog.ts';
import { formatAmount } from '../money/amount.ts';
import type { Command } from './command.ts';
import type { OrderOutcome } from './createOrder.ts';
import type { Fields } from './fields.ts';
import type { AnyItem } from './item.ts';
import { operationId } from './kinds.ts';

export interface SettleTrade extends AnyItem {
  /** The trade's id, unique for both its users, which is also the id of this operation. */
  readonly id: string;
  readonly symbol: string;
  /** Decimal string in quote, a multiple of the tick size, within the limits of both orders. */
  readonly price: string;
  /** Decimal string in base, a multiple of the lot size, at most what both orders have left. */
  readonly quantity: string;
  readonly buyUserId: string;
  readonly buyOrderId: string;
  readonly sellUserId: string;
  readonly sellOrderId: string;
  /** The side whose order came later and matched the order in the book. */
  readonly takerSide: OrderSide;
  /** Decimal string in base, taken from what the buyer receives. Default none. */
  readonly buyFee?: string | null | undefined;
  /** Decimal string in quote, taken from what the seller receives. Default none. */
  readonly sellFee?: string | null | undefined;
}

/** A trade, and its two orders after it. */
export interface TradeOutcome {
  readonly tradeId: string;
  /**
   * Decimal string: the amount that the buyer paid and the seller received. The payments of a buy order add up to the exact
   * value of all its fills, rounded up once to the scale of quote; this is the part that this trade adds.
   */
  readonly quoteAmount: string;
  readonly buy: OrderOutcome;
  readonly sell: OrderOutcome;
}

/**
 * Settles a trade: spends both holds, credits both sides and the fees, fills both orders and writes the trade, all or nothing.
 * The part of the buyer's hold that the rest of the order does not need returns to available.
 */
export function settleTrade(fields: Fields): Command<TradeOutcome> {
  const id = fields.id('id');
  const buyer = ownedId(fields.userId('buyUserId'), fields.id('buyOrderId'));
  const seller = ownedId(fields.userId('sellUserId'), fields.id('sellOrderId'));
  const market = fields.market();
  const buy = sideOf('buy', buyer, market.base, market.quote, fields);
  const sell = sideOf('sell', seller, market.quote, market.base, fields);
  const price = fields.price('price', market);
  const quantity = fields.quantity('quantity', market);
  const takerSide = fields.oneOf<OrderSide>('invalid_item', 'takerSide', ['buy', 'sell']);
  if (buy.order.key === sell.order.key) {
    throw new Rejection(
      'trade_mismatch',
      `An order cannot trade with itself: got ${buy.order.id} on both sides`,
    );
  }
  const type = 'settleTrade';
  return {
    type,
    operationIds: [operationId(type, buy.order.userId, id), operationId(type, sell.order.userId, id)],
    content: keyOf(
      type,
      market.symbol,
      price.toString(),
      quantity.toString(),
      takerSide,
      ...[buy, sell].flatMap(({ order, fee }) => [order.userId, order.id, fee.toString()]),
    ),
    touch(keys) {
      for (const { order, receives, pays, fees, fee } of [buy, sell]) {
        keys.orders.add(order);
        keys.ordersWithHolds.add(order);
        keys.accounts.add(receives);
        keys.accounts.add(pays);
        if (fee > 0n) keys.accounts.add(fees);
        keys.trades.add(ownedId(order.userId, id));
      }
    },
    apply(books) {
      requireInBand(market, price);
      const buyOrder = tradableOrder(books, buy, market, price, quantity);
      const sellOrder = tradableOrder(books, sell, market, price, quantity);
      const paid = paymentFor(buyOrder, fillValue(buyOrder, price, quantity));
      requireFee(buy, quantity);
      requireFee(sell, paid);
      // A payment of zero needs no hold: an earlier payment that was rounded up may have spent its last unit.
      const buyHold = paid === 0n ? openHold(books, buy.hold) : holdOf(books, buy.hold, paid);
      const sellHold = holdOf(books, sell.hold, quantity);

      const boughtBy = fillOrder(books, buyOrder, price, quantity);
      const soldBy = fillOrder(books, sellOrder, price, quantity);
      const forBuy = { operationId: id, operationType: type, orderId: buy.order.id };
      const forSell = { operationId: id, operationType: type, orderId: sell.order.id };
      if (buyHold !== undefined) capture(books, buyHold, boughtBy, paid, forBuy);
      capture(books, sellHold, soldBy, quantity, forSell);
      credit(books, buy.receives, quantity - buy.fee, forBuy);
      credit(books, sell.receives, paid - sell.fee, forSell);
      credit(books, buy.fees, buy.fee, forBuy);
      credit(books, sell.fees, sell.fee, forSell);
      const executedAt = books.moment;
      const trade = { id, market, price, quantity, quoteAmount: paid, executedAt };
      books.trades.push(sideOfTrade(trade, buy, takerSide), sideOfTrade(trade, sell, takerSide));
      return {
        tradeId: id,
        quoteAmount: formatAmount(paid, market.quote.scale),
        buy: outcomeOf(boughtBy),
        sell: outcomeOf(soldBy),
      };
    },
  };
}

interface Side {
  readonly side: OrderSide;
  readonly order: OwnedId;
  /** The accounts that are credited and debited, that of the fee, and the hold that is spent. */
  readonly receives: AccountId;
  readonly pays: AccountId;
  readonly fees: AccountId;
  readonly hold: HoldId;
  /** At the scale of the currency that the side receives. */
  readonly fee: bigint;
}

function sideOf(side: OrderSide, order: OwnedId, received: Currency, paid: Currency, fields: Fields): Side {
  const { userId, id: orderId } = order;
  return {
    side,
    order,
    receives: accountId(userId, received),
    pays: accountId(userId, paid),
    fees: accountId(FEES, received),
    hold: holdId(userId, orderId, paid),
    fee: fields.amountOrZero(`${side}Fee`, received),
  };
}

/** One side of a trade as a row. */
function sideOfTrade(
  trade: Omit<TradeRow, 'userId' | 'orderId' | 'side' | 'fee' | 'liquidity'>,
  { side, order, fee }: Side,
  takerSide: OrderSide,
): TradeRow {
  const liquidity = side === takerSide ? 'taker' : 'maker';
  return { ...trade, userId: order.userId, orderId: order.id, side, fee, liquidity };
}

/** The order of one side. Refuses if it cannot trade so. */
function tradableOrder(books: Books, asked: Side, market: Market, price: bigint, quantity: bigint): OrderRow {
  const order = orderOf(books, asked.order);
  const { side, status, filledQuantity } = order;
  if (order.market.symbol !== market.symbol || side !== asked.side) {
    const is = `is a ${side} of ${order.market.symbol}`;
    throw new Rejection('trade_mismatch', `Order ${order.id} ${is}, not a ${asked.side} of ${market.symbol}`);
  }
  if (status !== 'open' && status !== 'partially_filled') {
    throw new Rejection(
      'invalid_transition',
      `Order ${order.id} is ${status} and cannot be filled: it must be open or partially_filled`,
    );
  }
  if (order.price !== null && (side === 'buy' ? price > order.price : price < order.price)) {
    const [limit, got] = [order.price, price].map((value) => formatAmount(value, market.priceScale));
    throw new Rejection(
      'trade_mismatch',
      `Order ${order.id} ${side === 'buy' ? 'buys at most' : 'sells at least'} at ${limit ?? ''}: got ${got ?? ''}`,
    );
  }
  const left = order.quantity - filledQuantity;
  if (quantity > left) {
    const [has, asks] = [left, quantity].map((value) => formatAmount(value, market.base.scale));
    throw new Rejection(
      'trade_mismatch',
      `Order ${order.id} has ${has ?? ''} left to fill: got ${asks ?? ''}`,
    );
  }
  return order;
}

/** The sender of a trade may have placed both its orders, so their limit prices do not bound the price of the trade. */
function requireInBand({ symbol, priceBand, priceScale }: Market, price: bigint): void {
  if (priceBand === null || (price >= priceBand.least && price <= priceBand.most)) return;
  const { lowest, highest } = priceBand;
  throw new Rejection(
    'outside_price_band',
    `Trades of ${symbol} are settled at ${lowest} to ${highest}: got ${formatAmount(price, priceScale)}`,
  );
}

function requireFee({ side, fee, receives }: Side, received: bigint): void {
  if (fee <= received) return;
  const [most, got] = [received, fee].map((value) => formatAmount(value, receives.scale));
  throw new Rejection(
    'invalid_amount',
    `${side}Fee must be at most what this side receives, ${most ?? ''} ${receives.currency}: got "${got ?? ''}"`,
  );
}

/** Spends the traded amount of a hold, and releases the part that its order no longer needs. */
function capture(books: Books, hold: Hold, order: OrderRow, spent: bigint, cause: Cause): void {
  const given = freed(order, hold.amount - spent);
  if (spent > 0n || given > 0n) spendHold(books, hold, spent, given, cause);
}

/** The part of a hold of `left` that its order no longer needs after a fill. */
function freed(order: OrderRow, left: bigint): bigint {
  if (order.status === 'filled') return left;
  if (order.side === 'buy' && order.price === null) return 0n;
  const needed = requiredHold(order).amount;
  return left > needed ? left - needed : 0n;
}

function outcomeOf({ id, status, version }: OrderRow): OrderOutcome {
  return { orderId: id, status, version };
}
