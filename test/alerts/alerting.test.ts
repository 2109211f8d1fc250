import { createHmac } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { hostname } from 'node:os';
import pg from 'pg';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { writeAlerts } from '../../src/alerts/statements.ts';
import { Alerting } from '../../src/background/alerting.ts';
import type { Alert, AlertsConfig, PincexOptions } from '../../src/index.ts';
import { Reporter } from '../../src/monitor/reporter.ts';
import { Statistics } from '../../src/monitor/statistics.ts';
import { useBooks } from '../support/books.ts';
import { holdClock } from '../support/clock.ts';
import { until } from '../support/waiting.ts';
import { openWithAlerts, recordingLog, SECRET, useReceiver, type Receiver } from './support.ts';

const books = useBooks({}, { audited: false });

beforeEach(async () => {
  // The processes of earlier tests would count as running for half a minute.
  await books.sql('TRUNCATE alerts, alert_deliveries, alert_lease, last_audit, processes');
});

/** A process that judges when the test says. */
async function openAlerting(
  settings: Partial<AlertsConfig> = {},
  { webhookMs, ...options }: Omit<PincexOptions, 'config'> & { webhookMs?: number } = {},
) {
  const pincex = await openWithAlerts(books.url, settings, options);
  const log = recordingLog();
  const alerting = new Alerting(pincex, log, webhookMs);
  const reporter = new Reporter(books.url, pincex.statistics);
  onTestFinished(async () => {
    await alerting.stop();
    await pincex.close();
  });
  /** Reports what the process has counted, and judges. */
  const reportAndTick = async () => {
    await reporter.report();
    await alerting.tick();
  };
  return { pincex, log, alerting, reportAndTick };
}

const webhookOf = ({ url }: Receiver) => ({ webhook: { url, secret: SECRET } });

/** Makes the last audit one that found this many rows at fault: the rule `audit` does not wait. */
const auditFound = (findings: number) =>
  books.sql(
    `INSERT INTO last_audit VALUES (true, now(), $1, '{fills_are_paid}')
     ON CONFLICT (only_one) DO UPDATE SET findings = excluded.findings`,
    [findings],
  );
/** The subject of alerts about this process. */
const OWN = `${hostname()}:${process.pid}`;

const makeDue = () => books.sql('UPDATE alert_deliveries SET next_at = now()');
const waiting = async () =>
  (await books.sql<{ event: string }>('SELECT event FROM alert_deliveries ORDER BY created_at')).map(
    ({ event }) => event,
  );

