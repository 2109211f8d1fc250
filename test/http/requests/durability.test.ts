import { Requests } from '../../../src/http/requests/requests.ts';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { expect, it, onTestFinished } from 'vitest';
import { loadConfig, Pincex } from '../../../src/index.ts';
import { expectBalanced, fresh, funds, newUser } from '../../support/books.ts';
import { until } from '../../support/waiting.ts';
import { callOf, runOf, sent } from './support.ts';

/** What requests cost the disk, and what is left of them when the server dies. */

/** A server of this test's own, which writes its log when a commit asks for it and not by itself. */
async function quietServer() {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'pincex-requests-'));
  chmodSync(folder, 0o755);
  onTestFinished(() => {
    rmSync(folder, { recursive: true, force: true, maxRetries: 20 });
  });
  const dataDir = path.join(folder, 'data');
  const open = () => Pincex.open({ config: loadConfig({ env: { PINCEX_DATA_DIR: dataDir } }) });
  const pincex = await open();
  const client = new pg.Client({ connectionString: pincex.url });
  client.on('error', () => undefined);
  await client.connect();
  await client.query(`ALTER SYSTEM SET wal_writer_delay = '10s'`);
  await client.query('SELECT pg_reload_conf()');
  /** How far the log was written, and how far of that it is on the disk: bytes from its beginning. */
  const log = async () => {
    const { rows } = await client.query<{ written: string; flushed: string }>(
      `SELECT pg_current_wal_insert_lsn() - '0/0' AS written, pg_current_wal_flush_lsn() - '0/0' AS flushed`,
    );
    return { written: BigInt(rows[0]!.written), flushed: BigInt(rows[0]!.flushed) };
  };
  const kill = async () => {
    const file = path.join(dataDir, 'postgres', 'postmaster.pid');
    process.kill(Number(readFileSync(file, 'utf8').split('\n', 1)[0]), 'SIGKILL');
    await client.end().catch(() => undefined);
    await pincex.close();
  };
  return { pincex, log, kill, open };
}

it('wait for no disk, and yet the row of a batch that was committed survives a crash of the server', async () => {
  const { pincex, log, kill, open } = await quietServer();
  const userId = await newUser(pincex, { USD: '10' });
  const { request, items } = callOf(userId, { key: fresh('key') });
  const requests = new Requests(pincex.session, { leaseMs: 2_000 });

  const before = await log();
  const run = runOf(await requests.begin(sent(request)));
  const begun = await log();
  expect(begun.written).toBeGreaterThan(before.written);
  expect(begun.flushed).toBeLessThanOrEqual(before.written);

  await pincex.execute(items, { batchId: run.batchId });
  const committed = await log();
  // The batch waited, and took with it what stood before it in the log.
  expect(committed.flushed).toBeGreaterThan(begun.written);

  await run.finish(200, '{}');
  const finished = await log();
  expect(finished.written).toBeGreaterThan(committed.written);
  expect(finished.flushed).toBeLessThanOrEqual(committed.written);
  await kill();

  // The answer is lost with the last moments; the batch is not, and is looked up.
  const again = await open();
  onTestFinished(() => again.close());
  const outcome = () => new Requests(again.session).outcome(run.batchId, request.caller, false);
  await until('its lease to end', async () => (await outcome()).kind !== 'running');
  expect(await outcome()).toMatchObject({
    kind: 'interrupted',
    batch: { counts: { applied: 1, notApplied: 1 } },
  });
  expect(runOf(await new Requests(again.session).begin(sent(request))).batchId).toBe(run.batchId);
  expect((await again.execute(items)).results[0]).toMatchObject({ status: 'replayed' });
  expect(await funds(again, userId, 'USD')).toBe('6 / 4');
  await expectBalanced(again);
}, 120_000);
