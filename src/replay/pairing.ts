import type { OrderSide } from '../books/rows.ts';
import type { Happening } from './lifecycle.ts';
import type { Fill, RecordedOrder, Step, Trade } from './steps.ts';

/** The time that a fill waits for its other side, in recorded milliseconds. Most came within 3, all within 40. */
const LONGEST_WAIT_MS = 1_000;
/** The maximum number of waiting fills. */
const MOST_WAITING = 1_000;
/** The maximum difference between the two sides of a trade: recorders round each side by itself. */
const ROUNDING = 2n;

interface Waiting {
  readonly fill: Fill;
  readonly since: number;
  left: bigint;
}

/**
 * Finds the two sides of each trade. A recording has the fills of both sides, but does not tell which belong together.
 *
 * A fill settles with a waiting fill of the other side of the same size. A fill that has waited its time settles with any
 * fills of the other side that are left, and its rest with the market maker. Prices have to cross; the trade has the price of
 * the order that came first. Pure, and done before batching, so that the result does not depend on the size of a batch. An
 * order is never cancelled before its fills are settled.
 */
export class Pairing {
  /** Oldest first. */
  #waiting: Waiting[] = [];
  #now = 0;

  /**
   * The steps that follow from one more line.
   *
   * @param time the time of the line. Without it, no time passes
   */
  next(happening: Happening | null, time = this.#now): Step[] {
    this.#now = time;
    // In both directions: a line with a wrong clock must not keep the others waiting.
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

/** Trades the quantity that both orders have left, at the price of the order that came first. */
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

/** Settles a fill without another side with the market maker, at the price of the order. */
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

/** Subtracts the traded quantity from each fill, and returns those that are used up. */
function take(quantity: bigint, ...sides: Waiting[]): Fill[] {
  for (const side of sides) side.left -= quantity;
  return sides.filter(({ left }) => left === 0n).map(({ fill }) => fill);
}
