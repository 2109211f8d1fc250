/** Why a call over HTTP is refused, as it is told: RFC 9457. */
export class Problem extends Error {
  readonly status: number;
  /** Stable, lower_snake_case. */
  readonly code: string;
  readonly options: ProblemOptions;

  constructor(status: number, code: string, detail: string, options: ProblemOptions = {}) {
    super(detail);
    this.status = status;
    this.code = code;
    this.options = options;
  }
}

export interface ProblemOptions {
  /** Whether the same call may succeed later as it is. Default: no. */
  readonly retryable?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  /** Members beside those that every problem has. */
  readonly extensions?: Readonly<Record<string, unknown>>;
}
