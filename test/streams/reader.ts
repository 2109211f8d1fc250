/**
 * A process that streams the journal of the books at DATABASE_URL to its end. On its last line it prints, as one JSON
 * object, how many rows came, how long that took, and by how many bytes it grew since the first 20,000 rows: its heap
 * after a garbage collection, and the most memory that it had from the system.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { loadConfig, Pincex } from '../../src/index.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const WARM = 20_000;
let heapBefore = 0;
let rssBefore = 0;
let heap = 0;
let rss = 0;
let rows = 0;
let version = 0;

const pincex = await Pincex.open({ config: loadConfig() });
const began = performance.now();
for await (const entry of pincex.streamJournal()) {
  rows++;
  version += entry.version;
  if (rows % 1_000 === 0) rss = Math.max(rss, process.memoryUsage.rss());
  if (rows % WARM === 0 && (rows <= 10 * WARM || rows % (50 * WARM) === 0)) {
    collect();
    heap = Math.max(heap, process.memoryUsage().heapUsed);
  }
  if (rows === WARM) {
    heapBefore = heap;
    rssBefore = rss;
  }
}
const seconds = (performance.now() - began) / 1_000;
await pincex.close();
const grown = { heap: heap - heapBefore, rss: rss - rssBefore };
process.stdout.write(`${JSON.stringify({ rows, version, seconds, grown })}\n`);
