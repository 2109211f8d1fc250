import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { limits } from '../../src/limits.ts';
import { LiveFeed } from '../../src/live/feed.ts';
import type { LiveHistory, LivePicture, LivePoint } from '../../src/live/frame.ts';
import { PointHistory } from '../../src/live/history.ts';
import type { LivePage } from '../../src/live/page.ts';
import { fresh, newUser, useBooks } from '../support/books.ts';

const books = useBooks();

function feedOf(onError: (error: unknown) => void = (error) => expect.unreachable(String(error))): LiveFeed {
  const feed = new LiveFeed(books.pincex, { version: '1.2.3', onError });
  onTestFinished(() => {
    feed.close();
  });
  return feed;
}

async function opened(feed: LiveFeed): Promise<LivePage> {
  const page = await feed.open(null);
  if (page === undefined) throw new Error('The page was refused');
  onTestFinished(() => void page.destroy());
  return page;
}

/** The next frame of a page, as text. */
async function frameOf(page: LivePage): Promise<string> {
  for (;;) {
    const frame = page.read() as Buffer | null;
    if (frame !== null) return frame.toString();
    await new Promise((resolve) => page.once('readable', resolve));
  }
}

const dataOf = (frame: string): unknown => JSON.parse(/^data: (.*)$/m.exec(frame)![1]!);
const historyIn = (frame: string) => dataOf(frame) as LiveHistory;
const pictureIn = (frame: string) => dataOf(frame) as LivePicture;

describe('the feed of the live page', () => {
  it('points are kept every ten seconds also while no page is open, and a page begins with them', async () => {
    const feed = feedOf();
    for (let n = 0; n < 11; n++) await feed.tick();
    const frames = await frameOf(await opened(feed));
    const [history, picture] = frames.split('\n\n');
    expect(historyIn(history!)).toMatchObject({ version: '1.2.3', everyMs: 10_000 });
    expect(historyIn(history!).points.length).toBe(3);
    expect(pictureIn(picture!).isKept).toBe(false);
  });

  it('pages that show the same process get the same bytes, which are made once', async () => {
    const feed = feedOf();
    const pages = [await opened(feed), await opened(feed)];
    for (const page of pages) await frameOf(page);
    const metrics = vi.spyOn(books.pincex.monitor, 'allTallies');
    onTestFinished(() => {
      metrics.mockRestore();
    });
    await feed.tick();
    const [a, b] = await Promise.all(pages.map(frameOf));
    expect(a).toBe(b);
    expect(metrics).toHaveBeenCalledTimes(1);
  });

  it('a page that is behind skips pictures, and then gets the newest', async () => {
    const feed = feedOf();
    const page = await opened(feed);
    await frameOf(page);
    for (let n = 0; n < 20; n++) await feed.tick();
    expect(page.readableLength).toBeLessThan(
      2 * JSON.stringify(books.pincex.monitor.getMetrics()).length + 20_000,
    );
    const before = pictureIn(await frameOf(page));
    await feed.tick();
    const newest = pictureIn(await frameOf(page));
    expect(newest.at >= before.at).toBe(true);
  });

  it('a picture that cannot be made is left out, the page stays open, and batches go on', async () => {
    const errors: unknown[] = [];
    const feed = feedOf((error) => void errors.push(error));
    const page = await opened(feed);
    await frameOf(page);
    const broken = new Error('broken');
    const tallies = vi.spyOn(books.pincex.monitor, 'allTallies').mockImplementation(() => {
      throw broken;
    });
    await feed.tick();
    tallies.mockRestore();
    expect(errors).toEqual([broken]);
    expect(await frameOf(page)).toBe(': alive\n\n');
    const userId = await newUser(books.pincex, { USD: '5' });
    const item = { id: fresh('w'), userId, currency: 'USD', amount: '1' };
    expect((await books.pincex.bookkeeper.batchWithdraw([item])).counts.applied).toBe(1);
    await feed.tick();
    expect(await frameOf(page)).toMatch(/^event: picture\n/);
  });
});

describe('the history of the live page', () => {
  const point = (n: number): LivePoint => ({ at: String(n), operations: {}, all: null });

  it('an hour of points is remembered, of a bounded number of processes, and none of a process that ended', () => {
    const history = new PointHistory();
    const many = limits.live.processes + 5;
    const all = new Map(Array.from({ length: many }, (_, n) => [`p${n}`, point(n)]));
    for (let n = 0; n < 400; n++) history.add(point(n), all);
    expect(history.points(null).map(({ at }) => at)).toEqual(
      Array.from({ length: 360 }, (_, n) => String(n + 40)),
    );
    const remembered = [...all.keys()].filter((id) => history.points(id).length > 0);
    expect(remembered.length).toBe(limits.live.processes);
    history.add(point(400), new Map([['p1', point(0)]]));
    expect([history.points('p0').length, history.points('p1').length]).toEqual([0, 360]);
  });
});
