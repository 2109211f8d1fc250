import { describe, expect, it } from 'vitest';
import { depthOf, outlineOf } from '../../page/charts/depth.ts';

const level = (price: string, quantity: string) => ({ price, quantity, orders: 1 });

describe('the depth of an order book', () => {
  it('each level has the exact sum of the quantities up to it', () => {
    const { bids, asks } = depthOf({
      bids: [level('99', '0.1'), level('98', '0.2')],
      asks: [level('101', '12345678901234567.000000000000000001'), level('102', '1')],
    });
    expect(bids.map(({ total }) => total)).toEqual(['0.1', '0.3']);
    expect(asks.map(({ total }) => total)).toEqual([
      '12345678901234567.000000000000000001',
      '12345678901234568.000000000000000001',
    ]);
  });

  it('it is drawn from the lowest bid to the highest ask, as high as the larger side', () => {
    const { bids, asks } = depthOf({ bids: [level('90', '1'), level('80', '1')], asks: [level('100', '4')] });
    expect(bids.map(({ x, y }) => [x, y])).toEqual([
      [0.5, 0.25],
      [0, 0.5],
    ]);
    expect(asks.map(({ x, y }) => [x, y])).toEqual([[1, 1]]);
  });

  it('a side is a flight of steps that is closed along the ground', () => {
    const { bids } = depthOf({ bids: [level('90', '1'), level('80', '1')], asks: [level('100', '2')] });
    expect(outlineOf(bids, 100, 100)).toBe('M50.0 100.0V50.0H0.0V0.0H0.0V100.0Z');
  });

  it('an empty book has nothing to draw', () => {
    const { bids, asks } = depthOf({ bids: [], asks: [] });
    expect([bids, asks, outlineOf(bids, 1, 1)]).toEqual([[], [], '']);
    expect(depthOf({ bids: [level('1', '0')], asks: [] }).bids[0]).toMatchObject({ x: 0.5, y: 0 });
  });
});
