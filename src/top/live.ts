import type { ReadStream, WriteStream } from 'node:tty';
import { setTimeout as sleep } from 'node:timers/promises';
import { PincexError } from '../errors.ts';
import type { Picture } from './picture.ts';
import { render } from './render.ts';

const DRAW_EVERY_MS = 2_000;

/** Control sequences: the second screen of a terminal without a cursor, back again, and places of it. */
const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const TOP = '\u001b[H';
const CLEAR_LINE = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** `q`, and the characters that a terminal in raw mode sends for Ctrl-C and Ctrl-D. */
const LEAVES = ['q', 'Q', '\u0003', '\u0004'];

/**
 * Shows pictures in a terminal until the user leaves. While the database cannot be reached, the last picture stays, below the
 * reason.
 */
export async function showLive(
  read: () => Promise<Picture>,
  input: ReadStream,
  output: WriteStream,
): Promise<void> {
  let picture = await read();
  let notice = 'q to leave';
  const draw = (): void => {
    const lines = render(picture, { columns: output.columns, rows: output.rows }, notice);
    output.write(`${TOP}${lines.map((line) => line + CLEAR_LINE).join('\r\n')}${CLEAR_BELOW}`);
  };
  const left = new AbortController();
  const leave = (): void => {
    left.abort();
  };
  const onInput = (keys: Buffer): void => {
    if (LEAVES.some((key) => keys.includes(key))) leave();
  };
  output.write(ENTER);
  input.setRawMode(true).on('data', onInput).on('end', leave);
  output.on('resize', draw);
  for (const signal of SIGNALS) process.on(signal, leave);
  try {
    for (;;) {
      draw();
      if (await hasLeft(left.signal)) return;
      try {
        picture = await read();
        notice = 'q to leave';
      } catch (error) {
        if (!(error instanceof PincexError && error.retryable)) throw error;
        notice = `${error.message}. Trying again; q to leave`;
      }
    }
  } finally {
    for (const signal of SIGNALS) process.off(signal, leave);
    output.off('resize', draw);
    input.off('data', onInput).off('end', leave).setRawMode(false).pause();
    output.write(LEAVE);
  }
}

/** Waits for the time of the next picture; true if the user leaves before. */
const hasLeft = (signal: AbortSignal): Promise<boolean> =>
  sleep(DRAW_EVERY_MS, false, { signal }).catch(() => true);
