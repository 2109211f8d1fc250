/**
 * A process that moves money on the books at DATABASE_URL: in each round it locks and unlocks for the same few users as
 * another process, in batches, until their accounts have passed from one process to the other often enough. Both count
 * that in the journal, so that neither ends a round without the other. It prints its counts as one JSON object for each
 * round.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { loadConfig, Pincex, PincexError, type MixedItem, type Strategy } from '../../src/index.ts';

export interface Moves {
  /** A part of the ids of all its items. */
  readonly name: string;
  readonly rounds: readonly Round[];
}

interface Round {
  readonly strategy: Strategy;
  /** How often an account has to pass from one process to the other. */
  readonly passes: number;
  /** Whether it waits after each turn until the other has moved: a batch that locks always wins against one that guards. */
  readonly waits: boolean;
  /** The users in the order in which the batches name them. */
  readonly userIds: readonly string[];
}

export interface Moved {
  readonly applied: number;
  readonly rejected: number;
  /** Batches that failed with `conflict` and were sent again. */
  readonly conflicts: number;
}

const { name, rounds } = JSON.parse(process.argv[2] ?? '') as Moves;
const config = loadConfig();
const beside = new pg.Pool({ connectionString: config.database.url!, max: 3 });
for (const round of rounds) process.stdout.write(`${JSON.stringify(await move(round))}\n`);
await beside.end();

async function move({ strategy, passes, waits, userIds }: Round): Promise<Moved> {
  const pincex = await Pincex.open({ config, strategy });
  const moved = { applied: 0, rejected: 0, conflicts: 0 };
  let isOver = false;

  const lane = async (lane: number): Promise<void> => {
    for (let turn = 0; !isOver; turn++) {
      const id = `${lane}-${turn}`;
      for (const command of ['lockFunds', 'unlockFunds'] as const) {
        const items = userIds.map((userId): MixedItem => ({
          command,
          id: `${name} ${command} ${id}`,
          userId,
          currency: 'USD',
          amount: '1',
          orderId: `${name} ${id}`,
        }));
        const counts = await execute(items);
        moved.applied += counts.applied;
        moved.rejected += counts.rejected;
      }
      do {
        const { made, last } = await passesOf([...userIds].sort()[0]!);
        isOver ||= made >= passes;
        if (!waits || last !== name) break;
        await sleep(1);
      } while (!isOver);
    }
  };
  const execute = async (items: readonly MixedItem[]) => {
    for (;;) {
      try {
        return (await pincex.execute(items)).counts;
      } catch (error) {
        if (!(error instanceof PincexError && error.code === 'conflict')) throw error;
        moved.conflicts++;
      }
    }
  };
  await Promise.all([0, 1, 2].map(lane));
  await pincex.close();
  return moved;
}

/** How often a movement of one process came straight after one of the other, and which process moved last. */
async function passesOf(userId: string): Promise<{ made: number; last: string }> {
  const { rows } = await beside.query<{ made: number; last: string }>(
    `SELECT count(*) FILTER (WHERE mover <> before)::int AS made, (array_agg(mover ORDER BY version DESC))[1] AS last
     FROM (
       SELECT version, mover, lag(mover) OVER (ORDER BY version) AS before
       FROM (
         SELECT version, split_part(operation_id, ' ', 1) AS mover
         FROM journal WHERE user_id = $1 AND operation_type <> 'deposit'
       ) AS movements
     ) AS pairs`,
    [userId],
  );
  return rows[0]!;
}
