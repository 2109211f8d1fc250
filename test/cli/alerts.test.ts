import { expect, it } from 'vitest';
import type { Alert } from '../../src/index.ts';
import { Alerting } from '../../src/background/alerting.ts';
import { recordingLog } from '../alerts/support.ts';
import { useBooks } from '../support/books.ts';
import { pincexCli } from '../support/commandLine.ts';

const books = useBooks({}, { audited: false });

const alerts = (...args: string[]) => pincexCli(['alerts', ...args], { env: { DATABASE_URL: books.url } });

it('pincex alerts lists an alert, and pincex alerts ack acknowledges it', async () => {
  await books.sql(`INSERT INTO last_audit VALUES (true, '2030-01-01', 3, '{fills_are_paid}')`);
  const alerting = new Alerting(books.pincex, recordingLog());
  await alerting.tick();
  await alerting.stop();
  const [alert] = JSON.parse((await alerts('list', '--json')).stdout) as Alert[];
  const { id, firedAt } = alert!;
  expect(alert).toEqual((await books.pincex.alerts.list())[0]);
  const line = `${id} +firing +error +audit +${firedAt} +`;
  const what = 'The audit of 2030-01-01T00:00:00.000Z found 3 rows at fault, above 0, by fills_are_paid';
  expect((await alerts()).stdout).toMatch(new RegExp(`^${line}no +${what}$`, 'm'));

  const ack = await alerts('ack', id, '--by', 'ann');
  expect(ack).toMatchObject({ exitCode: 0, stderr: '' });
  expect(ack.stdout).toMatch(new RegExp(`^${id} \\(audit\\) is acknowledged by ann since \\S+Z\n$`));
  expect((await alerts()).stdout).toMatch(new RegExp(`^${line}by ann since \\S+Z +${what}$`, 'm'));
  const again = JSON.parse((await alerts('ack', id, '--by', 'bob', '--json')).stdout) as Alert;
  expect(again.acknowledgedBy).toBe('ann');
});

it('pincex alerts ack refuses an unknown id, and a call without a name', async () => {
  expect(await alerts('ack', 'x', '--by', 'ann')).toMatchObject({
    exitCode: 1,
    stderr:
      'pincex: No alert that fires or was resolved has the id "x"; "pincex alerts" lists them (invalid_argument)\n',
  });
  expect((await alerts('ack', 'x')).stderr).toContain("required option '--by <name>' not specified");
});