describe('an alert of these books', () => {
  it('an alert is logged, is an event of the library, and is listed, when it fires and when it is resolved', async () => {
    const events: Alert[] = [];
    const { pincex, log, alerting } = await openAlerting({}, { onAlert: (alert) => events.push(alert) });
    await auditFound(2);
    await alerting.tick();
    await alerting.tick();
    expect(events).toMatchObject([{ rule: 'audit', state: 'firing', severity: 'error', resolvedAt: null }]);
    expect(log.error.mock.calls).toEqual([
      [{ alert: events[0] }, expect.stringMatching(/^alert firing: audit: .* 2 rows at fault/)],
    ]);
    expect(await pincex.alerts.list()).toEqual([events[0]]);
    await auditFound(0);
    await alerting.tick();
    expect(events[1]).toMatchObject({ id: events[0]!.id, state: 'resolved', firedAt: events[0]!.firedAt });
    expect(log.info.mock.calls).toEqual([[{ alert: events[1] }, expect.stringMatching(/^alert resolved/)]]);
    expect(await pincex.alerts.list()).toEqual([events[1]]);
  });

  it('an alert is told although the deliveries after it cannot be taken', async () => {
    const events: Alert[] = [];
    const { log, alerting } = await openAlerting({}, { onAlert: (alert) => events.push(alert) });
    await auditFound(2);
    await books.sql(
      `INSERT INTO alerts (id, rule, subject, severity, state, told_state, message, pending_at, fired_at, resolved_at)
       SELECT gen_random_uuid(), 'p95', '', 'warning', 'resolved', 'resolved', 'old', at, at, at FROM (VALUES (now() - interval '1 year')) AS old (at)`,
    );
    await books.sql(
      `CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''broken''; END'`,
    );
    await books.sql('CREATE TRIGGER broken BEFORE DELETE ON alerts FOR EACH ROW EXECUTE FUNCTION broken()');
    onTestFinished(async () => {
      await books.sql('DROP FUNCTION broken CASCADE');
    });
    await alerting.tick();
    expect(events).toMatchObject([{ rule: 'audit', state: 'firing' }]);
    expect(log.error.mock.calls.at(-1)).toEqual([expect.anything(), 'alerts could not be judged']);
  });

  it('an audit returns its report although its outcome cannot be stored', async () => {
    const { pincex } = await openAlerting();
    const warnings = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    await books.sql('ALTER TABLE last_audit RENAME TO hidden');
    onTestFinished(async () => {
      warnings.mockRestore();
      await books.sql('ALTER TABLE hidden RENAME TO last_audit');
    });
    expect(await pincex.audit()).toMatchObject({ ok: true });
    expect(warnings.mock.calls).toEqual([
      [
        expect.stringContaining('was not stored'),
        expect.objectContaining({ code: 'PINCEX_AUDIT_NOT_STORED' }),
      ],
    ]);
  });

  it('an alert of a slow or busy process is logged as a warning', async () => {
    const { log, reportAndTick, pincex } = await openAlerting({ forMs: 0, poolUse: 0 });
    await pincex.transaction(reportAndTick);
    expect(log.warn.mock.calls).toEqual([
      [expect.anything(), `alert firing: pool_use ${OWN}: 1 of 10 connections are in use, 10%, above 0%`],
    ]);
  });

  it('a listener of alerts that throws makes nothing fail', async () => {
    const warnings: string[] = [];
    const warned = ({ message }: Error) => warnings.push(message);
    process.on('warning', warned);
    onTestFinished(() => void process.off('warning', warned));
    const { log, alerting, pincex } = await openAlerting(
      {},
      {
        onAlert: () => {
          throw new Error('The listener threw');
        },
      },
    );
    await auditFound(1);
    await alerting.tick();
    expect(log.error).toHaveBeenCalledTimes(1);
    expect(await pincex.alerts.list()).toHaveLength(1);
    await until('the warning', () => warnings.some((text) => text.includes('The listener threw')));
  });

  it('pincex.audit notes whether it found something, for the alert', async () => {
    const { alerting, pincex } = await openAlerting();
    await pincex.bookkeeper.deposit({ id: 'd', userId: 'alice', currency: 'USD', amount: '5' });
    await books.sql(`UPDATE accounts SET available = 6 WHERE user_id = 'alice'`);
    expect((await pincex.audit()).ok).toBe(false);
    await alerting.tick();
    expect(await pincex.alerts.list()).toMatchObject([{ rule: 'audit', state: 'firing' }]);
    await books.sql(`UPDATE accounts SET available = 5 WHERE user_id = 'alice'`);
    expect((await pincex.audit()).ok).toBe(true);
    await alerting.tick();
    expect(await pincex.alerts.list()).toMatchObject([{ rule: 'audit', state: 'resolved' }]);
  });

  it('a hold that nobody returns, and failing batches, raise alerts', async () => {
    const { reportAndTick, pincex } = await openAlerting({ forMs: 0, p95Ms: null, p99Ms: null });
    const { bookkeeper } = pincex;
    const item = { userId: 'bob', currency: 'USD', amount: '1' };
    await bookkeeper.deposit({ ...item, id: 'd' });
    await bookkeeper.lockFunds({ ...item, id: 'l', orderId: 'o', expiresAt: '2020-01-01T00:00:00Z' });
    const failing = { items: 1, durationMs: 1, errorCode: 'conflict' };
    for (let i = 0; i < 20; i++) pincex.monitor.record('batch_transfer', failing);
    await reportAndTick();
    const list = await pincex.alerts.list();
    expect(list.map(({ rule }) => rule).sort()).toEqual(['holds_overdue', 'success_rate']);
    expect(list.find(({ rule }) => rule === 'success_rate')!.message).toContain(
      '(conflict 20), most of batch_transfer',
    );
    await pincex.sweepExpired();
    await reportAndTick();
    expect(await pincex.alerts.list()).toMatchObject([{ rule: 'success_rate' }, { state: 'resolved' }]);
  });

  it('reads that fail raise alerts, and operations of the caller raise none', async () => {
    const { reportAndTick, pincex } = await openAlerting({ forMs: 0, p95Ms: null, p99Ms: null });
    const failing = { items: 1, durationMs: 1, errorCode: 'conflict' };
    for (let i = 0; i < 20; i++) pincex.monitor.record('my_job', failing);
    await reportAndTick();
    expect(await pincex.alerts.list()).toEqual([]);
    for (let i = 0; i < 20; i++) pincex.monitor.record('stream_trades', failing);
    await reportAndTick();
    const [alert] = await pincex.alerts.list();
    expect(alert?.message).toMatch(/^0% of 20 operations .* most of stream_trades$/);
  });

  it('the pool of another process raises an alert, whichever process judges', async () => {
    const { alerting, pincex } = await openAlerting({ forMs: 0 });
    const other = new Reporter(books.url, new Statistics({ poolMax: 10, poolInUse: () => 9 }));
    await other.report();
    await alerting.tick();
    expect(await pincex.alerts.list()).toMatchObject([
      { rule: 'pool_use', subject: OWN, message: '9 of 10 connections are in use, 90%, above 80%' },
    ]);
    await other.close();
    await alerting.tick();
    expect(await pincex.alerts.list()).toMatchObject([{ rule: 'pool_use', state: 'resolved' }]);
  });

  it('the process that judges asks the doctor once a minute, and a check that hurts raises an alert', async () => {
    const clock = holdClock();
    const { alerting, pincex } = await openAlerting({ forMs: 0 });
    const doctor = vi.spyOn(pincex, 'doctor');
    await books.sql('DROP INDEX trades_order');
    for (const passedMs of [0, 59_999, 1, 59_999]) {
      clock.pass(passedMs);
      await alerting.tick();
    }
    expect(doctor).toHaveBeenCalledTimes(1);
    expect(await pincex.alerts.list()).toMatchObject([
      { rule: 'doctor', subject: 'indexes_there', state: 'firing', severity: 'error' },
    ]);
    await books.sql('CREATE INDEX trades_order ON trades (order_id)');
    clock.pass(1);
    await alerting.tick();
    expect(await pincex.alerts.list()).toMatchObject([{ state: 'resolved' }]);
  });

  it('waits for the pool are counted from one report of a process to the next', async () => {
    const { pincex, alerting, reportAndTick } = await openAlerting({ forMs: 0 });
    for (let n = 0; n < 1_000; n++) pincex.statistics.poolWait(1);
    await new Reporter(books.url, pincex.statistics).report();
    await books.sql(`UPDATE processes SET seen_at = seen_at - interval '10 s'`);
    await alerting.tick();
    expect(await pincex.alerts.list()).toEqual([]);
    for (let n = 0; n < 1_000; n++) pincex.statistics.poolWait(1);
    await reportAndTick();
    const [alert] = await pincex.alerts.list();
    expect(alert).toMatchObject({ rule: 'pool_waits', subject: OWN });
    expect(Number.parseInt(alert!.message)).toBeLessThanOrEqual(6_000);
  });

  it('an alert that was pending when the judging ceased does not fire as soon as it goes on', async () => {
    const { pincex, reportAndTick } = await openAlerting({ poolUse: 0 });
    const states = async () => (await pincex.alerts.list()).map(({ state }) => state);
    await pincex.transaction(async () => {
      await reportAndTick();
      await books.sql(
        `UPDATE alerts SET pending_at = pending_at - interval '1 hour', judged_at = judged_at - interval '1 hour'`,
      );
      for (let tick = 0; tick < 2; tick++) await reportAndTick();
      expect(await states()).toEqual(['pending']);
      // An hour passes in which it is judged.
      await books.sql(`UPDATE alerts SET pending_at = pending_at - interval '1 hour'`);
      await reportAndTick();
      expect(await states()).toEqual(['firing']);
    });
  });

  it('a tick that fails is logged, and the next one judges', async () => {
    const { alerting, pincex, log } = await openAlerting();
    await auditFound(1);
    await books.sql('ALTER TABLE alert_lease RENAME TO gone');
    await alerting.tick();
    expect(log.error.mock.calls).toEqual([
      [{ err: expect.any(Error) as Error }, 'alerts could not be judged'],
    ]);
    await books.sql('ALTER TABLE gone RENAME TO alert_lease');
    await alerting.tick();
    expect(await pincex.alerts.list()).toHaveLength(1);
  });

  it('judging takes no connection of the pool, and succeeds while the pool has none', async () => {
    const { reportAndTick, pincex } = await openAlerting();
    await auditFound(1);
    const { pool } = pincex.config.database;
    let isOver = false;
    const holding = Array.from({ length: pool.max }, () =>
      pincex.transaction(async ({ client }) => {
        await client.query('SELECT');
        await until('the tick', () => isOver);
      }),
    );
    await until('the pool to be taken', () => pincex.statistics.snapshot().pool.inUse === pool.max);
    await reportAndTick();
    isOver = true;
    await Promise.all(holding);
    const list = await pincex.alerts.list();
    expect(list.map(({ rule, state }) => `${state} ${rule}`)).toEqual(['firing audit', 'pending pool_use']);
  });
});

