/**
 * A process that begins a request on the books at DATABASE_URL and never ends it: it says `begun` or `committed`, whichever
 * it was told to stop behind, and hangs until it is killed.
 */
import { Requests } from '../../../src/http/requests/requests.ts';
import { loadConfig, Pincex } from '../../../src/index.ts';
import { callOf, sent } from './support.ts';

const [stage = '', userId = '', key = '', batchId = '', leaseMs = ''] = process.argv.slice(2);

const pincex = await Pincex.open({ config: loadConfig() });
const { request, items } = callOf(userId, { key, batchId });
const begun = await new Requests(pincex, { leaseMs: Number(leaseMs) }).begin(sent(request));
if (begun.kind !== 'run') throw new Error(`It was told ${begun.kind}`);
if (stage === 'committed') await pincex.execute(items, { batchId });
process.stdout.write(`${stage}\n`);
setInterval(() => undefined, 60_000);
