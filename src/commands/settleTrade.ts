import type { Books } from '../books/books.ts';
import { credit, FEES, holdOf, take, type Cause } from '../books/funds.ts';
import { fillOrder, orderOf, quoteAmount, requiredHold } from '../books/orders.ts';
import { Rejection } from '../books/rejection.ts';
import { keyOf, type OrderRow, type OrderSide } from '../books/rows.ts';
import type { Market } from '../catalog/catalog.ts';
import { formatAmount } from '../money/amount.ts';
import type { Command } from './command.ts';
import type { OrderOutcome } from './createOrder.ts';
import type { Fields } from './fields.ts';

export interface SettleTrade {
  /** The trade's id, unique for the buyer, which is also the id of this operation. */
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
  /** The side whose order came later and took what stood in the book. */
  readonly takerSide: OrderSide;
  /** Decimal string in base, taken from what the buyer receives. Default none. */
  readonly buyFee?: string | null;
  /** Decimal string in quote, taken from what the seller receives. Default none. */
  readonly sellFee?: string | null;
  /** Items of one group succeed or fail together. */
  readonly group?: string | null;
}

/** A trade, and what became of its two orders. */
export interface TradeOutcome {
  readonly tradeId: string;
  /** Decimal string: what was paid, price x quantity rounded down to the scale of quote. */
  readonly quoteAmount: string;
  readonly buy: OrderOutcome;
  readonly sell: OrderOutcome;
}

/**
 * Captures both holds, credits both sides and the fees, fills both orders and writes the trade: all or nothing.
 * What the buyer's hold has beyond what the rest of the order needs goes back to available.
 */
export function settleTrade(fields: Fields): Command<TradeOutcome> {
  const id = fields.id('id');
  const market = fields.market();
  const price = fields.price('price', market);
  const quantity = fields.quantity('quantity', market);
  const buy = side(fields, 'buy', 'buyUserId', 'buyOrderId', fields.amountOrZero('buyFee', market.base));
  const sell = side(
    fields,
    'sell',
    'sellUserId',
    'sellOrderId',
    fields.amountOrZero('sellFee', market.quote),
  );
  const takerSide = fields.oneOf<OrderSide>('invalid_item', 'takerSide', ['buy', 'sell']);
  if (buy.userId === sell.userId && buy.orderId === sell.orderId) {
    throw new Rejection(
      'trade_mismatch',
      `An order cannot trade with itself: got ${buy.orderId} on both sides`,
    );
  }
  const type = 'settleTrade';
  return {
    type,
    userId: buy.userId,
    id,
    content: keyOf(
      type,
      market.symbol,
      price.toString(),
      quantity.toString(),
      takerSide,
      ...[buy, sell].flatMap(({ userId, orderId, fee }) => [userId, orderId, fee.toString()]),
    ),
    touch(keys) {
      for (const { userId, orderId, fee, side } of [buy, sell]) {
        keys.order(userId, orderId);
        keys.account(userId, market.base);
        keys.account(userId, market.quote);
        if (fee > 0n) keys.account(FEES, side === 'buy' ? market.base : market.quote);
      }
    },
    apply(books) {
      const buyOrder = tradableOrder(books, buy, market, price, quantity);
      const sellOrder = tradableOrder(books, sell, market, price, quantity);
      const paid = quoteAmount(buyOrder, price, quantity);
      requireFee(buy, quantity, market.base);
      requireFee(sell, paid, market.quote);
      const buyHold = holdOf(books, buy.userId, buy.orderId, market.quote.code, paid);
      const sellHold = holdOf(books, sell.userId, sell.orderId, market.base.code, quantity);

      const boughtBy = fillOrder(books, buyOrder, price, quantity);
      const soldBy = fillOrder(books, sellOrder, price, quantity);
      const cause = (orderId: string): Cause => ({ operationId: id, operationType: type, orderId });
      take(books, buyHold, paid, freed(boughtBy, buyHold.amount - paid), cause(buy.orderId));
      take(books, sellHold, quantity, freed(soldBy, sellHold.amount - quantity), cause(sell.orderId));
      credit(books, buy.userId, market.base, quantity - buy.fee, cause(buy.orderId));
      credit(books, sell.userId, market.quote, paid - sell.fee, cause(sell.orderId));
      credit(books, FEES, market.base, buy.fee, cause(buy.orderId));
      credit(books, FEES, market.quote, sell.fee, cause(sell.orderId));
      for (const { userId, orderId, side, fee } of [buy, sell]) {
        const liquidity = side === takerSide ? 'taker' : 'maker';
        const quoteAmount = paid;
        books.trades.push({
          userId,
          id,
          side,
          orderId,
          market,
          price,
          quantity,
          quoteAmount,
          fee,
          liquidity,
        });
      }
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
  readonly userId: string;
  readonly orderId: string;
  readonly fee: bigint;
}

function side(fields: Fields, side: OrderSide, userField: string, orderField: string, fee: bigint): Side {
  return { side, userId: fields.userId(userField), orderId: fields.id(orderField), fee };
}

/** The order of one side, if it can trade like this. */
function tradableOrder(books: Books, asked: Side, market: Market, price: bigint, quantity: bigint): OrderRow {
  const order = orderOf(books, asked.userId, asked.orderId);
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

function requireFee({ side, fee }: Side, received: bigint, currency: { code: string; scale: number }): void {
  if (fee <= received) return;
  const [most, got] = [received, fee].map((value) => formatAmount(value, currency.scale));
  throw new Rejection(
    'invalid_amount',
    `${side}Fee must be at most what the ${side}er receives, ${most ?? ''} ${currency.code}: got "${got ?? ''}"`,
  );
}

/** What a hold with `left` in it no longer needs after a fill. */
function freed(order: OrderRow, left: bigint): bigint {
  if (order.status === 'filled') return left;
  if (order.side === 'buy' && order.price === null) return 0n;
  const needed = requiredHold(order).amount;
  return left > needed ? left - needed : 0n;
}

function outcomeOf({ id, status, version }: OrderRow): OrderOutcome {
  return { orderId: id, status, version };
}
