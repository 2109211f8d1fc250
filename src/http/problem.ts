export interface ProblemOptions {
  /** The status of the answer. */
  readonly status: number;
  /** Stable, as the codes of `PincexError`. */
  readonly code: string;
  /** What all problems of this code have in common. */
  readonly title: string;
  /** What is wrong with this request, for people. */
  readonly detail: string;
  /** Whether the same request may succeed later as it is. Default: no. */
  readonly retryable?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  /** Further members of the body. */
  readonly extensions?: Readonly<Record<string, unknown>>;
}

/** Why the service refuses a request before the library is asked; answered as problem details of RFC 9457. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly retryable: boolean;
  readonly headers: Readonly<Record<string, string>>;
  readonly extensions: Readonly<Record<string, unknown>>;

  constructor(options: ProblemOptions) {
    super(options.detail);
    this.status = options.status;
    this.code = options.code;
    this.title = options.title;
    this.detail = options.detail;
    this.retryable = options.retryable ?? false;
    this.headers = options.headers ?? {};
    this.extensions = options.extensions ?? {};
  }
}
