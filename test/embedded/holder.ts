/**
 * A program as a user of Pincex would write it: starts the server on the folder given and says how it
 * went, one JSON object a line. Then:
 *
 * - `hold` (default) runs on until it is killed,
 * - `finish` has nothing more to do and neither stops the server nor calls process.exit(),
 * - `throw` ends by an exception that nobody catches,
 * - `guard` handles SIGINT itself: it asks the server something, tells the answer and stops it.
 */
import pg from 'pg';
import { startEmbeddedServer } from '../../src/embedded/server.ts';

const [dataDir = '', mode = 'hold'] = process.argv.slice(2);
const say = (what: unknown) => {
  console.log(JSON.stringify(what));
};

try {
  const server = await startEmbeddedServer({
    dataDir,
    onProgress: (progress) => {
      say({ progress });
    },
  });
  say({ url: server.url, port: server.port, startedHere: server.startedHere });

  if (mode === 'throw') throw new TypeError('nobody catches this');
  if (mode === 'guard') {
    process.once('SIGINT', () => {
      void (async () => {
        const client = new pg.Client({ connectionString: server.url });
        await client.connect();
        say({ answer: (await client.query<{ sum: number }>('SELECT 1 + 1 AS sum')).rows[0]?.sum });
        await client.end();
        await server.stop();
        process.exit(0);
      })();
    });
  }
  if (mode !== 'finish') setInterval(() => undefined, 1_000);
} catch (error) {
  if (mode === 'throw') throw error;
  say({ error: (error as Error).message, code: (error as { code?: string }).code });
}
