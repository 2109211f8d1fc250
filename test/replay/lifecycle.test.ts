import { expect, test } from 'vitest';
import type { OrderEvent } from '../../src/replay/recording/events.ts';
import { Lifecycle } from '../../src/replay/lifecycle.ts';
import { event } from './support.ts';

/** The meaning of each line in short, and the counts of the lines that were skipped. */
function follow(...events: (Partial<OrderEvent> | null)[]) {
  const lifecycle = new Lifecycle();
  const happenings = events.map((said) => {
    const happening = lifecycle.next(said === null ? null : event(said));
    if (happening === null) return null;
    return happening.kind === 'fill' ? `fill ${happening.fill.quantity}` : happening.kind;
  });
  const { cancelledAtOtherVolume } = lifecycle;
  return { happenings, skipped: lifecycle.skipped.toJSON(), cancelledAtOtherVolume };
}

const created = { action: 'created', volume: 10n } as const;
const changed = (volume: bigint) => ({ action: 'changed', volume }) as const;
const deleted = (volume: bigint) => ({ action: 'deleted', volume }) as const;

test('an order is placed, filled in parts and cancelled', () => {
  const { happenings, skipped } = follow(created, changed(7n), changed(5n), deleted(5n));
  expect(happenings).toEqual(['place', 'fill 3', 'fill 2', 'cancel']);
  expect(skipped).toEqual({});
});

test('a deletion at volume 0 fills what was left of the order', () => {
  expect(follow(created, changed(4n), deleted(0n)).happenings).toEqual(['place', 'fill 6', 'fill 4']);
});

test('a deletion after a change to volume 0 fills nothing a second time', () => {
  const { happenings, skipped } = follow(created, changed(0n), deleted(0n));
  expect(happenings).toEqual(['place', 'fill 10', null]);
  expect(skipped).toEqual({ already_filled: 1 });
});

test('a deletion at another volume than is left cancels the order and is counted', () => {
  const { happenings, cancelledAtOtherVolume } = follow(created, changed(7n), deleted(6n));
  expect(happenings).toEqual(['place', 'fill 3', 'cancel']);
  expect(cancelledAtOtherVolume).toBe(1);
});

test.each([
  ['malformed', [null], { malformed: 1 }],
  ['deleted, never created', [deleted(1n)], { unknown_id: 1 }],
  ['changed and deleted, never created', [changed(2n), deleted(1n)], { unknown_id: 2 }],
  ['deleted twice, never created', [deleted(1n), deleted(1n)], { unknown_id: 1, deleted_twice: 1 }],
  ['deleted twice', [created, deleted(10n), deleted(10n)], { deleted_twice: 1 }],
  ['changed after deleted', [created, deleted(10n), changed(5n)], { changed_after_deleted: 1 }],
  ['created twice while open', [created, created], { created_twice: 1 }],
  ['created again once it is over', [created, deleted(10n), created], { created_twice: 1 }],
  ['volume increased', [created, changed(11n)], { volume_increased: 1 }],
  ['unchanged', [created, changed(10n)], { unchanged: 1 }],
  ['changed in price only', [created, { ...changed(10n), price: 99n }], { repriced: 1 }],
  [
    'deleted before created: both lines, each once',
    [deleted(10n), created],
    { deleted_before_created: 1, created_after_deleted: 1 },
  ],
  [
    'deleted before created, among others',
    [deleted(1n), created, created, deleted(1n), { ...deleted(1n), orderId: '2' }],
    {
      deleted_before_created: 1,
      created_after_deleted: 1,
      created_twice: 1,
      deleted_twice: 1,
      unknown_id: 1,
    },
  ],
])('a line that does not fit its order is skipped and counted: %s', (_, events, skipped) => {
  expect(follow(...events).skipped).toEqual(skipped);
});

test('a change that is skipped leaves the remaining volume as it was', () => {
  expect(follow(created, changed(12n), deleted(0n)).happenings).toEqual(['place', null, 'fill 10']);
});
