import type { Alert } from '../alert.ts';

/**
 * How a condition stands: above its threshold, back below it by the hysteresis, or between the two. Between them nothing begins
 * and nothing ends, so an alert does not flap.
 */
export type Level = 'above' | 'between' | 'below';

/** How the condition of a rule stands for one subject. */
export interface Judgement {
  readonly level: Level;
  /**
   * Above, it names the value and the threshold. Below, it may say why the condition is over although its value did not fall; the
   * alert is then resolved with it. Else it is empty.
   */
  readonly message: string;
}

/** An alert that is pending, fires, or has just been resolved. Times are in milliseconds since the epoch. */
export interface Tracked extends Pick<Alert, 'id' | 'rule' | 'subject' | 'severity' | 'state' | 'message'> {
  readonly pendingAt: number;
  readonly firedAt: number | null;
  /** Since when the condition of a firing alert has been below. */
  readonly calmAt: number | null;
  readonly resolvedAt: number | null;
  /** When a process that knows the rule last judged it. */
  readonly judgedAt: number;
}

/** The threshold is exceeded above it, and left at or below the share of it that the hysteresis leaves. */
export function levelOf(value: number, threshold: number, hysteresis: number): Level {
  if (value > threshold) return 'above';
  return value <= threshold * (1 - hysteresis) ? 'below' : 'between';
}

/** The alert of a condition that has none: pending, or firing at once if it does not have to wait. */
export function begun(
  key: Pick<Tracked, 'id' | 'rule' | 'subject' | 'severity'>,
  { message }: Judgement,
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
    judgedAt: now,
  } as const;
  return forMs === 0 ? { ...pending, state: 'firing', firedAt: now } : pending;
}

/**
 * An open alert after another judgement. A pending one fires once it has been above for `forMs`, and is forgotten (undefined) as
 * soon as it is not above. A firing one is resolved once it has been below for `forMs`.
 */
export function advanced(
  alert: Tracked,
  { level, message }: Judgement,
  now: number,
  forMs: number,
): Tracked | undefined {
  const judged = { ...alert, judgedAt: now };
  if (alert.state === 'pending') {
    if (level !== 'above') return undefined;
    const isDue = now - alert.pendingAt >= forMs;
    return { ...judged, message, ...(isDue && { state: 'firing', firedAt: now }) };
  }
  if (level === 'above') return { ...judged, message, calmAt: null };
  if (level === 'between') return { ...judged, calmAt: null };
  const calmAt = alert.calmAt ?? now;
  if (now - calmAt < forMs) return { ...judged, calmAt };
  return { ...judged, calmAt, state: 'resolved', resolvedAt: now, message: message || alert.message };
}

/** An open alert after a time in which nobody judged it: whether its condition held meanwhile is not known. */
export const waitingAnew = (alert: Tracked, now: number): Tracked => ({
  ...alert,
  pendingAt: alert.state === 'pending' ? now : alert.pendingAt,
  calmAt: null,
});
