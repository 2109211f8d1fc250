import { computed, effect, signal, untracked } from '@preact/signals';
import { PincexClientError } from '../../src/client/index.ts';
import type { LivePicture } from '../../src/live/frame.ts';
import { address } from '../navigation.ts';
import type { Address } from '../router.ts';
import { authorization, client, endIfUnauthorized, serviceUrl } from '../session.ts';
import { filterOf } from './filter.ts';
import { withHistory, withPoint, type ChartPoint } from './points.ts';
import { readStream, type LiveEvent } from './stream.ts';

export type ConnectionState =
  | { readonly kind: 'connecting' | 'live' | 'paused' | 'hidden' }
  /** The connection broke, and is tried again. */
  | { readonly kind: 'broken'; readonly reason: string }
  /** The service refused: trying again would not help. */
  | { readonly kind: 'refused'; readonly error: PincexClientError };

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

let shownFor: string | null = null;

// One stream for all views, since each shows whether an alert fires: another process, another key or the end of a pause begins it anew.
effect(() => {
  if (client.value === null) return;
  const picked = process.value;
  const stop = isPaused.value ? 'paused' : isHidden.value ? 'hidden' : null;
  if (stop !== null) {
    connection.value = { kind: stop };
    return;
  }
  untracked(() => {
    forgetOthers(`${authorization.value} ${picked ?? ''}`);
  });
  const controller = new AbortController();
  void follow(picked, controller.signal);
  return () => {
    controller.abort();
  };
});

/** Figures of another process, or of another key, are not those that are asked for now. */
function forgetOthers(whose: string): void {
  if (shownFor === whose) return;
  shownFor = whose;
  points.value = [];
  picture.value = null;
}

/** Follows the stream, and connects again whenever it ends. */
async function follow(picked: string | null, signal: AbortSignal): Promise<void> {
  let pauseMs = SHORTEST_PAUSE;
  connection.value = { kind: 'connecting' };
  while (!signal.aborted) {
    const broken = await once(picked, signal, () => {
      pauseMs = SHORTEST_PAUSE;
    });
    if (signal.aborted || broken === null) return;
    connection.value = { kind: 'broken', reason: broken.message };
    const leastMs = broken instanceof PincexClientError ? broken.retryAfterMs : 0;
    // Pages that lost the same service do not all come back at once.
    await sleep(Math.max(leastMs, pauseMs * (0.5 + Math.random() / 2)), signal);
    pauseMs = Math.min(LONGEST_PAUSE, pauseMs * 2);
  }
}

/** @returns why the connection ended; null if it is not to be tried again */
async function once(
  picked: string | null,
  signal: AbortSignal,
  onPicture: () => void,
): Promise<Error | null> {
  const controller = new AbortController();
  const silent = new Error('The service has fallen silent');
  let timer: ReturnType<typeof setTimeout> | undefined;
  const onPulse = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      controller.abort(silent);
    }, SILENCE);
  };
  const query = picked === null ? '' : `?${new URLSearchParams({ process: picked }).toString()}`;
  onPulse();
  try {
    await readStream({
      url: `${serviceUrl}v1/live${query}`,
      authorization: authorization.peek(),
      signal: AbortSignal.any([signal, controller.signal]),
      onPulse,
      onEvent: (event) => {
        apply(event);
        if (event.name === 'picture') onPicture();
      },
    });
    return new Error('The service ended the connection');
  } catch (error) {
    if (signal.aborted) return null;
    return controller.signal.aborted ? silent : reasonToRetry(error);
  } finally {
    clearTimeout(timer);
  }
}

/** @returns null if trying again would not help */
function reasonToRetry(error: unknown): Error | null {
  if (!(error instanceof PincexClientError)) return new Error('The service cannot be reached');
  if (error.retryable) return error;
  endIfUnauthorized(error);
  connection.value = { kind: 'refused', error };
  return null;
}

function apply(event: LiveEvent): void {
  switch (event.name) {
    case 'history':
      version.value = event.data.version;
      everyMs.value = event.data.everyMs;
      points.value = withHistory(points.peek(), event.data.points);
      return;
    case 'picture':
      picture.value = event.data;
      points.value = withPoint(points.peek(), { point: event.data.point, isKept: event.data.isKept });
      connection.value = { kind: 'live' };
      return;
    case 'closing':
      connection.value = { kind: 'broken', reason: 'The service is stopping' };
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
