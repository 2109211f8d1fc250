/** `error`: calls fail or the books are wrong. `warning`: it is slow, or will be. */
export type AlertSeverity = 'error' | 'warning';

/** An alert. Times are ISO 8601 in UTC. */
export interface Alert {
  /** A UUID, the same while it is pending, fires and is resolved. */
  readonly id: string;
  /** The rule that raised it, such as `success_rate`: see docs/monitoring.md. */
  readonly rule: string;
  /** The check of the doctor for the rule `doctor`, the process as `host:pid` for those of the pool and the cache; else empty. */
  readonly subject: string;
  readonly severity: AlertSeverity;
  /** `pending`: the condition holds, but not yet for long enough. */
  readonly state: 'pending' | 'firing' | 'resolved';
  /** Names the value and the threshold, as they were when the condition held last. */
  readonly message: string;
  /** Since when the condition held. */
  readonly pendingAt: string;
  /** When it began to fire; null if it is pending. */
  readonly firedAt: string | null;
  readonly resolvedAt: string | null;
  /** When and by whom it was acknowledged; null if it was not. */
  readonly acknowledgedAt: string | null;
  readonly acknowledgedBy: string | null;
}
