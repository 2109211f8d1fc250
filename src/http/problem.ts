export interface ProblemOptions {
  readonly headers?: Record<string, string>;
  /** Members of the problem details beyond the usual ones. */
  readonly extensions?: Record<string, unknown>;
}

/** An error as HTTP tells it: thrown where a request cannot be served, answered as problem details (RFC 9457). */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: number;
  /** Stable, lower_snake_case. */
  readonly code: string;
  readonly options: ProblemOptions | undefined;

  /** @param detail for people */
  constructor(status: number, code: string, detail: string, options?: ProblemOptions) {
    super(detail);
    this.status = status;
    this.code = code;
    this.options = options;
  }
}
