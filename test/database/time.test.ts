import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { isoTime } from '../../src/database/time.ts';

let client: pg.Client;
beforeAll(async () => {
  client = new pg.Client({
    connectionString: inject('serverUrl'),
    options: '-c TimeZone=UTC -c DateStyle=ISO',
  });
  await client.connect();
});
afterAll(() => client.end());

it.each([
  ['2026-01-31 12:00:00+00', '2026-01-31T12:00:00.000Z'],
  ['2026-01-31 12:00:00.5+00', '2026-01-31T12:00:00.500Z'],
  ['2026-01-31 12:00:00.05+00', '2026-01-31T12:00:00.050Z'],
  ['2026-01-31 12:00:00.123+00', '2026-01-31T12:00:00.123Z'],
  ['2026-01-31 12:00:00.123456+00', '2026-01-31T12:00:00.123456Z'],
  ['2026-01-31 12:00:00.1234+00', '2026-01-31T12:00:00.123400Z'],
  ['2026-01-31 12:00:00.00001+00', '2026-01-31T12:00:00.000010Z'],
  ['9999-12-31 23:59:59.999+00', '9999-12-31T23:59:59.999Z'],
])('%s is %s', (printed, iso) => {
  expect(isoTime(printed)).toBe(iso);
});

it('every moment that PostgreSQL stores reads back as it was sent', async () => {
  const moments = fc.date({
    min: new Date('1970-01-01T00:00:00Z'),
    max: new Date('9999-12-31T23:59:59.999Z'),
    noInvalidDate: true,
  });
  await fc.assert(
    fc.asyncProperty(moments, async (moment) => {
      const { rows } = await client.query<{ printed: string }>('SELECT $1::timestamptz::text AS printed', [
        moment.toISOString(),
      ]);
      expect(isoTime(rows[0]!.printed)).toBe(moment.toISOString());
    }),
    { numRuns: 200 },
  );
});
