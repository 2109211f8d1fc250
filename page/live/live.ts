import { computed, effect, signal } from '@preact/signals';
import { PincexClientError, type PincexClient } from '../../src/client/index.ts';
import type { LiveHistory, LivePicture } from '../../src/live/frame.ts';
import { address } from '../navigation.ts';
import type { Address } from '../router.ts';
import { endIfUnauthorized, liveClient } from '../session.ts';
import { filterOf } from './filter.ts';
import { withHistory, withPoint, type ChartPoint } from './points.ts';

export type ConnectionState =
  | { readonly kind: 'connecting' | 'live' | 'paused' | 'hidden' }
  /** `broken`: it is tried again. `refused`: trying again would not help. */
  | { readonly kind: 'broken' | 'refused'; readonly error: PincexClientError };

/** The newest picture; null until there is one. It stays while the connection is broken. */
export const picture = signal<LivePicture | null>(null);
export const points = signal<readonly ChartPoint[]>([]);
export const version = signal<string | null>(null);
/** Milliseconds between the points that the service remembers. */
export const everyMs = signal(10_000);
export const connection = signal<ConnectionState>({ kind: 'connecting' });
export const isPaused = signal(false);

const isHidden = signal(document.hidden);
document.addEventListener('visibilitychange', () => {
  isHidden.value = document.hidden;
});

/** Parameters of the live view, also while another view is open: the way back leads to the same figures. */
export const liveQuery = signal<Address['query']>({});
effect(() => {
  if (address.value.parts.length === 0) liveQuery.value = address.value.query;
});

export const filter = computed(() => filterOf(liveQuery.value));
const process = computed(() => filter.value.process);

/** Milliseconds without a sign of life after which the connection counts as broken. A picture comes every two seconds. */
const SILENCE = 12_000;
const SHORTEST_PAUSE = 1_000;
const LONGEST_PAUSE = 30_000;

/** Whose points those of the charts are. */
let pointsOf: { readonly from: PincexClient; readonly picked: string | null } | null = null;

// One stream for all views, since each shows whether an alert fires: another process, another key or the end of a pause begins
// it anew.
effect(() => {
  const from = liveClient.value;
  if (from === null) {
    forget();
    return;
  }
  const picked = process.value;
  const stop = isPaused.value ? 'paused' : isHidden.value ? 'hidden' : null;
  if (stop !== null) {
    connection.value = { kind: stop };
    return;
  }
  const controller = new AbortController();
  void follow(from, picked, controller.signal);
  return () => {
    controller.abort();
  };
});

/** Who signs in next may not see what this key could. */
function forget(): void {
  pointsOf = null;
  points.value = [];
  picture.value = null;
}

/** Follows the figures, and connects again whenever the connection ends, until the signal aborts. */
async function follow(from: PincexClient, picked: string | null, signal: AbortSignal): Promise<void> {
  let pauseMs = SHORTEST_PAUSE;
  connection.value = { kind: 'connecting' };
  for (;;) {
    try {
      for await (const event of from.live({ process: picked ?? undefined, signal, timeoutMs: SILENCE })) {
        if (event.event === 'history') startPoints(from, picked, event.data);
        if (event.event === 'picture') show(event.data);
        pauseMs = SHORTEST_PAUSE;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof PincexClientError)) throw error;
      endIfUnauthorized(error);
      connection.value = { kind: error.retryable ? 'broken' : 'refused', error };
      if (!error.retryable) return;
      pauseMs = Math.max(error.retryAfterMs, pauseMs);
    }
    // Pages that lost the same service do not all come back at once.
    await sleep(pauseMs * (0.5 + Math.random() / 2), signal);
    pauseMs = Math.min(LONGEST_PAUSE, pauseMs * 2);
  }
}

/** The points of the same figures from before stay: a service that was restarted has forgotten them. */
function startPoints(from: PincexClient, picked: string | null, history: LiveHistory): void {
  const isSame = pointsOf?.from === from && pointsOf.picked === picked;
  pointsOf = { from, picked };
  version.value = history.version;
  everyMs.value = history.everyMs;
  points.value = withHistory(isSame ? points.peek() : [], history.points);
}

function show(newest: LivePicture): void {
  picture.value = newest;
  points.value = withPoint(points.peek(), { point: newest.point, isKept: newest.isKept });
  connection.value = { kind: 'live' };
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
  });
}
