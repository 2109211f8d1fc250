import type { Alert } from '../alert.ts';
import { limits } from '../limits.ts';
import type { Pincex } from '../pincex.ts';
import type { LiveFrames } from './frame.ts';
import { PointHistory } from './history.ts';
import { Latest } from './latest.ts';
import { LivePage } from './page.ts';
import { pictureOf, pointOf, talliesOf, type Sample } from './picture.ts';
import { Sources } from './sources.ts';

const { pictureMs, pointMs } = limits.live;

/** A comment: a proxy does not take the stream for dead while there is no picture. */
const ALIVE = Buffer.from(': alive\n\n');

export interface LiveFeedOptions {
  /** The version of Pincex. */
  readonly version: string;
  /** Receives an error of a picture, which is left out. */
  readonly onError: (error: unknown) => void;
}

/**
 * Makes the pictures of the live page: one for all pages that show the same process, every two seconds while a page is open. A
 * point is kept every ten seconds also while none is.
 */
export class LiveFeed {
  readonly #options: LiveFeedOptions;
  readonly #sources: Sources;
  readonly #alerts: Latest<readonly Alert[]>;
  readonly #history = new PointHistory();
  readonly #pages = new Set<LivePage>();
  /** Frames by the process that is picked, made once for all pages: pictures of the newest sample, histories since the last point. */
  readonly #pictures = new Map<string | null, Buffer>();
  readonly #histories = new Map<string | null, Buffer>();
  #sample: Sample | undefined;
  #timer: NodeJS.Timeout | undefined;
  #ticking: Promise<void> | undefined;
  #opening: Promise<void> | undefined;
  #ticks = 0;
  #isClosed = false;

  constructor(pincex: Pincex, options: LiveFeedOptions) {
    this.#options = options;
    this.#sources = new Sources(pincex);
    this.#alerts = new Latest<readonly Alert[]>([], () => pincex.alerts.listFirst(limits.live.alerts));
  }

  /** Begins to keep points. */
  start(): void {
    if (this.#timer !== undefined || this.#isClosed) return;
    this.#timer = setInterval(() => {
      void this.tick();
    }, pictureMs).unref();
  }

  /** Makes the next picture if a page is open, and the next point if it is time. */
  tick(): Promise<void> {
    this.#ticking ??= this.#tick().finally(() => {
      this.#ticking = undefined;
    });
    return this.#ticking;
  }

  async #tick(): Promise<void> {
    const isKept = this.#ticks++ % (pointMs / pictureMs) === 0;
    if (!isKept && this.#pages.size === 0) return;
    try {
      const isSeen = this.#pages.size > 0;
      await Promise.all([isKept && this.#sources.refresh(), isSeen && this.#alerts.refresh()]);
      this.#take(isKept);
      for (const page of this.#pages) page.offer(this.#pictureOf(page.process));
    } catch (error) {
      this.#options.onError(error);
      for (const page of this.#pages) page.offer(ALIVE);
    }
  }

  /**
   * Opens a page: its stream begins with the history and a picture. Destroy it to close it.
   *
   * @returns undefined if no process of this id runs
   */
  async open(process: string | null): Promise<LivePage | undefined> {
    const isKnown = process === null || this.#sources.has(process);
    if (this.#sample === undefined || !isKnown) await this.#sources.refresh();
    if (process !== null && !this.#sources.has(process)) return undefined;
    if (this.#pages.size === 0) {
      // Pages that are opened at the same moment share one sample.
      this.#opening ??= this.#alerts.refresh().finally(() => {
        this.#opening = undefined;
        this.#take(false);
      });
      await this.#opening;
    }
    const page = new LivePage(process, [this.#historyOf(process), this.#pictureOf(process)]);
    this.#pages.add(page);
    page.once('close', () => this.#pages.delete(page));
    if (this.#isClosed) page.finish(closing());
    return page;
  }

  /** Ends all pages, whose readers connect again to the next process. */
  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    const last = closing();
    for (const page of this.#pages) page.finish(last);
  }

  #take(isKept: boolean): void {
    const { audit, statementMs } = this.#sources;
    const sources = this.#sources.list();
    const at = new Date().toISOString();
    this.#sample = { at, isKept, sources, alerts: this.#alerts.value, audit, statementMs };
    this.#pictures.clear();
    if (!isKept) return;
    this.#histories.clear();
    const points = sources.map(({ id, tallies }) => [id, pointOf(tallies, at)] as const);
    this.#history.add(pointOf(talliesOf(sources), at), new Map(points));
  }

  #pictureOf(process: string | null): Buffer {
    const sample = this.#sample;
    if (sample === undefined) return ALIVE;
    const made = this.#pictures.get(process) ?? frameOf('picture', pictureOf(sample, process));
    this.#pictures.set(process, made);
    return made;
  }

  #historyOf(process: string | null): Buffer {
    const { version } = this.#options;
    const points = this.#history.points(process);
    const made = this.#histories.get(process) ?? frameOf('history', { version, everyMs: pointMs, points });
    this.#histories.set(process, made);
    return made;
  }
}

const closing = (): Buffer => frameOf('closing', { at: new Date().toISOString() });

/** JSON has no line break, so the data is one line. */
const frameOf = <Name extends keyof LiveFrames>(event: Name, data: LiveFrames[Name]): Buffer =>
  Buffer.from(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
