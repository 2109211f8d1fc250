/**
 * A process that begins two requests on the books at DATABASE_URL and ends neither: it commits the batch of the second,
 * says that it is ready, and hangs until it is killed. Its clock goes two thousand times as fast as that of the server, so
 * that it renews its leases at once, while they end by the clock of the server.
 */
import { Requests } from '../../src/requests/requests.ts';
import { loadConfig, Pincex } from '../../src/index.ts';
import { sent, type callOf } from './support.ts';

const HURRY = 2_000;
const { setInterval: every } = globalThis;
const now = performance.now.bind(performance);
globalThis.setInterval = ((work: () => void, ms: number) => every(work, ms / HURRY)) as typeof setInterval;
performance.now = () => now() * HURRY;

const [leaseMs = '', ...calls] = process.argv.slice(2);
const [begun, committed] = calls.map((call) => JSON.parse(call) as ReturnType<typeof callOf>);

const pincex = await Pincex.open({ config: loadConfig() });
const requests = new Requests(pincex, { leaseMs: Number(leaseMs) });
for (const { request } of [begun!, committed!]) {
  const { kind } = await requests.begin(sent(request));
  if (kind !== 'run') throw new Error(`The call cannot run: ${kind}`);
}
await pincex.execute(committed!.items, { batchId: committed!.request.batchId! });
process.stdout.write('ready\n');
every(() => undefined, 60_000);
