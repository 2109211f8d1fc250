import { setTimeout as sleep } from 'node:timers/promises';

/** Waits until a condition holds; fails when it still does not after a long while. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  limitMs = 30_000,
): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`Still waiting for ${what} after ${limitMs} ms`);
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
