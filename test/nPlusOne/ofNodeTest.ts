/** Tests of `node:test`, which `expectation.test.ts` runs: the first fails, the second passes. */
import test, { after } from 'node:test';
import pg from 'pg';
import { expectNoNPlusOne, watchPool } from 'pincex/n-plus-one';

const pool = new pg.Pool({ connectionString: process.env['DATABASE_URL'] });
watchPool(pool);
after(() => pool.end());

const loop = async (): Promise<void> => {
  for (let n = 0; n < 5; n++) await pool.query('SELECT $1::int', [n]); // loop
};

void test('a loop', () => expectNoNPlusOne(loop));
void test('a batch', async () => {
  await expectNoNPlusOne(() => pool.query('SELECT unnest($1::int[])', [[1, 2]]));
});
