import { expect, test } from 'vitest';
import { generateDay } from '../../src/demo/generator.ts';
import type { OrderEvent } from '../../src/replay/recording/events.ts';
import { isLong } from '../support/books.ts';
import { accountedFor, digest, event, freshDatabase, runReplay } from './support.ts';

const EVENTS = isLong ? 4_000 : 2_000;
const day = [...generateDay({ events: EVENTS, messy: 0.03 })];
/** Batches of one item take long, so they get fewer events. */
const FEW = isLong ? 1_500 : 500;

test('a replay accounts for every line, and its books pass the audit', async () => {
  const summary = await runReplay({ url: await freshDatabase(), events: day });
  expect(summary.audit).toMatchObject({ ok: true, findings: [] });
  expect(summary.events).toBe(EVENTS);
  expect(accountedFor(summary)).toBe(EVENTS);
  expect(summary.rejected).toEqual({});
  expect(summary.replayed).toBe(0);
  expect(summary.pairedTrades).toBeGreaterThan(50);
  expect(summary.unpairedFills).toBeLessThan(summary.filled / 10);
  expect(summary.skipped).toHaveProperty('malformed');
  const idsOf = (action: OrderEvent['action']) =>
    new Set(day.filter((line) => line?.action === action).map((line) => line?.orderId));
  const deleted = idsOf('deleted');
  expect(summary.openOrders).toBe([...idsOf('created')].filter((id) => !deleted.has(id)).length);
  expect(summary.batches).toBe(EVENTS / 100 + 1);
});

test.each(['ample', 'tight'] as const)(
  'with %s funding a second run, in batches of any size, changes nothing',
  async (funding) => {
    const url = await freshDatabase();
    const first = await runReplay({ url, events: day, funding });
    if (funding === 'tight') expect(first.rejected['insufficient_funds']).toBeGreaterThan(10);
    const before = await digest(url);
    for (const batch of [100, 7, 3_000]) {
      const again = await runReplay({ url, events: day, funding, batch });
      expect(await digest(url)).toEqual(before);
      expect(again.replayed).toBe(first.orders + first.cancelled + first.filled);
      expect(again.rejected['already_rejected']).toBe(first.rejected['insufficient_funds']);
      expect(accountedFor(again)).toBe(EVENTS);
      const { orders, cancelled, filled, pairedTrades, unpairedFills, skipped, openOrders } = first;
      expect(again).toMatchObject({
        ...{ orders, cancelled, filled, pairedTrades, unpairedFills, skipped, openOrders },
        audit: { ok: true },
      });
    }
  },
);

test.each(['ample', 'tight'] as const)(
  'with %s funding batches of every size lead to the same books',
  async (funding) => {
    const digests = [];
    for (const batch of [1, 10, 100, 4_000]) {
      const url = await freshDatabase();
      const events = day.slice(0, FEW);
      expect((await runReplay({ url, events, funding, batch })).audit.ok).toBe(true);
      digests.push(await digest(url, 'across'));
    }
    for (const one of digests) expect(one).toEqual(digests[0]);
  },
);

test('when one order of a trade was rejected, the market maker takes its place', async () => {
  const pair = (id: number, time: number, volume: bigint) => {
    const [maker, taker] = [`${id}`, `${id + 1}`];
    return [
      event({ orderId: maker, side: 'sell', time, volume, price: 10n ** 18n }),
      event({ orderId: taker, side: 'buy', time, volume, price: 10n ** 18n }),
      event({ orderId: maker, side: 'sell', time, volume: 0n, action: 'deleted' }),
      event({ orderId: taker, side: 'buy', time, volume: 0n, action: 'deleted' }),
    ];
  };
  // Some users have too little for some of these, so that one side, the other, or both are rejected.
  const events = Array.from({ length: 60 }, (_, n) => pair(2 * n, n * 10_000, 2_000_000_000n)).flat();
  const url = await freshDatabase();
  const summary = await runReplay({ url, events, funding: 'tight', batch: 1_000 });
  expect(summary.audit.ok).toBe(true);
  expect(accountedFor(summary)).toBe(events.length);
  expect(summary.unpairedFills).toBeGreaterThan(5);
  expect(summary.filled).toBe(2 * summary.pairedTrades + summary.unpairedFills);
  expect(summary.filled).toBe(summary.orders);
  expect(summary.openOrders).toBe(0);
  const other = await freshDatabase();
  await runReplay({ url: other, events, funding: 'tight', batch: 1 });
  expect(await digest(other, 'across')).toEqual(await digest(url, 'across'));
});

test('an order with a price that the market does not take is rejected, and its later lines are skipped', async () => {
  const odd = { orderId: '1', price: 10n ** 18n + 1n };
  const events = [event(odd), event({ ...odd, action: 'changed', volume: 5n })];
  const summary = await runReplay({ url: await freshDatabase(), events });
  expect(summary.rejected).toEqual({ invalid_price: 1 });
  expect(summary.skipped).toEqual({ order_rejected: 1 });
});

test('a recording without events leaves books that pass the audit', async () => {
  const summary = await runReplay({ url: await freshDatabase(), events: [] });
  expect(summary).toMatchObject({ events: 0, openOrders: 0, audit: { ok: true } });
});
