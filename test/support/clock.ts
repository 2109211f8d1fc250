import { onTestFinished, vi } from 'vitest';

/** The clock that durations are measured with, which stands still unless the test moves it. */
export interface HeldClock {
  pass(ms: number): void;
}

/** Holds `performance.now()` until the test has finished. Timers and input and output go on as ever. */
export function holdClock(): HeldClock {
  // Whole milliseconds: what has passed is then exact.
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

/** Timers that have been set and fire when the test says so. */
export interface HeldTimers {
  readonly count: number;
  /** Fires all that are set. */
  fire(): void;
}

/**
 * Holds the timers of certain lengths until the test has finished; all others go on as ever. A test configures a
 * time-out of a length that nothing else has and that is never over by itself, such as an hour.
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
