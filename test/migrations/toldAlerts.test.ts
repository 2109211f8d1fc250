import { expect, it, onTestFinished } from 'vitest';
import { withClient } from '../../src/database/client.ts';
import { migrateDown, migrateUp } from '../../src/migrations/runner.ts';
import { createTestDatabase } from '../support/database.ts';

it('alerts that fired or were resolved before the migration count as told', async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const { url } = database;
  await withClient(url, (client) => migrateDown(client, { to: 21 }));
  await withClient(url, async (client) => {
    await client.query(
      `INSERT INTO alerts (id, rule, subject, severity, state, message, pending_at, fired_at, resolved_at) VALUES
         (gen_random_uuid(), 'a', '', 'error', 'pending', '', now(), NULL, NULL),
         (gen_random_uuid(), 'b', '', 'error', 'firing', '', now(), now(), NULL),
         (gen_random_uuid(), 'c', '', 'error', 'resolved', '', now(), now(), now())`,
    );
    await migrateUp(client);
    const { rows } = await client.query('SELECT rule, told_state FROM alerts ORDER BY rule');
    expect(rows).toEqual([
      { rule: 'a', told_state: null },
      { rule: 'b', told_state: 'firing' },
      { rule: 'c', told_state: 'resolved' },
    ]);
  });
});
