import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { Alerting } from '../../src/background/alerting.ts';
import { PincexClient } from '../../src/client/index.ts';
import type { Alert } from '../../src/index.ts';
import { recordingLog } from '../alerts/support.ts';
import { useBooks } from '../support/books.ts';
import { makeKey, useService } from './support.ts';

const books = useBooks({}, { audited: false });
const service = useService(books);

/** An alert that fires. */
async function raise(): Promise<Alert> {
  await books.sql(
    `TRUNCATE alerts, alert_deliveries, alert_lease, last_audit;
     INSERT INTO last_audit VALUES (true, now(), 1, '{fills_are_paid}')`,
  );
  const alerting = new Alerting(books.pincex, recordingLog());
  await alerting.tick();
  await alerting.stop();
  return (await books.pincex.alerts.list())[0]!;
}

it('the service lists alerts to keys that may read, and an admin acknowledges one', async () => {
  const alert = await raise();
  const reader = { authorization: `Bearer ${await makeKey(service.pincex, 'read')}` };
  const listed = await service.get<{ alerts: Alert[] }>('/v1/alerts', reader);
  expect(listed.body).toEqual({ alerts: [alert] });
  const path = `/v1/alerts/${alert.id}/acknowledge`;
  expect((await service.post(path, { by: 'ann' }, reader)).status).toBe(403);
  const acknowledged = await service.post<Alert>(path, { by: 'ann' });
  expect(acknowledged).toMatchObject({ status: 200, body: { id: alert.id, acknowledgedBy: 'ann' } });
  expect((await service.get<{ alerts: Alert[] }>('/v1/alerts')).body.alerts).toEqual([acknowledged.body]);
});

it('the client lists alerts and acknowledges one', async () => {
  const alert = await raise();
  const client = new PincexClient({ url: service.url, key: service.key });
  expect(await client.getAlerts()).toEqual([alert]);
  const acknowledged = await client.acknowledgeAlert(alert.id, 'ann');
  expect(acknowledged).toMatchObject({ id: alert.id, acknowledgedBy: 'ann' });
  expect(await client.acknowledgeAlert(alert.id, 'bob')).toEqual(acknowledged);
});

it.each([
  [randomUUID(), { by: 'ann' }, 404, 'not_found'],
  ['x', { by: 'ann' }, 404, 'not_found'],
  [randomUUID(), { by: '' }, 400, 'invalid_argument'],
  [randomUUID(), {}, 400, 'malformed_request'],
  [randomUUID(), { by: 'ann', to: 'bob' }, 400, 'malformed_request'],
])('an acknowledgement of %s with %j is refused with %i %s', async (id, body, status, code) => {
  const answer = await service.post<{ code: string }>(`/v1/alerts/${id}/acknowledge`, body);
  expect([answer.status, answer.body.code]).toEqual([status, code]);
});

it('a key that is bound to users or markets sees no alerts, which are of all of them', async () => {
  const { key } = await service.pincex.apiKeys.create({ name: 'bound', scopes: ['read'], users: ['alice'] });
  const answer = await service.get('/v1/alerts', { authorization: `Bearer ${key}` });
  expect(answer.status).toBe(403);
});
