import { expect, it, onTestFinished } from 'vitest';
import { useBooks } from '../support/books.ts';
import { start } from '../support/processes.ts';
import { until } from '../support/waiting.ts';
import { useReceiver, webhookVariables } from './support.ts';

const books = useBooks({}, { audited: false });

it('of two processes that judge at the same time one tells each event, and the webhook gets each once', async () => {
  const webhook = await useReceiver();
  const env = { DATABASE_URL: books.url, ...webhookVariables(webhook) };
  const judges = [1, 2].map(() => start('test/alerts/judge.ts', [], { env }));
  onTestFinished(() => {
    for (const { child } of judges) child.kill('SIGKILL');
  });
  let said = '';
  for (const { child } of judges) child.stdout?.on('data', (text: string) => (said += text));
  await until('both to judge', () => said.split('judging').length === 3);
  const expected: string[] = [];
  for (let round = 0; round < 5; round++) {
    for (const [findings, event] of [
      [1, 'firing audit'],
      [0, 'resolved audit'],
    ] as const) {
      await books.sql(
        `INSERT INTO last_audit VALUES (true, now(), $1, '{fills_are_paid}')
         ON CONFLICT (only_one) DO UPDATE SET findings = excluded.findings`,
        [findings],
      );
      expected.push(event);
      await until('the event', () => webhook.events.length >= expected.length);
      // The process that holds the lease loses it, so that the other one takes it.
      await books.sql('UPDATE alert_lease SET held_until = now()');
    }
  }
  for (const { child } of judges) child.kill('SIGTERM');
  const ended = await Promise.all(judges.map((judge) => judge.ended));
  expect(ended.map(({ exitCode, stderr }) => [exitCode, stderr])).toEqual([
    [0, ''],
    [0, ''],
  ]);
  const told = ended.flatMap(({ stdout }) => stdout.trim().split('\n')).filter((line) => line !== 'judging');
  expect(told.toSorted()).toEqual(expected.toSorted());
  expect(webhook.events).toEqual(expected);
});
