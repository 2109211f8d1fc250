import { computed, effect, signal, untracked } from '@preact/signals';
import { PincexClientError, type PincexClient } from '../../src/client/index.ts';
import type { LiveEvent } from '../../src/client/types.ts';
import type { LivePicture } from '../../src/live/frame.ts';
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

/** Whose figures the points and the picture are. */
let shown: { readonly from: PincexClient | null; readonly picked: string | null } = {
  from: null,
  picked: null,
};

// One stream for all views, since each shows whether an alert fires: another process, another key or the end of a pause begins
// it anew.
effect(() => {
  const from = liveClient.value;
  if (from === null) return;
  const picked = process.value;
  const stop = isPaused.value ? 'paused' : isHidden.value ? 'hidden' : null;
  if (stop !== null) {
    connection.value = { kind: stop };
    return;
  }
  untracked(() => {
    forgetOthers(from, picked);
  });
  const controller = new AbortController();
  void follow(from, picked, controller.signal);
  return () => {
    controller.abort();
  };
});

/** Figures of another process, or of another key, are not those that are asked for now. */
function forgetOthers(from: PincexClient, picked: string | null): void {
  if (shown.from === from && shown.picked === picked) return;
  shown = { from, picked };
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
        apply(event);
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

function apply({ event, data }: LiveEvent): void {
  switch (event) {
    case 'history':
      version.value = data.version;
      everyMs.value = data.everyMs;
      points.value = withHistory(points.peek(), data.points);
      return;
    case 'picture':
      picture.value = data;
      points.value = withPoint(points.peek(), { point: data.point, isKept: data.isKept });
      connection.value = { kind: 'live' };
      return;
    case 'closing':
    // The connection ends behind it, and is made again.
  }
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
