/** A moment in UTC, as logs have it: the day, the second, and the rest. Null for a text that is no time. */
export interface TimeParts {
  readonly day: string;
  readonly clock: string;
  /** `.123`, or empty. */
  readonly fraction: string;
}

/** Splits the text of the service: reading it into a `Date` would lose its microseconds. */
export function timeParts(iso: string): TimeParts | null {
  const [, day, clock, fraction = ''] = /^(\d{4,}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?Z$/.exec(iso) ?? [];
  return day === undefined || clock === undefined ? null : { day, clock, fraction };
}

/** How long before `now`, in one unit: `just now`, `12 s`, `5 min`, `3 h`, `9 days`. Both are times of the service. */
export function ago(iso: string, now: string): string {
  const seconds = Math.floor((Date.parse(now) - Date.parse(iso)) / 1_000);
  if (Number.isNaN(seconds)) return '';
  if (seconds < 2) return 'just now';
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 48 * 3_600) return `${Math.floor(seconds / 3_600)} h ago`;
  return `${Math.floor(seconds / 86_400)} days ago`;
}
