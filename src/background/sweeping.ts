import { setTimeout as sleep } from 'node:timers/promises';
import type { Pincex } from '../pincex.ts';
import { Requests } from '../requests/requests.ts';

const HOLDS_EVERY_MS = 1_000;
const ANSWERS_EVERY_MS = 60_000;

/**
 * Until it is stopped, releases expired holds every second and deletes expired answers every minute. Any number of processes
 * may sweep at the same time. `onError` gets the error of a failed sweep, and the next sweep tries again; `onBroken` gets
 * each row that is broken and cannot be released, once.
 */
export function startSweeping(
  pincex: Pincex,
  onError: (error: unknown) => void,
  onBroken: (problem: string) => void,
): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const requests = new Requests(pincex);
  let reported: ReadonlySet<string> = new Set();
  const loops = [repeat(HOLDS_EVERY_MS, sweepHolds), repeat(ANSWERS_EVERY_MS, () => requests.sweep())];
  return {
    async stop() {
      stopping.abort();
      await Promise.all(loops);
    },
  };

  async function sweepHolds(): Promise<void> {
    const { broken } = await pincex.sweepExpired();
    const now = new Map(broken.map((row) => [`${row.userId}\0${row.orderId}`, row.problem]));
    for (const [key, problem] of now) if (!reported.has(key)) onBroken(problem);
    reported = new Set(now.keys());
  }

  async function repeat(everyMs: number, sweep: () => Promise<unknown>): Promise<void> {
    while (!stopping.signal.aborted) {
      await sweep().catch(onError);
      await sleep(everyMs, undefined, { signal: stopping.signal, ref: false }).catch(() => undefined);
    }
  }
}
