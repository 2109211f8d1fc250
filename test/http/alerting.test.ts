import { pino } from 'pino';
import { expect, it, onTestFinished, vi } from 'vitest';
import { startService } from '../../src/http/service.ts';
import { Pincex, type Alert } from '../../src/index.ts';
import { configOf, useBooks } from '../support/books.ts';
import { until } from '../support/waiting.ts';

// The service judges every ten seconds; here such ten seconds are over at once.
vi.mock('node:timers/promises', async (importOriginal) => {
  const real = await importOriginal<typeof import('node:timers/promises')>();
  const setTimeout: typeof real.setTimeout = (ms, ...rest) =>
    real.setTimeout(ms === 10_000 ? 1 : ms, ...rest);
  return { ...real, setTimeout };
});

const books = useBooks({}, { audited: false });

it('the service judges by itself: an alert is in its log and comes to onAlert, and the lease ends with the service', async () => {
  const lines: string[] = [];
  const alerts: Alert[] = [];
  const config = configOf(books.url, { PINCEX_SERVICE_PORT: '0', PINCEX_SERVICE_DRAIN_DELAY: '0s' });
  const pincex = await Pincex.open({ config, onAlert: (alert) => alerts.push(alert) });
  onTestFinished(() => pincex.close());
  const logger = pino({ name: 'test' }, { write: (line: string) => lines.push(line) });
  const service = await startService(pincex, { logger });
  await books.sql(`INSERT INTO last_audit VALUES (true, now(), 1, '{fills_are_paid}')`);
  await until('the alert', () => alerts.length > 0);
  await books.sql('UPDATE last_audit SET findings = 0');
  await until('its end', () => alerts.length > 1);
  await service.stop();
  expect(alerts.map(({ state }) => state)).toEqual(['firing', 'resolved']);
  const logged = lines
    .map((line) => JSON.parse(line) as { level: number; alert?: Alert })
    .filter(({ alert }) => alert !== undefined);
  expect(logged.map(({ level, alert }) => [level, alert])).toEqual([
    [50, alerts[0]],
    [30, alerts[1]],
  ]);
  expect(await books.sql('SELECT FROM alert_lease WHERE held_until > now()')).toEqual([]);
});
