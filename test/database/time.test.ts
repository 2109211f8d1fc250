import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { momentText, takeMoments } from '../../src/database/sql/moment.ts';
import { isoMoment, isoTime } from '../../src/database/sql/time.ts';

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
  ['2026-01-31 12:00:00+00', '000', '000'],
  ['2026-01-31 12:00:00.5+00', '500', '000'],
  ['2026-01-31 12:00:00.05+00', '050', '000'],
  ['2026-01-31 12:00:00.123+00', '123', '000'],
  ['2026-01-31 12:00:00.1234+00', '123', '400'],
  ['2026-01-31 12:00:00.00001+00', '000', '010'],
  ['2026-01-31 12:00:00.123456+00', '123', '456'],
])('the time %s has %s milliseconds, and as a moment %s microseconds more', (printed, millis, micros) => {
  expect(isoTime(printed)).toBe(`2026-01-31T12:00:00.${millis}Z`);
  expect(isoMoment(printed)).toBe(`2026-01-31T12:00:00.${millis}${micros}Z`);
});

const printed = async (text: string): Promise<string> => {
  const { rows } = await client.query<{ printed: string }>('SELECT $1::timestamptz::text AS printed', [text]);
  return rows[0]!.printed;
};

it('every time that PostgreSQL stores reads back as it was sent', async () => {
  const times = fc.date({
    min: new Date('1970-01-01T00:00:00Z'),
    max: new Date('9999-12-31T23:59:59.999Z'),
    noInvalidDate: true,
  });
  await fc.assert(
    fc.asyncProperty(times, async (time) => {
      expect(isoTime(await printed(time.toISOString()))).toBe(time.toISOString());
    }),
    { numRuns: 200 },
  );
});

it('every moment that PostgreSQL stores reads back as it was sent', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), async (moment) => {
      const text = momentText(moment);
      expect(isoMoment(await printed(text))).toBe(text);
    }),
    { numRuns: 200 },
  );
});

it('moments rise and none is taken twice, for any number taken at once', () => {
  const taken = [3, 1, 100_000, 1, 1].flatMap((count) => {
    const first = takeMoments(count);
    return [first, first + count - 1];
  });
  expect([...taken].sort((a, b) => a - b)).toEqual(taken);
  expect(taken[2]! - taken[1]!).toBeGreaterThan(0);
  expect(taken[6]! - taken[5]!).toBeGreaterThan(0);
});
