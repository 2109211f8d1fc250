import { beforeEach, expect, it } from 'vitest';
import { about, examine, found, usePatient } from './support.ts';

const patient = usePatient();
beforeEach(() => patient.client.query('DELETE FROM request_usage'));

/** The report when each key has so many bytes of answers kept, in a room of a thousand bytes. */
async function examined(usage: Record<string, number>, left = '1 hour') {
  for (const [caller, bytes] of Object.entries(usage)) {
    await patient.client.query(
      `INSERT INTO request_usage VALUES ($1, now() + $2::interval, gen_random_uuid(), $3)`,
      [caller, left, bytes],
    );
  }
  return examine(patient.url, { idempotencyRoom: 1_000 });
}

it('neither keys with room left nor expired answers are reported', async () => {
  expect(found(await examined({ a: 100, b: 100 }), 'idempotency_room')).toEqual([]);
  expect(found(await examined({ a: 900 }, '-1 minute'), 'idempotency_room')).toEqual([]);
});

it('a key that comes close to its share of the room is reported as advice, with the figures', async () => {
  const report = await examined({ a: 210, b: 50 });
  expect(report.ok).toBe(true);
  expect(found(report, 'idempotency_room')).toEqual(['advice key a']);
  expect(about(report, 'key a').message).toBe('has 210 bytes of answers kept, 85% of what it may have, 246');
});

it('a key whose writes are refused is reported as hurting, and so is a room that is full for all keys', async () => {
  const one = await examined({ a: 300 });
  expect(found(one, 'idempotency_room')).toEqual(['hurts key a']);
  const { message, remedy } = about(one, 'key a');
  expect(message).toBe(
    'has 300 bytes of answers kept, as much as it may have, 233: its calls that write are refused with 429 quota_exceeded',
  );
  expect(remedy).toContain('pincex keys list');
  const all = await examined({ b: 700 });
  expect(all.ok).toBe(false);
  expect(about(all, 'service.idempotency_room').message).toBe(
    'has 1,000 bytes of answers kept, as much as it may have, 1,000: calls that write are refused with 429 quota_exceeded',
  );
});
