import type { Market } from '../catalog/catalog.ts';
import type { MixedItem } from '../commands/index.ts';
import { limits } from '../limits.ts';
import { divideUp, formatAmount } from '../money/amount.ts';
import { VOLUME_SCALE } from './recording/events.ts';
import type { RecordedOrder, Step, Trade } from './steps.ts';
import { MARKET_MAKER, type Users } from './users.ts';

/** Turns steps into items of a batch. Their ids are derived from the recording alone, so that each item is applied once. */
export class Commands {
  readonly #market: Market;
  readonly #users: Users;

  constructor(market: Market, users: Users) {
    this.#market = market;
    this.#users = users;
  }

  /** @param isRejected whether the engine rejected an order, so that later steps cannot use it */
  itemsOf(step: Step, isRejected: (order: RecordedOrder) => boolean): MixedItem[] {
    if (step.kind === 'trade') return this.#settle(step, isRejected);
    if (step.kind === 'place') return [this.#place(step.order)];
    return isRejected(step.order) ? [] : [this.#cancel(step.order)];
  }

  #place(order: RecordedOrder): MixedItem {
    return {
      command: 'placeOrder',
      id: order.id,
      userId: this.#users.ownerOf(order.id),
      ...this.#limitOrder(order),
      recordRejection: true,
    };
  }

  #cancel({ id }: RecordedOrder): MixedItem {
    return { command: 'cancelOrder', id: `cancel/${id}`, userId: this.#users.ownerOf(id), orderId: id };
  }

  /**
   * Settles a trade. If a side has no order, the market maker places one for this trade, and then cancels the part that was
   * only added to reach the minimum value of an order; all of these items are one group.
   */
  #settle(trade: Trade, isRejected: (order: RecordedOrder) => boolean): MixedItem[] {
    const { price, quantity } = trade;
    const [buy, sell] = [trade.buy, trade.sell].map((fill) =>
      fill === null || isRejected(fill.order) ? null : fill.order,
    );
    if (buy == null && sell == null) return [];
    const id = `trade/${trade.id}`;
    const made = { id: `maker/${trade.id}`, userId: MARKET_MAKER };
    const { id: buyOrderId, userId: buyUserId } = buy == null ? made : this.#owned(buy);
    const { id: sellOrderId, userId: sellUserId } = sell == null ? made : this.#owned(sell);
    const settle: MixedItem = {
      command: 'settleTrade',
      id,
      symbol: this.#market.symbol,
      price: priceText(price),
      quantity: quantityText(quantity),
      buyUserId,
      buyOrderId,
      sellUserId,
      sellOrderId,
      takerSide: trade.takerSide,
    };
    if (buy != null && sell != null) return [settle];
    const side = buy == null ? 'buy' : 'sell';
    const placed = largest(quantity, this.#leastQuantity(price));
    const items: MixedItem[] = [
      { command: 'placeOrder', ...made, ...this.#limitOrder({ side, price, quantity: placed }) },
      settle,
    ];
    if (placed > quantity) {
      const cancelled = { userId: MARKET_MAKER, orderId: made.id };
      items.push({ command: 'cancelOrder', id: `cancel/${made.id}`, ...cancelled });
    }
    return items.map((item) => ({ ...item, group: id }));
  }

  /** The minimum quantity of an order at a price, in whole lots. */
  #leastQuantity(price: bigint): bigint {
    const { leastValue, quote, lot, base } = this.#market;
    const value = leastValue * 10n ** BigInt(limits.books.scale + VOLUME_SCALE - quote.scale);
    const lotVolume = divideUp(lot * 10n ** BigInt(VOLUME_SCALE), 10n ** BigInt(base.scale));
    return divideUp(divideUp(value, price), lotVolume) * lotVolume;
  }

  #owned({ id }: RecordedOrder): { id: string; userId: string } {
    return { id, userId: this.#users.ownerOf(id) };
  }

  #limitOrder({ side, price, quantity }: Pick<RecordedOrder, 'side' | 'price' | 'quantity'>) {
    const type = 'limit' as const;
    const { symbol } = this.#market;
    return { symbol, side, type, price: priceText(price), quantity: quantityText(quantity) };
  }
}

const largest = (a: bigint, b: bigint): bigint => (a > b ? a : b);
const priceText = (price: bigint): string => formatAmount(price, limits.books.scale);
const quantityText = (volume: bigint): string => formatAmount(volume, VOLUME_SCALE);
