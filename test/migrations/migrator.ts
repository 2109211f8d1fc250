/** A process of its own that migrates: `migrator.ts URL FOLDER` prints how many files it applied. */
import pg from 'pg';
import { migrateUp } from '../../src/migrations/runner.ts';

const [connectionString = '', folder = ''] = process.argv.slice(2);
const pool = new pg.Pool({ connectionString });
const applied = await migrateUp(pool, { folder });
console.log(applied.length);
await pool.end();