describe('acknowledging an alert', () => {
  it('an alert has the name and the time of the first person that acknowledges it', async () => {
    const { alerting, pincex } = await openAlerting();
    await auditFound(1);
    await alerting.tick();
    const [{ id } = { id: '' }] = await pincex.alerts.list();
    const first = await pincex.alerts.acknowledge(id, { by: 'ann' });
    expect(first).toMatchObject({ id, state: 'firing', acknowledgedBy: 'ann' });
    expect(Date.parse(first.acknowledgedAt!)).toBeGreaterThanOrEqual(Date.parse(first.firedAt!));
    expect(await pincex.alerts.acknowledge(id, { by: 'bob' })).toEqual(first);
    await auditFound(0);
    await alerting.tick();
    expect(await pincex.alerts.list()).toMatchObject([{ state: 'resolved', acknowledgedBy: 'ann' }]);
  });

  it.each([
    ['no id', 'x', { by: 'ann' }, 'No alert that fires or was resolved has the id "x"'],
    ['no alert', '0198c2f0-33f9-731b-9746-4513985db602', { by: 'ann' }, 'No alert that fires'],
    ['no name', 'x', {}, 'by is the name of a person'],
    ['an empty name', 'x', { by: ' ' }, 'by is the name of a person'],
    ['a name with a line feed', 'x', { by: 'a\nb' }, 'by is the name of a person'],
    ['an unknown option', 'x', { by: 'ann', to: 'bob' }, '"to" is not an option of alerts.acknowledge'],
  ])('%s is refused: %s %j', async (_, id, acknowledgement, message) => {
    const refused = books.pincex.alerts.acknowledge(id, acknowledgement as { by: string });
    await expect(refused).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringContaining(message) as string,
    });
  });
});

