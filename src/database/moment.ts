/**
 * When something happened: whole microseconds since the epoch, which PostgreSQL stores and JavaScript's numbers hold
 * exactly until the year 2255.
 */
export type Moment = number;

let last: Moment = 0;

/** Takes so many moments, one after the other, none of which was given before in this process. Returns the first. */
export function takeMoments(count: number): Moment {
  const first = Math.max(Date.now() * 1_000, last + 1);
  last = first + count - 1;
  return first;
}

/** A moment as ISO 8601 in UTC with microseconds: what `isoMoment` tells once PostgreSQL has stored it. */
export function momentText(moment: Moment): string {
  const millis = new Date(Math.floor(moment / 1_000)).toISOString().slice(0, -1);
  return `${millis}${String(moment % 1_000).padStart(3, '0')}Z`;
}
