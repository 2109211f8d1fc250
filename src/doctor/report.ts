/** A problem of the installation. */
export interface Finding {
  /** `hurts`: it costs correctness, safety or most of the speed, now. `advice`: it could be better. */
  readonly severity: 'hurts' | 'advice';
  /** The part that has the problem, such as `index orders_book`. */
  readonly subject: string;
  /** The problem, with its figures. */
  readonly message: string;
  /** The steps that solve it. */
  readonly remedy: string;
}

/** A finding, and the check that found it. */
export interface DoctorFinding extends Finding {
  /** The name of the check that found it. */
  readonly check: string;
}

export interface DoctorReport {
  /** Whether no finding has the severity `hurts`; there may be advice. */
  readonly ok: boolean;
  /** In the order of the checks. */
  readonly findings: readonly DoctorFinding[];
  /** The names of the checks that were made. */
  readonly checks: readonly string[];
}
