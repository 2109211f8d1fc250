import type { OrderSide } from '../books/rows.ts';
import type { Happening } from './lifecycle.ts';
import type { Fill, RecordedOrder, Step, Trade } from './steps.ts';

/** How long a fill waits for its other side, in recorded milliseconds. Most came within 3, all within 40. */
const LONGEST_WAIT_MS = 1_000;
/** How many fills wait at the most. */
const MOST_WAITING = 1_000;
/** By how much the two sides of one trade differ at the most: recorders round, each side by itself. */
const ROUNDING = 2n;

interface Waiting {
  readonly fill: Fill;
  readonly since: number;
  left: bigint;
}

/**
 * Finds the two sides of each trade. A recording has a fill of either side, and not which belong together.
 *
 * A fill settles with the waiting one of the other side that filled as much. One that has waited its time settles
 * with whatever of the other side is left, several if need be, and what then remains, with the market maker.
 * Prices have to cross: the trade is at the price of the order that came first. Pure, and ahead of batching: what
 * comes out does not depend on the size of a batch. An order is never cancelled before its fills are settled.
 */
export class Pairing {
  /** Oldest first. */
  #waiting: Waiting[] = [];
  #now = 0;

  /**
   * The steps that one more line leads to.
   *
   * @param time of the line; without one no time has passed
   */
  next(happening: Happening | null, time = this.#now): Step[] {
    this.#now = time;
    // Before or after: a line whose clock was wrong must not keep the others waiting.
    const steps = this.#settleAll(({ since }) => Math.abs(time - since) > LONGEST_WAIT_MS);
    if (happening === null) return steps;
    if (happening.kind === 'fill') return [...steps, ...this.#fill(happening.fill)];
    if (happening.kind === 'cancel') {
      steps.push(...this.#settleAll(({ fill }) => fill.order === happening.order));
    }
    return [...steps, happening];
  }

  /** The steps that are left after the last line. */
  end(): Step[] {
    return this.#settleAll(() => true);
  }

  #fill(fill: Fill): Step[] {
    const arrived: Waiting = { fill, since: this.#now, left: fill.quantity };
    const partner = this.#sameSize(arrived);
    if (partner !== undefined) {
      this.#waiting = this.#waiting.filter((other) => other !== partner);
      return [trade(arrived, partner), ...rest(arrived), ...rest(partner)];
    }
    this.#waiting.push(arrived);
    const [oldest] = this.#waiting;
    return this.#waiting.length > MOST_WAITING ? this.#settleAll((waiting) => waiting === oldest) : [];
  }

  /** The waiting fill of the other side that is nearest in size, and of these the latest. */
  #sameSize(arrived: Waiting): Waiting | undefined {
    let best: Waiting | undefined;
    let least = ROUNDING;
    for (const waiting of this.#waiting) {
      const difference = distance(waiting.left, arrived.left);
      if (difference > least || !cross(waiting.fill.order, arrived.fill.order)) continue;
      best = waiting;
      least = difference;
    }
    return best;
  }

  #settleAll(isDue: (waiting: Waiting) => boolean): Step[] {
    const steps: Step[] = [];
    for (;;) {
      const due = this.#waiting.find(isDue);
      if (due === undefined) return steps;
      steps.push(...this.#settle(due));
    }
  }

  #settle(due: Waiting): Step[] {
    const steps: Step[] = [];
    for (const other of this.#waiting) {
      if (due.left > 0n && cross(due.fill.order, other.fill.order)) steps.push(trade(due, other));
    }
    steps.push(...rest(due));
    this.#waiting = this.#waiting.filter(({ left }) => left > 0n);
    return steps;
  }
}

const distance = (a: bigint, b: bigint): bigint => (a > b ? a - b : b - a);

/** Whether two orders can trade with each other. */
function cross(one: RecordedOrder, other: RecordedOrder): boolean {
  if (one.side === other.side) return false;
  return one.side === 'buy' ? one.price >= other.price : other.price >= one.price;
}

/** As much as both have left, at the price of the order that came first. */
function trade(one: Waiting, other: Waiting): Trade {
  const quantity = one.left < other.left ? one.left : other.left;
  const [buy, sell] = one.fill.order.side === 'buy' ? [one, other] : [other, one];
  const isBuyFirst = buy.fill.order.sequence < sell.fill.order.sequence;
  return {
    kind: 'trade',
    id: `${buy.fill.id}/${sell.fill.id}`,
    buy: buy.fill,
    sell: sell.fill,
    price: (isBuyFirst ? buy : sell).fill.order.price,
    quantity,
    takerSide: isBuyFirst ? 'sell' : 'buy',
    completes: take(quantity, one, other),
  };
}

/** A fill that found no other side: the market maker takes it, at the order's own price. */
function rest(waiting: Waiting): Trade[] {
  const { fill, left: quantity } = waiting;
  if (quantity === 0n) return [];
  const { side, price } = fill.order;
  const takerSide: OrderSide = side === 'buy' ? 'sell' : 'buy';
  return [
    {
      kind: 'trade',
      id: fill.id,
      buy: side === 'buy' ? fill : null,
      sell: side === 'sell' ? fill : null,
      price,
      quantity,
      takerSide,
      completes: take(quantity, waiting),
    },
  ];
}

/** Takes from each what is traded, and names those of which nothing is left. */
function take(quantity: bigint, ...sides: Waiting[]): Fill[] {
  for (const side of sides) side.left -= quantity;
  return sides.filter(({ left }) => left === 0n).map(({ fill }) => fill);
}
