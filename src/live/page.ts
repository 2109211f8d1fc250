import { Readable } from 'node:stream';

/**
 * The stream of one page. Beside what it is being sent it holds at most one frame: while it is behind, further frames are
 * skipped, and it gets the newest one once it has caught up.
 */
export class LivePage extends Readable {
  /** The process that is picked; null: all. */
  readonly process: string | null;
  #isBehind = false;

  /** @param first the frames that it begins with */
  constructor(process: string | null, first: readonly Buffer[]) {
    super({ highWaterMark: 1 });
    this.process = process;
    for (const frame of first) this.#isBehind = !this.push(frame);
  }

  override _read(): void {
    this.#isBehind = false;
  }

  /** Sends a frame, unless the page is behind. */
  offer(frame: Buffer): void {
    if (!this.#isBehind) this.#isBehind = !this.push(frame);
  }

  /** Sends the last frame and ends the stream behind it. */
  finish(frame: Buffer): void {
    this.push(frame);
    this.push(null);
  }
}
