import { randomUUID } from 'node:crypto';
import { expect, it, onTestFinished } from 'vitest';
import { withClient } from '../../src/database/client.ts';
import { requestHash, Requests, type NewRequest } from '../../src/requests/requests.ts';
import { migrateDown, migrateUp } from '../../src/migrations/runner.ts';
import { openBooks } from '../support/books.ts';
import { createTestDatabase } from '../support/database.ts';
import { execute, runOf } from '../requests/support.ts';

const callOf = (caller: string, batchId: string): NewRequest => ({
  caller,
  batchId,
  route: '/',
  key: null,
  hash: requestHash('/', ''),
  items: [['ann', 'd', 'transaction']],
});

it('answers and unfinished calls survive the migration rooms; taking it back drops only those that the earlier version cannot read', async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const { url } = database;
  const [short, long, open, doubled] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()];
  const bodies = { [short]: '{"é":1}', [long]: `{"text":"${'x'.repeat(10_000)}"}`, [doubled]: '{}' };
  const finished = async (batchId: string, caller = 'key') => {
    const { pincex, requests } = await opened();
    const run = runOf(await requests.begin(callOf(caller, batchId)));
    await execute(pincex, run, [], { status: 200, body: bodies[batchId]! });
    await pincex.close();
  };
  const opened = async () => {
    const pincex = await openBooks(url);
    return { pincex, requests: new Requests(pincex) };
  };
  /** The outcome of each batch, as its caller is told. */
  const told = async () => {
    const { pincex, requests } = await opened();
    const outcomes = [];
    for (const [batchId, caller] of [
      [short, 'key'],
      [long, 'key'],
      [open, 'key'],
      [doubled, 'key'],
      [doubled, 'other'],
    ] as const) {
      outcomes.push(await requests.outcome(batchId, caller, false));
    }
    await pincex.close();
    return outcomes;
  };
  const answer = (batchId: string) => ({ kind: 'finished', status: 200, body: bodies[batchId] });
  const interrupted = { kind: 'interrupted', batch: { results: [{ id: 'd', status: 'not_applied' }] } };
  const unknown = { kind: 'unknown' };

  for (const batchId of [short, long, doubled]) await finished(batchId);
  await finished(doubled, 'other');
  const { pincex, requests } = await opened();
  await runOf(await requests.begin(callOf('key', open))).release();
  await pincex.close();
  expect(await told()).toMatchObject([
    answer(short),
    answer(long),
    interrupted,
    answer(doubled),
    answer(doubled),
  ]);

  await withClient(url, (client) =>
    migrateDown(client, { to: 17, dropData: new URL(url).pathname.slice(1) }),
  );
  await withClient(url, async (client) => {
    // The earlier version writes an answer like this.
    await client.query(
      `INSERT INTO requests (batch_id, caller, route, content_hash, items, run_id, lease_until, status, body,
         created_at, finished_at, expires_at)
       SELECT $1, caller, route, content_hash, items, run_id, lease_until, status, $2,
         created_at, finished_at, expires_at
       FROM requests WHERE batch_id = $3`,
      [long, bodies[long], short],
    );
    await migrateUp(client);
    const { rows } = await client.query(
      `SELECT caller, bytes > 3 * 512 AND bytes < 3000 AS is_counted, expires_at > now() AS is_kept FROM request_usage`,
    );
    expect(rows).toEqual([{ caller: 'key', is_counted: true, is_kept: true }]);
    // PostgreSQL no longer compresses these columns.
    const stored = await client.query(
      `SELECT attname AS name, attstorage AS storage FROM pg_attribute
       WHERE attrelid = 'requests'::regclass AND attname IN ('body', 'items') ORDER BY attname`,
    );
    expect(stored.rows).toEqual([
      { name: 'body', storage: 'e' },
      { name: 'items', storage: 'e' },
    ]);
  });
  expect(await told()).toMatchObject([answer(short), answer(long), interrupted, answer(doubled), unknown]);
});
