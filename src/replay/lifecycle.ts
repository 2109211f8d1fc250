import type { OrderEvent } from './events.ts';
import type { Cancel, Fill, Place, RecordedOrder } from './steps.ts';
import { Tally } from './tally.ts';

/** Why a line does nothing. */
export type SkipReason =
  | 'malformed'
  /** Changed or deleted, but never created here. */
  | 'unknown_id'
  /** Deleted first and created only afterwards: over before it began. Both lines count, each under its own. */
  | 'deleted_before_created'
  | 'created_after_deleted'
  | 'created_twice'
  | 'deleted_twice'
  | 'changed_after_deleted'
  /** Deleted after a change to 0 had filled it. */
  | 'already_filled'
  | 'volume_increased'
  /** Changed in price only. An order of the engine keeps the price it came with. */
  | 'repriced'
  | 'unchanged'
  /** The line belongs to an order that the engine rejected. */
  | 'order_rejected';

/** The meaning of a line. */
export type Happening = Place | Cancel | FillHappening;

export interface FillHappening {
  readonly kind: 'fill';
  readonly fill: Fill;
}

interface OpenOrder {
  readonly order: RecordedOrder;
  readonly remaining: bigint;
}

/** Beyond this many, the oldest are forgotten: their late lines then count as those of an unknown id. */
const REMEMBERED_IDS = 1_000_000;

/**
 * Follows each order from line to line and tells what its lines mean. Pure. Every line is either a happening or
 * counted in `skipped`, once.
 */
export class Lifecycle {
  readonly skipped = new Tally<SkipReason>();
  /** Cancels that name another remainder than the fills before them left: lines are missing in between. */
  cancelledAtOtherVolume = 0;
  readonly #open = new Map<string, OpenOrder>();
  /** Ids that were deleted, and whether they had been created before. */
  readonly #deleted = new Map<string, boolean>();
  #created = 0;

  /** @param event `null` for a malformed line */
  next(event: OrderEvent | null): Happening | null {
    const happening = event === null ? 'malformed' : this.#read(event);
    if (typeof happening !== 'string') return happening;
    this.skipped.add(happening);
    return null;
  }

  #read(event: OrderEvent): Happening | SkipReason {
    const open = this.#open.get(event.orderId);
    if (event.action === 'created') return open === undefined ? this.#create(event) : 'created_twice';
    if (event.action === 'changed') {
      return open === undefined ? this.#notOpen(event, 'changed_after_deleted') : this.#change(event, open);
    }
    const happening = open === undefined ? this.#notOpen(event, 'deleted_twice') : this.#delete(event, open);
    if (!this.#deleted.has(event.orderId)) this.#remember(event.orderId, open !== undefined);
    return happening;
  }

  #create({ orderId: id, side, price, volume: quantity }: OrderEvent): Happening | SkipReason {
    const wasCreated = this.#deleted.get(id);
    if (wasCreated === true) return 'created_twice';
    if (wasCreated === false) {
      // Only now it shows what the deletion, so far one of an unknown id, really was.
      this.skipped.add('unknown_id', -1);
      this.skipped.add('deleted_before_created');
      this.#deleted.set(id, true);
      return 'created_after_deleted';
    }
    const order = { id, side, price, quantity, sequence: this.#created++ };
    this.#open.set(id, { order, remaining: quantity });
    return { kind: 'place', order };
  }

  #notOpen({ orderId }: OrderEvent, after: SkipReason): SkipReason {
    return this.#deleted.has(orderId) ? after : 'unknown_id';
  }

  #change({ price, volume }: OrderEvent, { order, remaining }: OpenOrder): Happening | SkipReason {
    if (volume > remaining) return 'volume_increased';
    if (volume === remaining) return price === order.price ? 'unchanged' : 'repriced';
    this.#open.set(order.id, { order, remaining: volume });
    return fillOf(order, remaining, volume);
  }

  #delete({ volume }: OrderEvent, { order, remaining }: OpenOrder): Happening | SkipReason {
    this.#open.delete(order.id);
    if (remaining === 0n) return 'already_filled';
    if (volume === 0n) return fillOf(order, remaining, volume);
    if (volume !== remaining) this.cancelledAtOtherVolume++;
    return { kind: 'cancel', order };
  }

  #remember(id: string, wasCreated: boolean): void {
    this.#deleted.set(id, wasCreated);
    if (this.#deleted.size <= REMEMBERED_IDS) return;
    const [oldest] = this.#deleted.keys();
    if (oldest !== undefined) this.#deleted.delete(oldest);
  }
}

function fillOf(order: RecordedOrder, before: bigint, after: bigint): FillHappening {
  return { kind: 'fill', fill: { id: `${order.id}@${after}`, order, quantity: before - after } };
}
