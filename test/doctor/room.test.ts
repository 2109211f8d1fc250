import { beforeEach, expect, it } from 'vitest';
import { about, examine, found, usePatient } from './support.ts';

const patient = usePatient();
beforeEach(() => patient.client.query('DELETE FROM request_usage'));

/** What the doctor says where these keys have so many bytes, of a room of a thousand. */
async function examined(usage: Record<string, number>, left = '1 hour') {
  for (const [caller, bytes] of Object.entries(usage)) {
    await patient.client.query(
      `INSERT INTO request_usage VALUES ($1, now() + $2::interval, gen_random_uuid(), $3)`,
      [caller, left, bytes],
    );
  }
  return examine(patient.url, { idempotencyRoom: 1_000 });
}

it('says nothing of keys that have room, nor of what has expired', async () => {
  expect(found(await examined({ a: 100, b: 100 }), 'idempotency_room')).toEqual([]);
  expect(found(await examined({ a: 900 }, '-1 minute'), 'idempotency_room')).toEqual([]);
});

it('names a key that comes close to what it may have, with the figures', async () => {
  const report = await examined({ a: 210, b: 50 });
  expect(report.ok).toBe(true);
  expect(found(report, 'idempotency_room')).toEqual(['advice key a']);
  expect(about(report, 'key a').message).toBe('has 210 bytes of answers kept, 85% of what it may have, 246');
});

it('says that a key is refused, and that all are', async () => {
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
