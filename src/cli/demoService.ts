import { setTimeout as sleep } from 'node:timers/promises';
import { generateDay } from '../demo/generator.ts';
import { startService } from '../http/service.ts';
import type { Pincex } from '../pincex.ts';
import type { OrderEvent } from '../replay/recording/events.ts';
import { replay } from '../replay/replay.ts';
import { note, print, printJson } from './session.ts';
import { untilSignal } from './signals.ts';

/** Lines of one piece of the day, which is one batch, and the pause behind it. */
const PIECE = 25;
const PAUSE_MS = 250;

interface DemoDay {
  /** Lines of the day that was run before. */
  readonly events: number;
  readonly seed: number;
  readonly json: boolean;
}

/** Serves the books of the demo, with a day that goes on gently, until a signal comes. */
export async function serveDemo(pincex: Pincex, { events, seed, json }: DemoDay): Promise<void> {
  const stopped = untilSignal();
  const service = await startService(pincex);
  const stopping = new AbortController();
  try {
    const { key } = await pincex.apiKeys.create({ name: 'demo', scopes: ['admin'] });
    if (json) printJson({ event: 'listening', url: service.url, key });
    else print(`\nThe page of the service: ${service.url}/\nIts API key: ${key}\nCtrl-C ends it.`);
    // Each line makes at most one order, so these ids are new.
    const day = generateDay({ events: Infinity, seed: seed + 1, afterId: 1_000_000 + events });
    const running = replay(pincex, gently(day, stopping.signal), {
      batch: PIECE,
      users: 1_000,
      funding: 'tight',
      symbol: 'BTC/USD',
      statements: () => 0,
    });
    const signal = await Promise.race([stopped, running.then(() => 'the end of the day')]);
    note(`stopping on ${signal}`);
    stopping.abort();
    await running;
  } finally {
    stopping.abort();
    await service.stop();
  }
}

/** The events in pieces with pauses, until they are stopped. */
async function* gently(
  events: Iterable<OrderEvent | null>,
  signal: AbortSignal,
): AsyncGenerator<OrderEvent | null> {
  let count = 0;
  for (const event of events) {
    if (signal.aborted) return;
    yield event;
    if (++count % PIECE === 0) await sleep(PAUSE_MS, undefined, { signal }).catch(() => undefined);
  }
}
