import { setTimeout as sleep } from 'node:timers/promises';
import { isRunning } from './processes.ts';

const EVERY_MS = 1_000;

/**
 * Resolves once a server's process runs no more. It was stopped then, or crashed, and does not come back; who listens in its
 * place is another. Waiting for it keeps no process alive.
 */
export async function untilGone(identity: string): Promise<void> {
  while (isRunning(identity)) await sleep(EVERY_MS, undefined, { ref: false });
}
