import type { OrderSide } from '../../books/rows.ts';
import { limits } from '../../limits.ts';
import { formatAmount, parseAmount } from '../../money/amount.ts';

/** The columns of a recording, in their order. */
export const COLUMNS = ['id', 'timestamp', 'exchange.timestamp', 'price', 'volume', 'action', 'direction'];

/** Decimals of a recorded volume: satoshi. */
export const VOLUME_SCALE = 8;

/** A line of a recording: an event of a limit order. */
export interface OrderEvent {
  readonly orderId: string;
  /** When the recorder received the event, in milliseconds since the epoch. */
  readonly time: number;
  /** When the event happened on the exchange, in milliseconds since the epoch. */
  readonly exchangeTime: number;
  /** Limit price at {@link limits.books.scale}. */
  readonly price: bigint;
  /** The rest of the order, at {@link VOLUME_SCALE}. */
  readonly volume: bigint;
  readonly action: 'created' | 'changed' | 'deleted';
  readonly side: OrderSide;
}

/** The id of a trade has at most 128 characters and consists of two order ids and the rests of both orders. */
const ORDER_ID = /^[\w.:-]{1,36}$/;
const TIME = /^\d{1,15}$/;
/** 18 digits of satoshi are 10 billion coins. */
const VOLUME = /^\d{1,18}$/;
const PRICE_DIGITS = 12;

const SIDES: ReadonlyMap<string, OrderSide> = new Map([
  ['bid', 'buy'],
  ['ask', 'sell'],
]);

/** Reads a line that was split at its commas; `null` if it is malformed. */
export function readEvent(fields: readonly string[]): OrderEvent | null {
  const [orderId = '', time = '', exchangeTime = '', priceText, volume = '', action, direction = ''] = fields;
  if (fields.length !== COLUMNS.length || !ORDER_ID.test(orderId) || !VOLUME.test(volume)) return null;
  if (!TIME.test(time) || !TIME.test(exchangeTime)) return null;
  const price = parseAmount(priceText, limits.books.scale, PRICE_DIGITS);
  const side = SIDES.get(direction);
  if (typeof price === 'string' || price === 0n || side === undefined) return null;
  if (action !== 'created' && action !== 'changed' && action !== 'deleted') return null;
  if (action === 'created' && BigInt(volume) === 0n) return null;
  return {
    orderId,
    time: Number(time),
    exchangeTime: Number(exchangeTime),
    price,
    volume: BigInt(volume),
    action,
    side,
  };
}

/** Writes an event as the line that {@link readEvent} reads. */
export function formatEvent(event: OrderEvent): string {
  const { orderId, time, exchangeTime, price, volume, action, side } = event;
  const direction = side === 'buy' ? 'bid' : 'ask';
  return [
    orderId,
    time,
    exchangeTime,
    formatAmount(price, limits.books.scale),
    volume,
    action,
    direction,
  ].join(',');
}