describe('the webhook', () => {
  it('the webhook gets both events of an alert, signed, each once', async () => {
    const webhook = await useReceiver();
    const { alerting } = await openAlerting(webhookOf(webhook));
    for (const findings of [1, 1, 0, 0]) {
      await auditFound(findings);
      await alerting.tick();
      await alerting.idle();
    }
    expect(webhook.events).toEqual(['firing audit', 'resolved audit']);
    for (const { headers, text, body } of webhook.received) {
      const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature } = headers;
      const signed = `${String(id)}.${String(timestamp)}.${text}`;
      const key = Buffer.from(SECRET.slice('whsec_'.length), 'base64');
      expect(signature).toBe(`v1,${createHmac('sha256', key).update(signed).digest('base64')}`);
      // The signed text is separated by dots.
      expect(id).toBe(`${body.data.id}_${body.data.state}`);
      expect(body.type).toBe(`alert.${body.data.state}`);
      expect(Date.parse(body.timestamp)).toBeGreaterThan(0);
    }
    expect(await waiting()).toEqual([]);
  });

  it('a webhook that answers 500 is told again, in order, until it takes the events', async () => {
    const webhook = await useReceiver();
    const { alerting, log } = await openAlerting(webhookOf(webhook));
    webhook.answer = 500;
    await auditFound(1);
    await alerting.tick();
    await auditFound(0);
    for (let attempt = 0; attempt < 3; attempt++) {
      await alerting.idle();
      await makeDue();
      await alerting.tick();
    }
    await alerting.idle();
    expect(webhook.events).toEqual(Array(4).fill('firing audit'));
    expect(await waiting()).toEqual(['firing', 'resolved']);
    expect(log.warn.mock.calls.map(([fields]) => (fields as { pauseMs: number }).pauseMs)).toEqual([
      5_000, 10_000, 20_000, 40_000,
    ]);
    webhook.answer = 204;
    for (let attempt = 0; attempt < 2; attempt++) {
      await makeDue();
      await alerting.tick();
      await alerting.idle();
    }
    expect(webhook.events.slice(4)).toEqual(['firing audit', 'resolved audit']);
    const ids = webhook.received.map(({ headers }) => headers['webhook-id']);
    expect(new Set(ids.slice(0, 5)).size).toBe(1);
    expect(await waiting()).toEqual([]);
  });

  it('a failed delivery is not tried before its pause is over', async () => {
    const webhook = await useReceiver();
    const { alerting } = await openAlerting(webhookOf(webhook));
    webhook.answer = 500;
    await auditFound(1);
    await alerting.tick();
    await alerting.idle();
    // An hour: a slow machine must not reach it.
    await books.sql(`UPDATE alert_deliveries SET next_at = next_at + interval '1 hour'`);
    await alerting.tick();
    await alerting.idle();
    expect(webhook.events).toEqual(['firing audit']);
  });

  it('a webhook that hangs holds up neither judging nor the events of other alerts', async () => {
    const webhook = await useReceiver();
    const hanging: ServerResponse[] = [];
    webhook.answer = (response) => hanging.push(response);
    const settings = { ...webhookOf(webhook), forMs: 0, poolUse: 0 };
    const { alerting, pincex, reportAndTick } = await openAlerting(settings);
    await auditFound(1);
    await alerting.tick();
    await until('the webhook to hang', () => hanging.length === 1);
    webhook.answer = 204;
    await pincex.transaction(reportAndTick);
    await until('the other event', () => webhook.events.includes('firing pool_use'));
    expect((await pincex.alerts.list()).map(({ state }) => state)).toEqual(['firing', 'firing']);
    hanging[0]!.writeHead(200).end();
    await alerting.idle();
    expect(await waiting()).toEqual([]);
  });

  it('an attempt that gets no answer ends by itself, and the event is told later', async () => {
    const webhook = await useReceiver();
    webhook.answer = () => undefined;
    const { alerting, log } = await openAlerting(webhookOf(webhook), { webhookMs: 20 });
    await auditFound(1);
    await alerting.tick();
    await alerting.idle();
    expect(log.warn).toHaveBeenCalledTimes(1);
    expect(await waiting()).toEqual(['firing']);
  });

  it('what the webhook did not take is told by the next process', async () => {
    const webhook = await useReceiver();
    webhook.answer = () => undefined;
    const first = await openAlerting(webhookOf(webhook));
    await auditFound(1);
    await first.alerting.tick();
    await until('the webhook to be called', () => webhook.events.length === 1);
    await first.alerting.stop();
    webhook.answer = 204;
    const second = await openAlerting(webhookOf(webhook));
    await makeDue();
    await second.alerting.tick();
    await second.alerting.idle();
    expect(webhook.events).toEqual(['firing audit', 'firing audit']);
    expect(await waiting()).toEqual([]);
  });

  it('an answer other than 2xx, such as a redirect, is not followed and does not count', async () => {
    const webhook = await useReceiver();
    webhook.answer = (response) => response.writeHead(307, { location: webhook.url }).end();
    const { alerting } = await openAlerting(webhookOf(webhook));
    await auditFound(1);
    await alerting.tick();
    await alerting.idle();
    expect(webhook.events).toEqual(['firing audit']);
    expect(await waiting()).toEqual(['firing']);
  });

  it('without a webhook nothing is kept for one', async () => {
    const { alerting } = await openAlerting();
    await auditFound(1);
    await alerting.tick();
    expect(await waiting()).toEqual([]);
  });
});

