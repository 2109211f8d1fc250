import pg from 'pg';
import { expect, it } from 'vitest';
import { isLong } from '../support/books.ts';
import { createTestDatabase } from '../support/database.ts';
import { start } from '../support/processes.ts';

interface Read {
  readonly rows: number;
  readonly version: number;
  readonly seconds: number;
  /** In bytes, since the first rows. */
  readonly grown: { readonly heap: number; readonly rss: number };
}

const MB = 1024 * 1024;

it('a stream of a long journal runs in flat memory', async () => {
  const rows = isLong ? 10_000_000 : 100_000;
  const perAccount = 100;
  const database = await createTestDatabase();
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    await client.query(
      `INSERT INTO journal
         SELECT 'user-' || a, 'USD', v, 1, 0, v, 0, 'seed-' || v, 'deposit', null, now()
         FROM generate_series(1, $1::int) AS a, generate_series(1, $2::int) AS v`,
      [rows / perAccount, perAccount],
    );
    const ended = await start('test/streams/reader.ts', [], { env: { DATABASE_URL: database.url } }).ended;
    expect(ended).toMatchObject({ exitCode: 0, stderr: '' });
    const read = JSON.parse(ended.stdout) as Read;
    if (isLong) console.log(JSON.stringify(read));
    expect(read).toMatchObject({ rows, version: (rows * (perAccount + 1)) / 2 });
    // 100,000 entries held as objects are 40 MB, ten million 4 GB. V8 leaves 50 to 75 MB of garbage, whatever comes.
    expect(read.grown.heap).toBeLessThan(5 * MB);
    expect(read.grown.rss).toBeLessThan(100 * MB);
  } finally {
    await client.end();
    await database.drop();
  }
}, 1_800_000);
