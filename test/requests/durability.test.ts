import { randomUUID } from 'node:crypto';
import { Requests } from '../../src/requests/requests.ts';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { expect, it, onTestFinished } from 'vitest';
import { loadConfig, Pincex } from '../../src/index.ts';
import { expectBalanced, fresh, funds, newUser } from '../support/books.ts';
import { seededDataDir } from '../support/folders.ts';
import { callOf, execute, runOf, sent, type Call } from './support.ts';

/** When requests wait for the disk, and which of them survive a crash of the server. */

/** A server of this test's own, which flushes its log when a commit asks for it and not by itself. */
async function quietServer() {
  const dataDir = await seededDataDir();
  const open = () => Pincex.open({ config: loadConfig({ env: { PINCEX_DATA_DIR: dataDir } }) });
  const pincex = await open();
  const client = new pg.Client({ connectionString: pincex.connectionString });
  client.on('error', () => undefined);
  await client.connect();
  await client.query(`ALTER SYSTEM SET wal_writer_delay = '10s'`);
  await client.query('SELECT pg_reload_conf()');
  /** The written and the flushed position of the log, in bytes from its beginning. */
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

it('a request begins without waiting for the disk, and the answer of a committed batch survives a crash of the server', async () => {
  const { pincex, log, kill, open } = await quietServer();
  const userId = await newUser(pincex, { USD: '10' });
  const { request, items } = callOf(userId, { key: fresh('key') });
  const requests = new Requests(pincex, { leaseMs: 2_000 });

  const before = await log();
  const run = runOf(await requests.begin(sent(request)));
  const begun = await log();
  expect(begun.written).toBeGreaterThan(before.written);
  expect(begun.flushed).toBeLessThanOrEqual(before.written);

  const [other, lost] = [1, 2].map(() => callOf(userId, { key: fresh('key') }).request) as [Call, Call];
  await execute(pincex, run, items, { status: 200, body: '{"a":1}' });
  const committed = await log();
  // The commit of the batch waited for the disk, and flushed everything before it in the log.
  expect(committed.flushed).toBeGreaterThan(begun.written);

  runOf(await requests.begin(sent(other)));
  const last = await log();
  expect(last.written).toBeGreaterThan(committed.written);
  expect(last.flushed).toBeLessThanOrEqual(committed.written);
  // The commit of a batch whose call is noted with it, and has no row before, waits for the disk too.
  const [third] = callOf(userId).items;
  const writer = requests.answerWriter({ ...request, batchId: randomUUID() });
  const writeWith = [() => writer.partFor({ status: 200, body: '{}' })];
  await pincex.run('mixed', [{ ...third!, id: 'third' }], { writeWith });
  expect((await log()).flushed).toBeGreaterThan(last.written);
  runOf(await requests.begin(sent(lost)));
  await kill();

  const again = await open();
  onTestFinished(() => again.close());
  const answer = { kind: 'finished', status: 200, body: '{"a":1}' };
  expect(await new Requests(again).outcome(run.batchId, request.caller, false)).toEqual(answer);
  expect(await new Requests(again).begin(sent(request))).toEqual(answer);
  // The last request is lost, and nothing had been executed for it.
  expect((await new Requests(again).begin(sent(lost))).kind).toBe('run');
  expect(await funds(again, userId, 'USD')).toBe('2 / 8');
  await expectBalanced(again);
});
