/**
 * A time in whole microseconds since the epoch: the resolution of PostgreSQL, and exact in a JavaScript number until the year
 * 2255.
 */
export type Moment = number;

let last: Moment = 0;

/** Takes `count` consecutive moments that were not taken before in this process, and returns the first. */
export function takeMoments(count: number): Moment {
  const first = Math.max(Date.now() * 1_000, last + 1);
  last = first + count - 1;
  return first;
}

/** A moment as ISO 8601 in UTC with microseconds. `isoMoment` returns the same text for the stored time. */
export function momentText(moment: Moment): string {
  const millis = new Date(Math.floor(moment / 1_000)).toISOString().slice(0, -1);
  return `${millis}${String(moment % 1_000).padStart(3, '0')}Z`;
}
