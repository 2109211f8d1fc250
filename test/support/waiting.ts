import { setTimeout as sleep } from 'node:timers/promises';

// Taken before a test can hold the clock.
const now = performance.now.bind(performance);

/** The longest wait: far longer than any condition takes on a busy machine. */
const LIMIT_MS = 120_000;

/** Waits until a condition holds, and fails if it does not within two minutes. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = now() + LIMIT_MS;
  while (!(await condition())) {
    if (now() > deadline) throw new Error(`Still waiting for ${what} after ${LIMIT_MS} ms`);
    await sleep(10);
  }
}

/** A promise that is settled by hand. */
export interface Gate {
  readonly opened: Promise<void>;
  open(): void;
}

export function gate(): Gate {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}
