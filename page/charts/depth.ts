import { sumOf } from '../format/amounts.ts';

/** A price level of an order book, as the service sends it. */
export interface Level {
  readonly price: string;
  readonly quantity: string;
  readonly orders: number;
}

/** A level with the quantity of all levels up to it, the best first. Its strings are exact. */
export interface DepthLevel extends Level {
  readonly total: string;
  /** Where it is drawn, from 0 to 1: never printed, since a number has not the digits of an amount. */
  readonly x: number;
  readonly y: number;
}

export interface Depth {
  readonly bids: readonly DepthLevel[];
  readonly asks: readonly DepthLevel[];
}

/** Both sides of a book, the best price of each in the middle. */
export function depthOf(book: { readonly bids: readonly Level[]; readonly asks: readonly Level[] }): Depth {
  const [bids, asks] = [withTotals(book.bids), withTotals(book.asks)];
  const prices = [...bids, ...asks].map(pixelsOf);
  const [left, right] = [Math.min(...prices), Math.max(...prices)];
  const highest = Math.max(...[bids.at(-1), asks.at(-1)].map((level) => Number(level?.total ?? '0')));
  const place = (level: Level & { readonly total: string }): DepthLevel => ({
    ...level,
    x: right === left ? 0.5 : (pixelsOf(level) - left) / (right - left),
    y: highest === 0 ? 0 : Number(level.total) / highest,
  });
  return { bids: bids.map(place), asks: asks.map(place) };
}

/** A price as a number: good for its place in a picture, and for nothing else. */
const pixelsOf = ({ price }: Level): number => Number(price);

function withTotals(levels: readonly Level[]): (Level & { readonly total: string })[] {
  let total = '0';
  return levels.map((level) => {
    total = sumOf([total, level.quantity]);
    return { ...level, total };
  });
}

/** The outline of a side as the path of an SVG: a step at each price, closed along the ground. */
export function outlineOf(levels: readonly DepthLevel[], width: number, height: number): string {
  const [best] = levels;
  const last = levels.at(-1);
  if (best === undefined || last === undefined) return '';
  const at = (value: number): string => value.toFixed(1);
  const up = (y: number): string => at(height - y * height);
  const steps = levels.map(({ x, y }, n) => {
    // Behind its price the line stays at the total of the level until the next price.
    const next = levels[n + 1]?.x ?? x;
    return `V${up(y)}H${at(next * width)}`;
  });
  return `M${at(best.x * width)} ${at(height)}${steps.join('')}V${at(height)}Z`;
}
