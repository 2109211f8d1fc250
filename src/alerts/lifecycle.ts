import type { Alert } from '../alert.ts';

/**
 * How a condition stands: above its threshold, back below it by the hysteresis, or between the two. Between them nothing begins
 * and nothing ends, so an alert does not flap.
 */
export type Level = 'above' | 'between' | 'below';

/** A condition as it was observed. */
export interface Reading {
  readonly level: Level;
  /** Names the value and the threshold. */
  readonly message: string;
}

/** An alert that is pending, fires, or has just been resolved. Times are in milliseconds since the epoch. */
export interface Tracked extends Pick<Alert, 'id' | 'rule' | 'subject' | 'severity' | 'state' | 'message'> {
  readonly pendingAt: number;
  readonly firedAt: number | null;
  /** Since when the condition of a firing alert has been below. */
  readonly calmAt: number | null;
  readonly resolvedAt: number | null;
}

/** The threshold is exceeded above it, and left at or below the share of it that the hysteresis leaves. */
export function levelOf(value: number, threshold: number, hysteresis: number): Level {
  if (value > threshold) return 'above';
  return value <= threshold * (1 - hysteresis) ? 'below' : 'between';
}

/** The alert of a condition that has none: pending, or firing at once if it does not have to wait. */
export function begun(
  key: Pick<Tracked, 'id' | 'rule' | 'subject' | 'severity'>,
  { message }: Reading,
  now: number,
  forMs: number,
): Tracked {
  const pending = {
    ...key,
    message,
    state: 'pending',
    pendingAt: now,
    firedAt: null,
    calmAt: null,
    resolvedAt: null,
  } as const;
  return forMs === 0 ? { ...pending, state: 'firing', firedAt: now } : pending;
}

/**
 * An open alert after another reading. A pending one fires once it has been above for `forMs`, and is forgotten (undefined) as
 * soon as it is not above. A firing one is resolved once it has been below for `forMs`.
 */
export function advanced(
  alert: Tracked,
  { level, message }: Reading,
  now: number,
  forMs: number,
): Tracked | undefined {
  if (alert.state === 'pending') {
    if (level !== 'above') return undefined;
    const isDue = now - alert.pendingAt >= forMs;
    return { ...alert, message, ...(isDue && { state: 'firing', firedAt: now }) };
  }
  if (level === 'above') return { ...alert, message, calmAt: null };
  if (level === 'between') return { ...alert, calmAt: null };
  const calmAt = alert.calmAt ?? now;
  const isOver = now - calmAt >= forMs;
  return { ...alert, calmAt, ...(isOver && { state: 'resolved', resolvedAt: now }) };
}
