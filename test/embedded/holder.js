/**
 * A program as a user of Pincex would write it. It runs on the built package, since without tsx it starts in a third of
 * the time. It starts the server on the given folder and prints how that went, one JSON object a line. Then:
 *
 * - `hold` (default) runs on until it is killed,
 * - `finish` has nothing more to do and neither stops the server nor calls process.exit(),
 * - `throw` ends by an exception that nobody catches,
 * - `guard` handles SIGINT itself: it asks the server something, prints the answer and stops the server.
 */
import console from 'node:console';
import process from 'node:process';
import { setInterval } from 'node:timers';
import pg from 'pg';
import { startEmbeddedServer } from '../../dist/embedded/server.js';

const [dataDir = '', mode = 'hold'] = process.argv.slice(2);
const say = (what) => {
  console.log(JSON.stringify(what));
};

try {
  const server = await startEmbeddedServer({
    dataDir,
    onProgress: (progress) => {
      say({ progress });
    },
  });

  if (mode === 'guard') {
    process.once('SIGINT', async () => {
      const client = new pg.Client({ connectionString: server.url });
      await client.connect();
      say({ answer: (await client.query('SELECT 1 + 1 AS sum')).rows[0].sum });
      await client.end();
      await server.stop();
      process.exit(0);
    });
  }
  // This line is printed last, since its reader may send a signal at once.
  say({ url: server.url, startedHere: server.startedHere });

  if (mode === 'throw') throw new TypeError('nobody catches this');
  if (mode !== 'finish') setInterval(() => undefined, 1_000);
} catch (error) {
  if (mode === 'throw') throw error;
  say({ error: error.message, code: error.code });
}