describe('several processes', () => {
  it('one process holds the lease and judges, and once it stops another goes on with the same alerts', async () => {
    const [one, two] = [await openAlerting(), await openAlerting()];
    await auditFound(1);
    await one.alerting.tick();
    await two.alerting.tick();
    expect([one.log.error.mock.calls.length, two.log.error.mock.calls.length]).toEqual([1, 0]);
    await one.alerting.stop();
    await auditFound(0);
    await two.alerting.tick();
    expect(two.log.info).toHaveBeenCalledTimes(1);
    expect(await one.pincex.alerts.list()).toMatchObject([{ state: 'resolved' }]);
  });

  it('a process whose lease was taken over while it judged writes nothing and tells nobody', async () => {
    const { alerting, log, pincex } = await openAlerting();
    await alerting.tick();
    await auditFound(1);
    await books.sql(
      `CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN NEW.holder = gen_random_uuid(); RETURN NEW; END $$;
       CREATE TRIGGER lose BEFORE UPDATE ON alert_lease FOR EACH ROW EXECUTE FUNCTION lose()`,
    );
    onTestFinished(() => void books.sql('DROP FUNCTION IF EXISTS lose CASCADE'));
    await alerting.tick();
    await books.sql('DROP FUNCTION lose CASCADE');
    expect(log.error).not.toHaveBeenCalled();
    expect(await pincex.alerts.list()).toEqual([]);
  });

  it('an event whose commit could not be confirmed is told by the next process that judges, once', async () => {
    const events: string[] = [];
    const [one, two] = [
      await openAlerting(),
      await openAlerting({}, { onAlert: ({ rule, state }) => events.push(`${state} ${rule}`) }),
    ];
    await auditFound(1);
    const { query } = pg.Client.prototype as unknown as {
      query: (config: pg.QueryConfig) => Promise<unknown>;
    };
    const send = vi.spyOn(pg.Client.prototype, 'query').mockImplementation(async function (
      this: pg.Client,
      config: pg.QueryConfig,
    ) {
      const result = await query.call(this, config);
      if (config.text === writeAlerts.text) throw new Error('The connection broke after the commit');
      return result;
    } as never);
    await one.alerting.tick();
    send.mockRestore();
    expect(one.log.error.mock.calls).toEqual([[expect.anything(), 'alerts could not be judged']]);
    await books.sql('UPDATE alert_lease SET held_until = now()');
    await two.alerting.tick();
    await two.alerting.tick();
    expect(events).toEqual(['firing audit']);
    expect(two.log.error).toHaveBeenCalledTimes(1);
  });

  it('a lease that ran out is taken by the next process that judges', async () => {
    const [one, two] = [await openAlerting(), await openAlerting()];
    await one.alerting.tick();
    await auditFound(1);
    await books.sql('UPDATE alert_lease SET held_until = now()');
    await two.alerting.tick();
    await one.alerting.tick();
    expect([one.log.error.mock.calls.length, two.log.error.mock.calls.length]).toEqual([0, 1]);
  });
});

it('alerts that were resolved more than thirty days ago are deleted', async () => {
  const { alerting, pincex } = await openAlerting();
  for (const findings of [1, 0]) {
    await auditFound(findings);
    await alerting.tick();
  }
  await books.sql(`UPDATE alerts SET resolved_at = resolved_at - interval '29 days'`);
  await alerting.tick();
  expect(await pincex.alerts.list()).toHaveLength(1);
  await books.sql(`UPDATE alerts SET resolved_at = resolved_at - interval '1 day'`);
  await alerting.tick();
  expect(await pincex.alerts.list()).toEqual([]);
});
