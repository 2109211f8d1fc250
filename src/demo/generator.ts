import type { OrderSide } from '../books/rows.ts';
import { limits } from '../limits.ts';
import type { OrderEvent } from '../replay/recording/events.ts';
import { Book, type Standing } from './book.ts';
import { mangle } from './mangle.ts';
import { Random } from './random.ts';

export interface DayOptions {
  /** The number of lines, including mangled ones; `Infinity` for a day without end. */
  readonly events: number;
  /** The same seed gives the same day. */
  readonly seed?: number;
  /** The share of lines that are followed by mangled ones, 0 to 1. */
  readonly messy?: number;
  /** The id before that of the first order. Another day on the same books needs another one. */
  readonly afterId?: number;
}

/** The approximate number of orders in the book. */
const BOOK_SIZE = 200;
/** The share of new orders that reach the other side. */
const CROSSING = 0.03;
const MEAN_GAP_MS = 400;
/** The average distance of an order from the price, in ticks. */
const MEAN_DEPTH_TICKS = 60;
const MEAN_VOLUME = 150_000_000;
/** Large enough for the minimum value of an order. */
const LEAST_VOLUME = 1_000_000n;
/** A price this many ticks from its start is drawn back by one tick at each step, at twice the distance by two, … */
const PULL_TICKS = 500n;

// A date and a price that fit the funds of tight funding.
const START_TIME = Date.UTC(2015, 4, 4, 9);
const START_TICKS = 23_500n;
const TICK = 10n ** BigInt(limits.books.scale - 2);

/**
 * Generates a day of an exchange: many small limit orders near the price, most of which are cancelled unfilled, and a few
 * that cross and fill others, wholly or in part. The price wanders. `null` is a malformed line.
 *
 * Random draws are floating-point numbers; amounts of money are then rounded to whole ticks or satoshi.
 */
export function* generateDay({
  events,
  seed = 1,
  messy = 0,
  afterId = 1_000_000,
}: DayOptions): Generator<OrderEvent | null> {
  const random = new Random(seed);
  const market = new Market(random, afterId);
  let left = events;
  while (left > 0) {
    for (const event of market.next()) {
      const lines = random.chance(messy) ? [event, ...mangle(event, random)] : [event];
      for (const line of lines) if (left-- > 0) yield line;
    }
  }
}

class Market {
  readonly #random: Random;
  readonly #book = new Book();
  #ticks = START_TICKS;
  #time = START_TIME;
  #lastId: number;

  constructor(random: Random, afterId: number) {
    this.#random = random;
    this.#lastId = afterId;
  }

  /** The next events: a cancel, or an order with the fills it makes. */
  next(): OrderEvent[] {
    this.#time += 1 + this.#whole(MEAN_GAP_MS);
    this.#ticks += BigInt(this.#random.below(11) - 5) + (START_TICKS - this.#ticks) / PULL_TICKS;
    const standing = this.#random.chance(this.#book.size / (2 * BOOK_SIZE))
      ? this.#book.at(this.#random.below(this.#book.size))
      : undefined;
    return standing === undefined ? this.#place() : [this.#cancel(standing)];
  }

  #cancel(order: Standing): OrderEvent {
    this.#book.remove(order);
    return this.#event('deleted', order);
  }

  #place(): OrderEvent[] {
    const side = this.#random.chance(0.5) ? 'buy' : 'sell';
    const best = this.#book.best(side === 'buy' ? 'sell' : 'buy');
    const crosses = best !== undefined && this.#random.chance(CROSSING);
    const price = crosses ? best.price + towards(side, this.#ticksAway(5)) : this.#passivePrice(side, best);
    const remaining = LEAST_VOLUME + BigInt(this.#whole(crosses ? 2 * MEAN_VOLUME : MEAN_VOLUME));
    const order = { id: String(++this.#lastId), side, price, remaining } as const;
    const created = this.#event('created', order);
    return [created, ...this.#match({ ...order })];
  }

  /** A price behind the current one, at which the order does not trade. */
  #passivePrice(side: OrderSide, best: Standing | undefined): bigint {
    const price = this.#ticks - towards(side, 1n + this.#ticksAway(MEAN_DEPTH_TICKS));
    if (best === undefined) return price;
    const nearest = best.price - towards(side, 1n);
    return (side === 'buy') === price < nearest ? price : nearest;
  }

  /** Fills the order against those that it crosses, best price first; its rest joins the book. */
  #match(taker: Standing): OrderEvent[] {
    const events: OrderEvent[] = [];
    for (;;) {
      const maker = this.#book.against(taker);
      if (maker === undefined || taker.remaining === 0n) break;
      const quantity = maker.remaining < taker.remaining ? maker.remaining : taker.remaining;
      for (const order of [maker, taker]) {
        order.remaining -= quantity;
        this.#time += 1;
        events.push(this.#event(order.remaining === 0n ? 'deleted' : 'changed', order));
      }
      if (maker.remaining === 0n) this.#book.remove(maker);
    }
    if (taker.remaining > 0n) this.#book.add(taker);
    return events;
  }

  #event(
    action: OrderEvent['action'],
    { id: orderId, side, price, remaining: volume }: Standing,
  ): OrderEvent {
    const exchangeTime = Math.floor(this.#time / 1_000) * 1_000;
    return { orderId, time: this.#time, exchangeTime, price: price * TICK, volume, action, side };
  }

  #ticksAway(mean: number): bigint {
    return BigInt(this.#whole(mean));
  }

  #whole(mean: number): number {
    return Math.floor(this.#random.exponential(mean));
  }
}

/** The direction towards the other side of the book: up for a buyer, down for a seller. */
function towards(side: OrderSide, ticks: bigint): bigint {
  return side === 'buy' ? ticks : -ticks;
}
