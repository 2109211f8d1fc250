/** Something that is not as it should be. */
export interface Finding {
  /** `hurts`: it costs correctness, safety or most of the speed, now. `advice`: it could be better. */
  readonly severity: 'hurts' | 'advice';
  /** Its subject, such as `index orders_book`. */
  readonly subject: string;
  /** The fault, with its figures. */
  readonly message: string;
  /** The remedy. */
  readonly remedy: string;
}

/** A finding, and the check that found it. */
export interface DoctorFinding extends Finding {
  /** The name of the check that found it. */
  readonly check: string;
}

export interface DoctorReport {
  /** Whether nothing hurts; there may be advice. */
  readonly ok: boolean;
  /** In the order of the checks. */
  readonly findings: readonly DoctorFinding[];
  /** The names of the checks that were made. */
  readonly checks: readonly string[];
}
