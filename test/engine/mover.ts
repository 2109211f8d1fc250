/**
 * A process that moves money on the books at DATABASE_URL: locks and unlocks for the same few users, in batches,
 * until its time is over. It says what it did as one JSON object on its last line, and ends with 1 on any error
 * that reached it.
 */
import { loadConfig, Pincex, PincexError, type MixedItem, type Strategy } from '../../src/index.ts';

const [name = '', strategy = 'auto', order = 'forward', milliseconds = '1000', users = ''] =
  process.argv.slice(2);

const pincex = await Pincex.open({ config: loadConfig(), strategy: strategy as Strategy });
const userIds = users.split(',');
if (order === 'backward') userIds.reverse();
const ends = performance.now() + Number(milliseconds);
const errors: string[] = [];
let batches = 0;
let applied = 0;

async function move(lane: number): Promise<void> {
  for (let turn = 0; performance.now() < ends; turn++) {
    const id = `${name}-${lane}-${turn}`;
    const items = (command: 'lockFunds' | 'unlockFunds'): MixedItem[] =>
      userIds.map((userId) => ({
        command,
        id: `${command}-${id}`,
        userId,
        currency: 'USD',
        amount: '1',
        orderId: id,
      }));
    for (const command of ['lockFunds', 'unlockFunds'] as const) {
      try {
        const { counts } = await pincex.execute(items(command));
        applied += counts.applied;
        batches++;
        if (counts.applied !== counts.total) errors.push(`${counts.rejected} of ${id} were rejected`);
      } catch (error) {
        errors.push(error instanceof PincexError ? `${error.code}: ${error.message}` : String(error));
      }
    }
  }
}

await Promise.all([0, 1, 2].map(move));
await pincex.close();
process.stdout.write(`${JSON.stringify({ batches, applied, errors: errors.slice(0, 5) })}\n`);
if (errors.length > 0) process.exitCode = 1;
