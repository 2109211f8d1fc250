import { onTestFinished, vi } from 'vitest';

/** The clock by which durations are measured: it stands still unless the test moves it. */
export interface HeldClock {
  pass(ms: number): void;
}

/** Holds `performance.now()` until the test has finished. Timers, input and output go on as usual. */
export function holdClock(): HeldClock {
  // Whole milliseconds keep the passed time exact.
  let now = Math.ceil(performance.now());
  const spy = vi.spyOn(performance, 'now').mockImplementation(() => now);
  onTestFinished(() => {
    spy.mockRestore();
  });
  return { pass: (ms) => (now += ms) };
}

/**
 * Holds the windows of rate limits until the test has finished: what a key has spent stays spent, and a debt is not paid.
 * Windows that have begun before go on.
 */
export function holdWindows(): void {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
}

/** Timers that are set and fire only by `fire`. */
export interface HeldTimers {
  readonly count: number;
  /** Fires all timers that are set. */
  fire(): void;
}

/**
 * Holds the timers of certain lengths until the test has finished; all others go on as usual. A test configures a
 * time-out of a length that no other timer has and that no test reaches, such as an hour.
 */
export function holdTimers(...lengthsMs: number[]): HeldTimers {
  const { setTimeout: set, clearTimeout: clear } = globalThis;
  const held = new Map<unknown, () => void>();
  const setSpy = vi.spyOn(globalThis, 'setTimeout').mockImplementation(((
    callback: (...args: unknown[]) => void,
    delay?: number,
    ...args: unknown[]
  ) => {
    const timer = set(callback, delay, ...args);
    if (delay !== undefined && lengthsMs.includes(delay)) {
      held.set(timer, () => {
        clearTimeout(timer);
        callback(...args);
      });
    }
    return timer;
  }) as typeof setTimeout);
  const clearSpy = vi.spyOn(globalThis, 'clearTimeout').mockImplementation((timer) => {
    held.delete(timer);
    clear(timer);
  });
  onTestFinished(() => {
    setSpy.mockRestore();
    clearSpy.mockRestore();
  });
  return {
    get count() {
      return held.size;
    },
    fire() {
      for (const fire of [...held.values()]) fire();
    },
  };
}

/**
 * Holds the intervals of one length that begin until the test has finished: they fire only by the returned function. All others go
 * on as usual.
 */
export function holdIntervals(lengthMs: number): () => void {
  const { setInterval: set, clearInterval: clear } = globalThis;
  const held = new Map<unknown, () => void>();
  const setSpy = vi.spyOn(globalThis, 'setInterval').mockImplementation(((
    callback: (...args: unknown[]) => void,
    delay?: number,
    ...args: unknown[]
  ) => {
    if (delay !== lengthMs) return set(callback, delay, ...args);
    const timer = set(() => undefined, 2 ** 31 - 1);
    held.set(timer, () => {
      callback(...args);
    });
    return timer;
  }) as typeof setInterval);
  const clearSpy = vi.spyOn(globalThis, 'clearInterval').mockImplementation((timer) => {
    held.delete(timer);
    clear(timer);
  });
  onTestFinished(() => {
    setSpy.mockRestore();
    clearSpy.mockRestore();
  });
  return () => {
    for (const fire of [...held.values()]) fire();
  };
}
