import type { OrderEvent } from '../replay/recording/events.ts';
import type { Random } from './random.ts';

/** Useless lines that may follow a good one. All of them occur in real recordings. */
export function mangle(event: OrderEvent, random: Random): (OrderEvent | null)[] {
  const stray = { ...event, orderId: `9${event.orderId}${random.below(1_000)}`, volume: event.volume + 1n };
  switch (random.below(5)) {
    case 0:
      return [null];
    case 1:
      return [event];
    case 2:
      return [{ ...stray, action: 'deleted' }];
    case 3:
      return [
        { ...stray, action: 'deleted' },
        { ...stray, action: 'created' },
      ];
    default:
      return [{ ...event, action: 'changed', volume: event.volume + 1n }];
  }
}
