import { Presets, SingleBar } from 'cli-progress';

/** Shows progress on standard error if that is a terminal. */
export interface Progress {
  /** @param share 0 to 1 */
  readonly update: (share: number, note: string) => void;
  readonly stop: () => void;
}

export function startProgress(label: string): Progress {
  if (!process.stderr.isTTY) return { update: () => undefined, stop: () => undefined };
  const bar = new SingleBar(
    { format: `${label} {bar} {percentage}% {note}`, hideCursor: true, clearOnComplete: true },
    Presets.shades_classic,
  );
  bar.start(100, 0, { note: '' });
  return {
    update(share, note) {
      bar.update(Math.floor(share * 100), { note });
    },
    stop() {
      bar.stop();
    },
  };
}
