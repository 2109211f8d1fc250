import { setTimeout as sleep } from 'node:timers/promises';
import type { Pincex } from '../pincex.ts';
import { Requests } from '../requests/requests.ts';

const EXPIRED_MS = 1_000;
const ANSWERS_MS = 60_000;

/**
 * Gives back expired holds every second and deletes the answers that are kept no longer every minute, until it is
 * stopped. Any number of processes may do so. A turn that fails is told to `onError`, and the next one tries again; what
 * cannot be given back since a row is broken is told to `onBroken`, once.
 */
export function startSweeping(
  pincex: Pincex,
  onError: (error: unknown) => void,
  onBroken: (problem: string) => void,
): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const requests = new Requests(pincex);
  let told: ReadonlySet<string> = new Set();
  const loops = [repeat(EXPIRED_MS, sweepExpired), repeat(ANSWERS_MS, () => requests.sweep())];
  return {
    async stop() {
      stopping.abort();
      await Promise.all(loops);
    },
  };

  async function sweepExpired(): Promise<void> {
    const { broken } = await pincex.sweepExpired();
    const now = new Map(broken.map((row) => [`${row.userId}\0${row.orderId}`, row.problem]));
    for (const [key, problem] of now) if (!told.has(key)) onBroken(problem);
    told = new Set(now.keys());
  }

  async function repeat(everyMs: number, sweep: () => Promise<unknown>): Promise<void> {
    while (!stopping.signal.aborted) {
      await sweep().catch(onError);
      await sleep(everyMs, undefined, { signal: stopping.signal, ref: false }).catch(() => undefined);
    }
  }
}
