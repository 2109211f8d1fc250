import { describe, expect, it } from 'vitest';
import { columnsOf, gapsOf, withHistory, withPoint, type ChartPoint } from '../../page/live/points.ts';
import type { LivePoint } from '../../src/live/frame.ts';

const BEGIN = Date.parse('2026-12-01T00:00:00.000Z');

/** A point whose figures name its second. */
function pointAt(second: number): LivePoint {
  const figures = {
    operationsPerSecond: second,
    itemsPerSecond: 0,
    p50Ms: 0,
    p95Ms: 0,
    p99Ms: 0,
    averageItems: null,
    successRate: 1,
  };
  return { at: new Date(BEGIN + second * 1_000).toISOString(), all: figures, operations: {} };
}

const kept = (second: number): ChartPoint => ({ point: pointAt(second), isKept: true });
const fine = (second: number): ChartPoint => ({ point: pointAt(second), isKept: false });
const secondsOf = (points: readonly ChartPoint[]): number[] =>
  points.map(({ point }) => (Date.parse(point.at) - BEGIN) / 1_000);

describe('the points of the charts', () => {
  it('the history of a service that was restarted is added to the points of before', () => {
    const before = [kept(0), kept(10), fine(12)];
    expect(secondsOf(withHistory(before, [pointAt(50), pointAt(60)]))).toEqual([0, 10, 12, 50, 60]);
  });

  it('a point that the history has as well stands once', () => {
    expect(withHistory([fine(10)], [pointAt(0), pointAt(10)])).toEqual([kept(0), kept(10)]);
  });

  it('points between those that the service remembers are kept for five minutes, all others for an hour', () => {
    const points = [kept(0), kept(1_000), fine(3_600), fine(3_890), kept(3_900)];
    expect(secondsOf(withPoint(points, fine(4_000)))).toEqual([1_000, 3_890, 3_900, 4_000]);
    expect(secondsOf(withPoint(points, fine(9_000)))).toEqual([9_000]);
  });

  it('a service whose clock was set back begins anew at its time', () => {
    expect(secondsOf(withPoint([kept(0), kept(10), kept(20)], kept(5)))).toEqual([0, 5]);
  });
});

describe('the columns of a chart', () => {
  const line = ({ all }: LivePoint): number | null => all?.operationsPerSecond ?? null;

  it('they have the times in seconds, and the values of each line', () => {
    const [times, first, second] = columnsOf([kept(0), kept(10)], [line, () => null], {
      spanMs: 60_000,
      gapMs: 25_000,
    });
    expect(times).toEqual([BEGIN / 1_000, BEGIN / 1_000 + 10]);
    expect([first, second]).toEqual([
      [0, 10],
      [null, null],
    ]);
  });

  it('points before the span are left out', () => {
    const [, values] = columnsOf([kept(0), kept(10), kept(20)], [line], { spanMs: 10_000, gapMs: 25_000 });
    expect(values).toEqual([10, 20]);
  });

  it('a time without points breaks the line, and is named as a gap', () => {
    const points = [kept(10), kept(20), kept(90), kept(100)];
    const [, values] = columnsOf(points, [line], { spanMs: 600_000, gapMs: 25_000 });
    expect(values).toEqual([10, 20, null, 90, 100]);
    expect(gapsOf(points, 25_000)).toEqual([[BEGIN / 1_000 + 20, BEGIN / 1_000 + 90]]);
  });

  it('without points there are none', () => {
    expect(columnsOf([], [line], { spanMs: 1, gapMs: 1 })).toEqual([[], []]);
  });
});
