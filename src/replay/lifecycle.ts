import type { OrderEvent } from './recording/events.ts';
import type { Cancel, Fill, Place, RecordedOrder } from './steps.ts';
import { Tally } from './tally.ts';

/** The reasons why a line has no effect. */
export type SkipReason =
  | 'malformed'
  /** Changed or deleted, but never created here. */
  | 'unknown_id'
  /** Deleted before it was created. Each of the two lines counts under its own reason. */
  | 'deleted_before_created'
  | 'created_after_deleted'
  | 'created_twice'
  | 'deleted_twice'
  | 'changed_after_deleted'
  /** Deleted after a change to 0 had filled it. */
  | 'already_filled'
  | 'volume_increased'
  /** Changed in price only. The engine does not change the price of an order. */
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

/** The number of ids that are remembered. Late lines of older ones count as those of an unknown id. */
const REMEMBERED_IDS = 1_000_000;

/**
 * Follows each order from line to line and returns the meaning of each line. Pure. Every line either has a meaning or is
 * counted once in `skipped`.
 */
export class Lifecycle {
  readonly skipped = new Tally<SkipReason>();
  /** Cancels with another rest than the fills before them left, so that lines between them must be missing. */
  cancelledAtOtherVolume = 0;
  readonly #open = new Map<string, OpenOrder>();
  /** The ids of deleted orders, each with whether the order had been created before. */
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
      // The deletion was counted as one of an unknown id. Now that the order is created, its reason is known.
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
